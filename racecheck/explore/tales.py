"""What generated code tells of each outcome of a move: whose it is, its ways, what it says of a goal."""

from __future__ import annotations

from typing import Any

from racecheck.compiler.ir import Attempt, Choose, Event, Node
from racecheck.explore.generate import EntryRegion
from racecheck.explore.lines import Lines
from racecheck.explore.text import TOO_LARGE

TOLD, PARTS = 17, 20
"""Bits of a tale: what it says of the goal, and above that whose move it is; the rest are its ways."""
MOST_WAYS = 1 << 24
"""What machine code can tell of the ways of a move's choices."""


class TrackedRegion(EntryRegion):
    """Moves with a tale of each outcome: its ``part``, the ways of its choices, what it says of a goal.

    ``told`` is 1 with the goal, 2 more with the head of the victim's loop after it, 4 more for each before.
    """

    def __init__(self, goal: str | None, part: int | str, *args: Any, **options: Any) -> None:
        self.goal = goal
        self.part = part
        super().__init__(*args, **options)

    def begin(self, lines: Lines) -> None:
        """One way, nothing told."""
        super().begin(lines)
        lines.add("told = 0", "span = 1")

    def mark(self, lines: Lines, at: int, node: Node) -> None:
        """The head of the victim's loop, the goal, the options of a choice."""
        super().mark(lines, at, node)
        if isinstance(node, Attempt) and self.goal is not None:
            lines.add("if told & 1:", "    told |= 2", "else:", "    told += 4")
        if isinstance(node, Event) and node.name == self.goal:
            lines.add("told |= 1")
        if isinstance(node, Choose):
            lines.add(f"span *= {len(node.options)}")
            if self.words.for_machine:
                lines.add(f"if span > {MOST_WAYS}:", f"    return {TOO_LARGE}")

    def record(self, lines: Lines, targets: list[str]) -> None:
        """Write the target, and the tale of the outcome."""
        self.store(lines, "tales", "n", f"told | {self.part} << {TOLD} | span << {TOLD + PARTS}")
        super().record(lines, targets)
