"""Generated code as indented lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

DONE = "@done"
"""Stands for the end of a move until it is known whether that needs a line."""


@define
class Lines:
    """Source lines with their indentation."""

    lines: list[tuple[int, str]] = field(factory=list)
    depth: int = 0

    def add(self, *texts: str) -> None:
        """Append lines at the present depth."""
        self.lines.extend((self.depth, text) for text in texts)

    @contextmanager
    def under(self, header: str) -> Iterator[None]:
        """Append a header, and indent what follows."""
        self.add(header)
        self.depth += 1
        yield
        self.depth -= 1

    def append(self, other: Lines) -> None:
        """Append another block at the present depth."""
        self.lines.extend((self.depth + depth, text) for depth, text in other.lines)

    def __str__(self) -> str:
        return "\n".join("    " * depth + text for depth, text in self.lines)


def fork(condition: str, yes: Lines, no: Lines) -> Lines:
    """``if condition: yes else: no``, or one of them if they are the same."""
    if yes.lines == no.lines:
        return yes
    lines = Lines()
    with lines.under(f"if {condition}:"):
        lines.append(yes)
    with lines.under("else:"):
        lines.append(no)
    return lines


def without_labels(lines: Lines) -> Lines:
    """The code where no jump needs a label."""
    kept: list[tuple[int, str]] = []
    for depth, text in lines.lines:
        if text != DONE:
            kept.append((depth, text))
        elif not kept or kept[-1][0] < depth:
            kept.append((depth, "pass"))
    return Lines(kept)


def total(constant: int, *terms: str) -> str:
    """The sum of a constant and other terms, as an expression."""
    parts = [*terms, str(constant)] if constant or not terms else terms
    return " + ".join(parts).replace("+ -", "- ")


def substitute(text: str, **names: str) -> str:
    """The text with whole names replaced."""
    return re.sub(r"\b[a-z_]+\d*\b", lambda match: names.get(match[0], match[0]), text)
