"""The report on a check: what the text and ``--json`` show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

from racecheck.compiler.ir import Event, Node
from racecheck.compiler.program import Program
from racecheck.explore.ranges import largest_ranges
from racecheck.explore.search import Space
from racecheck.trace import MEMORY_MODEL, SUFFIX, VERSION, Trace, file_stem, ploy, to_json, trace_steps
from racecheck.verdicts.answer import Progress
from racecheck.verdicts.safety import Finding, never_happened
from racecheck.verdicts.witness import Lasso, choices

BROKEN = ("violated", "stuck")


@frozen
class Result:
    """A property's verdict, with the trace that shows it or the reason why nothing is claimed."""

    property: str
    kind: str
    verdict: str
    trace: Trace | None
    reason: str
    initial: dict[str, int]
    last: dict[str, int]
    waiting: list[str]
    progress: Progress | None = None


@frozen
class Report:
    """One check of one model."""

    model: str
    parameters: dict[str, Any]
    given: dict[str, Any]
    engine: str
    engine_note: str
    symmetry: bool
    stopped: str | None
    states: int
    transitions: int
    depth: int
    seconds: float
    results: list[Result]
    never_happened: list[str]
    ranges: list[str]
    processes: list[str]

    def verdicts(self) -> set[str]:
        """The verdicts that occur."""
        return {result.verdict for result in self.results}

    def outcome(self) -> str:
        """On one line: what is broken; else what has stopped the search; else nothing."""
        broken = [f"{r.verdict} {r.property!r}" for r in self.results if r.verdict in BROKEN]
        return ", ".join(broken) or (f"stopped by {self.stopped}" if self.stopped else "")


def build_report(space: Space, findings: list[Finding], seconds: float) -> Report:
    """Gather what is known about a searched space."""
    model = space.program.model
    names = [name for process in model.processes for name in process.instances()]
    return Report(
        model=f"{relative(model.file)}::{model.name}",
        parameters=model.parameters,
        given=model.given,
        engine=space.engine.name,
        engine_note=space.remark,
        symmetry=space.engine.symmetry,
        stopped=space.stopped,
        states=space.states,
        transitions=space.transitions,
        depth=space.depth,
        seconds=seconds,
        results=[_result(space, finding) for finding in findings],
        never_happened=[_describe(name, node) for name, node in never_happened(space)],
        ranges=largest_ranges(space) if space.stopped else [],
        processes=names,
    )


def report_json(report: Report) -> dict[str, Any]:
    """The object that ``racecheck check --json`` prints."""
    return {
        "model": report.model,
        "parameters": report.parameters,
        "memory": MEMORY_MODEL,
        "engine": report.engine,
        "engine_note": report.engine_note,
        "symmetry": report.symmetry,
        "complete": report.stopped is None,
        "stopped": report.stopped,
        "states": report.states,
        "transitions": report.transitions,
        "depth": report.depth,
        "seconds": round(report.seconds, 3),
        "results": [_result_json(result) for result in report.results],
        "never_happened": report.never_happened,
        "largest_ranges": report.ranges,
    }


def _result_json(result: Result) -> dict[str, Any]:
    shown = {
        "property": result.property,
        "kind": result.kind,
        "verdict": result.verdict,
        "reason": result.reason or None,
        "trace": result.trace and to_json(result.trace),
    }
    return shown if result.progress is None else shown | progress_json(result.progress)


def progress_json(found: Progress) -> dict[str, Any]:
    """What a progress result has beside the keys of every result."""
    first = next(iter(found.costs.values()), None)
    return {
        "rung": found.rung,
        "at_least": found.at_least,
        "stall": found.stall,
        "cost": {name: cost.least for name, cost in found.costs.items()},
        "cost_trace_length": first.length if first else found.way,
        "costs": {name: asdict(cost) for name, cost in found.costs.items()},
        "attempts": found.attempts,
        "block_probability": found.block_probability,
        "expected_attempts": found.expected_attempts,
        "notes": list(found.notes),
        "tried_while_excused": found.tried_while_excused,
    }


def trace_files(report: Report) -> dict[str, str]:
    """The name under which each property's trace is saved; no two are the same."""
    names: dict[str, str] = {}
    for result in report.results:
        if result.trace:
            stem, number = file_stem(result.trace, report.given), 1
            name = stem
            while name in names.values():
                number += 1
                name = f"{stem}-{number}"
            names[result.property] = name
    return {name: stem + SUFFIX for name, stem in names.items()}


def relative(file: str) -> str:
    """The file as written from the current directory, where that is shorter."""
    path = os.path.relpath(file)
    return file if path.startswith("..") else Path(path).as_posix()


def _result(space: Space, finding: Finding) -> Result:
    """A finding with its run as a trace: that of a lasso up to its cycle, and the cycle."""
    run, progress = finding.run, finding.progress
    lasso = progress.lasso if progress is not None else None
    common = finding.property, finding.kind, finding.verdict
    if lasso is not None:
        run = lasso.way()
    if run is None:
        return Result(*common, None, finding.reason, {}, {}, [], progress)
    trace = Trace(
        racecheck=VERSION,
        model=f"{relative(space.program.model.file)}::{space.program.model.name}",
        parameters=space.program.model.parameters,
        memory=MEMORY_MODEL,
        property=finding.property,
        kind=finding.kind,
        verdict=finding.verdict,
        steps=trace_steps(space.program, run),
    )
    if lasso is not None:
        trace = _with_cycle(space.program, trace, finding, lasso)
    labels = [slot.label for slot in space.program.slots]
    first, last = (
        dict(zip(labels, state.shared, strict=True)) for state in (run.states[0], run.states[-1])
    )
    return Result(*common, trace, finding.reason, first, last, list(finding.waiting), progress)


def _with_cycle(program: Program, trace: Trace, finding: Finding, lasso: Lasso) -> Trace:
    claim = next(c for c in program.claims if c.property.name == finding.property)
    assert finding.progress is not None and finding.progress.rung is not None
    rung = finding.progress.rung
    return evolve(
        trace,
        verdict="violated" if claim.property.is_worse(rung) else "holds",
        cycle=trace_steps(program, lasso.cycle()),
        rung=rung,
        strategy=[ploy(program, *choice) for choice in choices(program, claim, lasso)],
    )


def _describe(process: str, node: Node) -> str:
    what = f"event {node.name!r}" if isinstance(node, Event) else node.site.text
    return f"{process}: {what} ({relative(node.site.file)}:{node.site.line})"
