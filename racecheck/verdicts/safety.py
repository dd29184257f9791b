"""Verdicts on always, assert, sometimes and deadlock."""

from __future__ import annotations

import enum
from collections.abc import Callable

from attrs import frozen

from racecheck.compiler.ir import Enter, Event, Node, Step
from racecheck.compiler.program import Program
from racecheck.explore.engine import Key, coverage_nodes
from racecheck.explore.path import Run, process_name, run_to
from racecheck.explore.search import Space
from racecheck.semantics import outcomes
from racecheck.verdicts.deadlock import find_stuck

DEADLOCK = "deadlock"


class Verdict(enum.StrEnum):
    """How a property ends."""

    HOLDS = "holds"
    VIOLATED = "violated"
    STUCK = "stuck"
    UNFINISHED = "unfinished"


@frozen
class Finding:
    """A property's verdict; the run that shows a violation; why nothing is claimed, if so."""

    property: str
    kind: str
    verdict: Verdict
    run: Run | None = None
    reason: str = ""


def property_names(program: Program) -> list[str]:
    """Every property that a check reports, in its order."""
    named = [claim.property.name for claim in program.claims]
    return [*named, *program.asserts(), DEADLOCK]


def judge(
    space: Space, only: str | None = None, give_up: Callable[[], bool] = lambda: False
) -> list[Finding]:
    """The finding for each property, or for the one that is named.

    While an assert is violated, no other property "holds": the rest of that run was not seen.
    """
    program = space.program
    failures = program.failures()
    first = len(program.claims)
    violated = [name for i, name in enumerate(failures) if first + i in space.found]
    doubt = space.stopped or ("the failed assert hides the rest of its runs" if violated else "")
    findings = [
        _claim(space, i, doubt)
        for i, claim in enumerate(program.claims)
        if only in (None, claim.property.name)
    ]
    for i, name in enumerate(failures):
        if only in (None, name) and (name in program.asserts() or name in violated):
            findings.append(_finding(space, name, "assert", space.found.get(first + i), doubt))
    if only in (None, DEADLOCK):
        findings.append(_deadlock(space, doubt, give_up))
    return findings


def _claim(space: Space, number: int, doubt: str) -> Finding:
    claim = space.program.claims[number].property
    key = space.found.get(number)
    if claim.kind == "always":
        return _finding(space, claim.name, claim.kind, key, doubt)
    if claim.kind == "progress":
        return Finding(
            claim.name,
            claim.kind,
            Verdict.UNFINISHED,
            reason="progress is not decided by this version",
        )
    if key is not None:
        return Finding(claim.name, claim.kind, Verdict.HOLDS)
    if doubt:
        return Finding(claim.name, claim.kind, Verdict.UNFINISHED, reason=doubt)
    return Finding(claim.name, claim.kind, Verdict.VIOLATED, reason="no reachable state shows it")


def _finding(space: Space, name: str, kind: str, key: Key | None, doubt: str) -> Finding:
    if key is not None:
        return Finding(name, kind, Verdict.VIOLATED, run_to(space, key))
    if doubt:
        return Finding(name, kind, Verdict.UNFINISHED, reason=doubt)
    return Finding(name, kind, Verdict.HOLDS)


def _deadlock(space: Space, doubt: str, give_up: Callable[[], bool]) -> Finding:
    key = None if give_up() else find_stuck(space, give_up)
    if key is not None:
        return Finding(DEADLOCK, DEADLOCK, Verdict.STUCK, run_to(space, key))
    if give_up() and not doubt:
        doubt = "interrupted"
    verdict = Verdict.UNFINISHED if doubt else Verdict.HOLDS
    return Finding(DEADLOCK, DEADLOCK, verdict, reason=doubt)


def never_happened(space: Space) -> list[tuple[str, Node]]:
    """The steps and events that no move has passed: the process's name and the node, once per line."""
    happened = space.engine.happened
    seen: dict[tuple[str, str, str, int], bool] = {}
    nodes: dict[tuple[str, str, str, int], Node] = {}
    for i, (e, at) in enumerate(coverage_nodes(space.program)):
        entry = space.program.entries[e]
        node = entry.graph.nodes[at]
        what = node.name if isinstance(node, Event) else node.site.text
        name = (entry.process.name, node.site.file, what, node.site.line)
        seen[name] = seen.get(name, False) or bool(happened >> i & 1)
        nodes.setdefault(name, node)
    return [(name[0], nodes[name]) for name, was in seen.items() if not was]


def waiting_processes(program: Program, run: Run) -> list[str]:
    """The processes that wait in the last state of a run, by name."""
    state = run.states[-1]
    found = []
    for e, places in enumerate(state.places):
        for number, place in enumerate(places):
            node = program.entries[e].graph.nodes[place.node]
            waits = isinstance(node, (Step, Enter)) and not any(
                True for _ in outcomes(program, program.entries[e], place, state.shared)
            )
            if waits:
                found.append(f"{process_name(program, e, number)} at {node.site.line}: {node.site.text}")
    return found
