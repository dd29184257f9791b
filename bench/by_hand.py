"""A search written by hand, in Python, for mapunmap only: what generated Python can hope for."""


def by_hand(n: int) -> tuple[int, int]:
    """How many states and transitions there are.

    A state, from the lowest bit: refcount, mapcount, the scanner's place, the mapcount that it has read,
    and two bits for the place of each mapper.
    """
    width = (n + 2).bit_length()
    mask = (1 << width) - 1
    mapcount, scanner, seen, first = width, 2 * width, 2 * width + 2, 3 * width + 2
    ref, mapped, step = 1, 1 << mapcount, 1 << scanner
    seen_mask = mask << seen
    mappers = []
    for shift in range(first, first + 2 * n, 2):
        place = 1 << shift
        mappers.append((shift, (ref + place, mapped + place, place - mapped, -ref - 3 * place)))
    initial = 1
    parents = {initial: initial}
    level = [initial]
    transitions = 0
    while level:
        following = []
        for state in level:
            for shift, changes in mappers:
                target = state + changes[state >> shift & 3]
                if target not in parents:
                    parents[target] = state
                    following.append(target)
                    if target & mask < target >> mapcount & mask:
                        raise AssertionError("refcount >= mapcount")
            place = state >> scanner & 3
            if place == 0:
                target = state + ref + step
            elif place == 1:
                target = state + step + ((state >> mapcount & mask) << seen)
            elif place == 2:
                target = state + step - (state & seen_mask)
            else:
                target = state - ref - 3 * step
            if target not in parents:
                parents[target] = state
                following.append(target)
                if target & mask < target >> mapcount & mask:
                    raise AssertionError("refcount >= mapcount")
        transitions += (n + 1) * len(level)
        level = following
    return len(parents), transitions
