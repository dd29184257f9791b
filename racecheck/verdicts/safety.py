"""The verdict on every property."""

from __future__ import annotations

import enum
from collections.abc import Callable

from attrs import frozen

from racecheck.compiler.ir import Event, Node
from racecheck.compiler.program import Program
from racecheck.explore.engine import Key, coverage_nodes
from racecheck.explore.path import Run, process_name, run_to
from racecheck.explore.search import Space
from racecheck.model import RUNGS
from racecheck.verdicts.answer import Progress
from racecheck.verdicts.deadlock import Stuck, find_stuck

DEADLOCK = "deadlock"
HIDDEN = "the failed assert hides the rest of its runs"


class Verdict(enum.StrEnum):
    """How a property ends."""

    HOLDS = "holds"
    VIOLATED = "violated"
    STUCK = "stuck"
    UNFINISHED = "unfinished"


@frozen
class Finding:
    """A property's verdict; the run that shows a violation; why nothing is claimed; who waits for ever."""

    property: str
    kind: str
    verdict: Verdict
    run: Run | None = None
    reason: str = ""
    waiting: tuple[str, ...] = ()
    progress: Progress | None = None


def property_names(program: Program) -> list[str]:
    """Every property that a check reports, in its order."""
    named = [claim.property.name for claim in program.claims]
    return [*named, *program.asserts(), DEADLOCK]


def judge(
    space: Space,
    only: str | None = None,
    give_up: Callable[[], str | None] = lambda: None,
    beside: bool = True,
) -> list[Finding]:
    """The finding for each property, or for the one that is named.

    While an assert is violated, no other property "holds": the rest of that run was not seen. ``beside`` is
    for ``decide``.
    """
    program = space.program
    failures, asserts = program.failures(), program.asserts()
    first = len(program.claims)
    violated = [name for i, name in enumerate(failures) if first + i in space.found]
    doubt = space.stopped or (HIDDEN if violated else "")
    findings = [
        _claim(space, i, doubt, give_up, beside)
        for i, claim in enumerate(program.claims)
        if only in (None, claim.property.name)
    ]
    for i, name in enumerate(failures):
        if only in (None, name) and (name in asserts or name in violated):
            findings.append(_finding(space, name, "assert", space.found.get(first + i), doubt))
    if only in (None, DEADLOCK):
        findings.append(_deadlock(space, doubt, give_up))
    return findings


def _claim(
    space: Space, number: int, doubt: str, give_up: Callable[[], str | None], beside: bool
) -> Finding:
    claim = space.program.claims[number].property
    key = space.found.get(number)
    if claim.kind == "always":
        return _finding(space, claim.name, claim.kind, key, doubt)
    if claim.kind == "progress":
        return _progress(space, number, doubt, give_up, beside)
    if key is not None:
        return Finding(claim.name, claim.kind, Verdict.HOLDS)
    if doubt:
        return Finding(claim.name, claim.kind, Verdict.UNFINISHED, reason=doubt)
    return Finding(claim.name, claim.kind, Verdict.VIOLATED, reason="no reachable state shows it")


def _progress(
    space: Space, number: int, doubt: str, give_up: Callable[[], str | None], beside: bool
) -> Finding:
    """Violated when the rung is worse than the claim allows; found in part of the states, it stands.

    Behind a failed assert it does only if no worse rung can be.
    """
    from racecheck.verdicts.progress import decide

    claim = space.program.claims[number].property
    found = decide(space, number, doubt, give_up, beside)
    worse = found.rung is not None and claim.is_worse(found.rung)
    hidden = doubt and not space.stopped and found.rung != RUNGS[-1]
    reason = doubt or (found.at_least and (give_up() or "stopped")) or ""
    if worse and not hidden:
        return Finding(claim.name, claim.kind, Verdict.VIOLATED, progress=found)
    verdict = Verdict.UNFINISHED if reason else Verdict.HOLDS
    return Finding(claim.name, claim.kind, verdict, reason=reason, progress=found)


def _finding(space: Space, name: str, kind: str, key: Key | None, doubt: str) -> Finding:
    if key is not None:
        return Finding(name, kind, Verdict.VIOLATED, run_to(space, key))
    if doubt:
        return Finding(name, kind, Verdict.UNFINISHED, reason=doubt)
    return Finding(name, kind, Verdict.HOLDS)


def _deadlock(space: Space, doubt: str, give_up: Callable[[], str | None]) -> Finding:
    stuck = None if give_up() else find_stuck(space, give_up)
    if stuck is not None:
        run = run_to(space, stuck.key)
        waiting = _waiting(space, run, stuck)
        return Finding(DEADLOCK, DEADLOCK, Verdict.STUCK, run, HIDDEN * (doubt == HIDDEN), waiting)
    doubt = doubt or give_up() or ""
    verdict = Verdict.UNFINISHED if doubt else Verdict.HOLDS
    return Finding(DEADLOCK, DEADLOCK, verdict, reason=doubt)


def _waiting(space: Space, run: Run, stuck: Stuck) -> tuple[str, ...]:
    """Who waits for ever in the last state of a run, and where."""
    found = []
    for e, places in enumerate(run.states[-1].places):
        nodes = space.program.entries[e].graph.nodes
        for number, place in enumerate(places):
            if space.engine.spot(e, place) in stuck.spots:
                site = nodes[place.node].site
                found.append(f"{process_name(space.program, e, number)} at {site.line}: {site.text}")
    return tuple(found)


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
