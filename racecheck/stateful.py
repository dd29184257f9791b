"""The Hypothesis explorer: properties along runs that it draws, for what no search can hold.

Hypothesis draws who moves and how far, is steered towards large counters and many processes in flight,
and shrinks what it finds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from inspect import signature
from pathlib import Path
from unittest import SkipTest

import hypothesis
from attrs import define, evolve, field
from hypothesis import Phase, strategies
from hypothesis.strategies import DataObject

from racecheck.api import compiled
from racecheck.errors import PropertyError
from racecheck.explore.engine import coverage_nodes
from racecheck.explore.path import process_name
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import Space
from racecheck.harness import harness
from racecheck.interpreter import Outcome
from racecheck.model import Model, ModelFunction
from racecheck.render.columns import count
from racecheck.render.runs import render_runs
from racecheck.report import Report, build_report
from racecheck.shrink import shrink, sort_key
from racecheck.verdicts.safety import DEADLOCK, Finding, Verdict, property_names
from racecheck.walk import LONGEST_OPERATION, Course, Pick, Walk, follow, run_of

OPERATION = (LONGEST_OPERATION, False)
CROWD = [(1, False), (2, False), (1, True), (2, True), (3, True)]
STYLES = (
    [(1, False)],
    CROWD,
    [*CROWD, OPERATION, (LONGEST_OPERATION, True)],
    [(1, False), OPERATION, *((moves, False) for moves in (1, 2, 3, 4, 6, 8, 11, 15))],
)
"""What a turn may be: so many moves at most, and whether again and again. A run has one of these styles.

Races need single steps and interruptions late in an operation, many mappings need whole operations.
"""
SELDOM = 25
"""How much less often than any other turn the end of the run is drawn."""
TIMES = strategies.integers(1, 10).flatmap(lambda size: strategies.integers(1 << size, (2 << size) - 1))
"""How often a burst makes its moves: 2 to 2,047 times, as often a few as many."""
SHRINK_STEPS = 100_000
"""Steps that Hypothesis may take to shrink; long runs would keep it busy for minutes."""
NOBODYS_DEADLINE = timedelta(milliseconds=200)
"""Hypothesis's own."""
NOT_SHOWN = {
    "always": "no run breaks it",
    "assert": "no run breaks it",
    "sometimes": "no run shows it",
    "progress": "runs end; they show no block for ever",
    DEADLOCK: "runs notice it only where nobody can move",
}


class _Broken(Exception):
    """A run breaks a property."""


class _Enough(BaseException):
    """Hypothesis has shrunk for long enough: what it has is saved."""


@cache
def _failure(name: str) -> type[_Broken]:
    """Hypothesis tells failures apart by their type: each property has its own."""
    return type("Broken", (_Broken,), {"__doc__": name})


def check_runs(
    model: Model | ModelFunction,
    *,
    only: str | None = None,
    settings: hypothesis.settings | None = None,
) -> Report:
    """Check the properties of a model along runs that Hypothesis draws, where ``check`` would never end.

    ``settings`` are Hypothesis's: ``max_examples`` runs of ``stateful_step_count`` turns. Some 10,000 steps
    a second or more. Raises PropertyError with a short trace if a run breaks an ``always`` or an assert, or
    comes to where nobody can move; else the report says which ``sometimes`` were seen, and claims no more.
    """
    __tracebackhide__ = True
    start = time.monotonic()
    program = compiled(model, only)
    names = [*property_names(program), *program.failures()] if only is None else [only]
    search = _Search(Course(program, names), settings or hypothesis.settings())
    report = _report(search.course, names, search.broken_properties(), start)
    saved = harness.get().told(report)
    if search.broken:
        raise PropertyError(f"{report.outcome()}\n\n{render_runs(report, saved, width=100)}")
    return report


@define(eq=False)
class _Search:
    """What Hypothesis is to find, and the best schedule so far for each property that it found broken."""

    course: Course
    settings: hypothesis.settings
    broken: dict[str, list[Pick]] = field(factory=dict)
    most_steps: int | None = None
    """Where Hypothesis must have done: it has found something, and shrinks."""

    def broken_properties(self) -> dict[str, list[Pick]]:
        """Search until nothing new is broken, or for one if the user's settings say so; and shrink."""
        again = True
        while again and self.course.watched:
            before = set(self.broken)
            self._run()
            self.course.forget(self.broken)  # they may hide others
            again = before != set(self.broken) and self.settings.report_multiple_bugs
        if Phase.shrink in self.settings.phases:
            for name, picks in self.broken.items():
                self.broken[name] = shrink(Course(self.course.program, [name]), picks)
        return self.broken

    def _run(self) -> None:
        def explore(data: DataObject) -> None:
            self._explore(data)

        # The example database tells tests apart by source and signature: this one is for this model.
        model = self.course.program.model
        title = f"{Path(model.file).name}::{model.name} {model.parameters} {sorted(self.course.watched)}"
        explore.__signature__ = signature(explore).replace(return_annotation=title)  # type: ignore[attr-defined]
        self.most_steps = None
        try:
            _inner(self.settings)(hypothesis.given(strategies.data())(explore))()
        except (_Broken, _Enough):
            pass
        except SkipTest:  # the database has no example, and the settings ask for nothing else
            if not self.broken:
                raise

    def _explore(self, data: DataObject) -> None:
        walk = _Drawn(self.course)
        try:
            walk.go(data, self.settings.stateful_step_count)
        finally:
            walk.steer()
        if (name := walk.verdict()) is not None:
            self._keep(name, walk.picks)
            raise _failure(name)(name)
        # Not before the end of a run: Hypothesis must see the same draws for the same choices.
        if self.most_steps is not None and self.course.steps > self.most_steps:
            raise _Enough

    def _keep(self, name: str, picks: list[Pick]) -> None:
        if self.most_steps is None:
            self.most_steps = self.course.steps + SHRINK_STEPS
        if name not in self.broken or sort_key(picks) < sort_key(self.broken[name]):
            self.broken[name] = picks


