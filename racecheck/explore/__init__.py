"""Breadth-first search, by the reference interpreter or by generated code."""
