"""What there is to say of each state of a space: initial, violated, stuck, excused, or blocked."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from racecheck.compiler.program import Claim, Program
from racecheck.explore.engine import Goal, Key, goal_of, normal_bits
from racecheck.explore.search import Space
from racecheck.verdicts.deadlock import find_stuck
from racecheck.verdicts.filling import arena_of
from racecheck.verdicts.ladder import LADDER, SETS

VIOLATED, STUCK, EXCUSED, INITIAL = "violated", "stuck", "excused", "initial"


@frozen
class Marks:
    """The marks of the states, by their number; those of a rung are about the event of ``goal``."""

    of: dict[int, tuple[str, ...]]
    goal: Goal | None


def progress_claim(program: Program) -> Claim | None:
    """The progress property that a picture is about: the first one."""
    return next((claim for claim in program.claims if claim.property.kind == "progress"), None)


def marks_of(space: Space, give_up: Callable[[], object] = lambda: None) -> Marks:
    """Look at every state; numbers are those of ``space.parents``. Costs as much as the verdicts do.

    Of a search that was stopped, the rungs are those of the states that were reached.
    """
    found: dict[int, list[str]] = {}
    for number in _violated(space):
        found.setdefault(number, []).append(VIOLATED)
    stuck = find_stuck(space, give_up) if space.complete else None
    if stuck is not None:
        found.setdefault(_number(space, stuck.key), []).append(STUCK)
    claim = progress_claim(space.program)
    goal = goal_of(space.program, claim) if claim is not None else None
    if claim is not None and goal is not None:
        for number, mark in _ladder(space, claim, goal, give_up).items():
            found.setdefault(number, []).append(mark)
    found.setdefault(0, []).append(INITIAL)
    return Marks({number: tuple(marks) for number, marks in found.items()}, goal)


def _number(space: Space, key: Key) -> int:
    return next(number for number, other in enumerate(space.parents) if other == key)


def _violated(space: Space) -> list[int]:
    """The states in which an ``always`` is false, or behind a failed assert."""
    program = space.program
    always = sum(1 << i for i, claim in enumerate(program.claims) if claim.property.kind == "always")
    failures = (1 << len(program.failures())) - 1 << len(program.claims)
    if not always and not failures:
        return []
    normal, check = normal_bits(program), space.engine.check
    return [i for i, key in enumerate(space.parents) if (check(key) ^ normal) & (always | failures)]


def _ladder(space: Space, claim: Claim, goal: Goal, give_up: Callable[[], object]) -> dict[int, str]:
    """The worst rung that a state is on, or that it is excused."""
    arena = arena_of(space, claim, goal, give_up)
    marks = dict.fromkeys(map(int, arena.excused.nonzero()[0]), EXCUSED)
    for rung in reversed(LADDER):
        marks.update(dict.fromkeys(map(int, SETS[rung](arena, arena.inside).nonzero()[0]), rung))
    return marks