def _inner(settings: hypothesis.settings) -> hypothesis.settings:
    """The user's settings for one search.

    Several bugs are several searches; nobody reads the explanations; and a run takes as long as it is, so
    there is no deadline unless the user has chosen one.
    """
    phases = [phase for phase in settings.phases if phase is not Phase.explain]
    deadline = None if settings.deadline == NOBODYS_DEADLINE else settings.deadline
    return hypothesis.settings(settings, phases=phases, deadline=deadline, report_multiple_bugs=False)


@define(eq=False)
class _Drawn(Walk):
    """A run whose turns Hypothesis draws."""

    highest: list[int] = field(factory=list)
    busiest: int = 0

    def go(self, data: DataObject, turns: int) -> None:
        """Take turns until there were enough, nobody can move, or something is broken."""
        self._keep()
        style = STYLES[_number(data, len(STYLES))]
        for _ in range(turns):
            able = self.able()
            turn = _number(data, SELDOM * len(style) * len(able) + 1) if able else 0
            if turn == 0:  # the simplest turn ends the run, so that shrinking does
                return
            how, who = divmod((turn - 1) % (len(style) * len(able)), len(able))
            self._turn(data, *able[who], *style[how])
            self._keep()

    def _turn(self, data: DataObject, entry: int, number: int, moves: int, again: bool) -> None:
        def choose(options: Sequence[Outcome]) -> Outcome:
            return options[_number(data, len(options))]

        if again:
            self.burst(entry, number, choose, moves, data.draw(TIMES))
        else:
            self.advance(entry, number, choose, moves)

    def _keep(self) -> None:
        self.highest = list(map(max, self.highest or self.shared, self.shared))
        self.busiest = max(self.busiest, self.in_flight())

    def steer(self) -> None:
        """Tell Hypothesis how far the run has come."""
        self.course.runs += 1
        self.course.longest = max(self.course.longest, len(self.picks))
        for slot, value in zip(self.course.program.slots, self.highest, strict=True):
            if slot.kind == "Atomic":
                hypothesis.target(value, label=slot.label)
        hypothesis.target(self.busiest, label="processes in flight")


def _number(data: DataObject, count: int) -> int:
    return data.draw(strategies.integers(0, count - 1)) if count > 1 else 0


def _report(course: Course, names: list[str], broken: dict[str, list[Pick]], start: float) -> Report:
    """What the runs have shown; a search that has stopped, of states that it did not keep."""
    engine = ReferenceEngine(course.program, symmetry=True)
    engine.name = "hypothesis"
    passed = {(e, node) for e, nodes in course.passed for node in nodes}
    engine.happened = sum(1 << i for i, at in enumerate(coverage_nodes(course.program)) if at in passed)
    stopped = f"the end of {count(course.runs, 'run')}"
    space = Space(engine, {}, stopped=stopped, transitions=course.steps, depth=course.longest)
    report = build_report(space, _findings(course, names, broken), time.monotonic() - start)
    return evolve(report, states=len(course.seen))


def _findings(course: Course, names: list[str], broken: dict[str, list[Pick]]) -> list[Finding]:
    """A finding for each property; an unlock can fail that no report speaks of as long as none does."""
    kinds = {claim.property.name: claim.property.kind for claim in course.program.claims}
    kinds |= dict.fromkeys(course.program.asserts(), "assert") | {DEADLOCK: DEADLOCK}
    found = []
    for name in dict.fromkeys(names):
        kind = kinds.get(name, "assert")
        if name in broken:
            found.append(_broken(course, name, kind, broken[name]))
        elif name in course.shown:
            found.append(Finding(name, kind, Verdict.HOLDS))
        elif name in kinds:
            found.append(Finding(name, kind, Verdict.UNFINISHED, reason=NOT_SHOWN[kind]))
    return found


def _broken(course: Course, name: str, kind: str, picks: list[Pick]) -> Finding:
    run = run_of(course.program, picks)
    if kind != DEADLOCK:
        return Finding(name, kind, Verdict.VIOLATED, run)
    waiting = []
    for e, number in follow(Course(course.program, [name]), picks).waiting():
        entry, place = course.program.entries[e], run.states[-1].places[e][number]
        site = entry.graph.nodes[place.node].site
        waiting.append(f"{process_name(course.program, e, number)} at {site.line}: {site.text}")
    return Finding(name, kind, Verdict.STUCK, run, waiting=tuple(waiting))
