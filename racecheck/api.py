check = explore = None
