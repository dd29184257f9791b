"""Plain text: the report on runs that Hypothesis has drawn."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from attrs import evolve

from racecheck.render.columns import count, filled, render_trace
from racecheck.render.text import render_report
from racecheck.report import Report, Result, trace_files


def render_runs(report: Report, saved: Mapping[str, str], width: int) -> str:
    """As the report on a search, but it is pytest that saves traces; ``saved`` are files by property."""
    bare = evolve(report, results=[evolve(result, trace=None) for result in report.results])
    files = {name: f"traces/{file}" for name, file in trace_files(report).items()}
    parts = [render_report(bare, width)]
    for result in report.results:
        if result.trace is not None:
            name = result.property
            command = f"racecheck replay {shlex.quote(saved.get(name, files[name]))}"
            save = "" if name in saved else "pytest --racecheck-save-traces traces; "
            parts.append(f"{_shown_by(result, width)}\n\nreplay: {save}{command}\n")
    return "\n".join(parts)


def _shown_by(result: Result, width: int) -> str:
    assert result.trace is not None
    steps = count(len(result.trace.steps), "step")
    lines = [f"{result.verdict}: {result.property}, after {steps}", ""]
    lines += [_state("at the start", result.initial, width), "", render_trace(result.trace, width), ""]
    lines += [_state("at the end", result.last, width)]
    return "\n".join(
        [*lines, *(filled(f"  waits for ever: {waiting}", width) for waiting in result.waiting)]
    )


def _state(when: str, values: Mapping[str, int], width: int) -> str:
    return filled(f"  {when}: " + ", ".join(f"{label} {value}" for label, value in values.items()), width)
