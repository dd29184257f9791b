"""Plain text: the report on a check, and on a replay."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path

from racecheck.render.columns import count, filled, render_trace
from racecheck.render.progress import render_progress, rung_text
from racecheck.replay import Replay
from racecheck.report import Report, Result, trace_files
from racecheck.trace import Trace


def render_report(report: Report, width: int, saved: Sequence[str] = ()) -> str:
    """The whole report; ``saved`` are the trace files that were written."""
    parts = [_head(report, width), _verdicts(report, width)]
    for result in report.results:
        if result.progress is not None:
            parts.append(render_progress(result.property, result.progress, width))
        if result.trace:
            parts.append(_shown_by(report, result, width, saved))
    if report.never_happened:
        parts.append(_never(report, width))
    return "\n\n".join(parts) + "\n"


def _head(report: Report, width: int) -> str:
    given = ", ".join(f"{name}={value}" for name, value in report.parameters.items())
    symmetry = "on" if report.symmetry else "off"
    extent = "every interleaving" if report.stopped is None else f"STOPPED by {report.stopped}"
    lines = [
        f"{report.model}({given})",
        f"{extent}: {count(report.states, 'state')}, {count(report.transitions, 'transition')}, "
        f"depth {report.depth}, {report.seconds:.2f} s",
        f"memory model SC (sequential consistency), engine {report.engine}, symmetry {symmetry}",
    ]
    if report.engine_note:
        lines.append(f"in plain Python, not machine code: {report.engine_note}")
    if report.ranges:
        lines.append(f"largest ranges so far: {'; '.join(report.ranges)}")
    return "\n".join(filled(line, width) for line in lines)


def _verdicts(report: Report, width: int) -> str:
    indent = max(len(f"{r.verdict:<11}{r.kind:<10}") for r in report.results)
    lines = []
    for result in report.results:
        reason = f" ({result.reason})" if result.reason else ""
        text = f"{result.verdict:<11}{result.kind:<10}{_shown(result)}{reason}"
        lines.append(textwrap.fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False))
    return "\n".join(lines)


def _shown(result: Result) -> str:
    if result.progress is not None:
        return f"{result.property}: {rung_text(result.progress)}"
    if result.kind != "deadlock":
        return result.property
    if result.verdict == "stuck":
        return "a process waits, and nothing that can follow ever moves it"
    return "every wait at a Lock or wait_until can end"


def _shown_by(report: Report, result: Result, width: int, saved: Sequence[str]) -> str:
    trace = result.trace
    assert trace is not None
    steps = count(len(trace.steps), "step")
    title = f"{result.verdict}: {_shown(result)}, after {steps}"
    if result.progress is not None:
        title = f"{_shown(result)}, after {steps}, then a cycle of {len(trace.cycle)}"
    values = _state("at the start", result.initial), _state("at the end", result.last)
    lines = [textwrap.fill(title, width), "", *(filled(v, width) for v in values[:1]), ""]
    lines += [render_trace(trace, width), "", *(filled(v, width) for v in values[1:])]
    lines += [filled(f"  waits for ever: {waiting}", width) for waiting in result.waiting]
    return "\n".join([*lines, "", f"replay: {_command(report, trace, saved)}"])


def _state(when: str, values: dict[str, int]) -> str:
    return f"  {when}: " + ", ".join(f"{label} {value}" for label, value in values.items())


def _command(report: Report, trace: Trace, saved: Sequence[str]) -> str:
    """What to type to run the trace again; not wrapped, so that it can be copied."""
    name = trace_files(report)[trace.property]
    for path in saved:
        if Path(path).name == name:
            return f"racecheck replay {shlex.quote(path)}"
    given = "".join(f" -p {shlex.quote(f'{k}={v}')}" for k, v in report.given.items())
    save = f"racecheck check {shlex.quote(trace.model)}{given} --save-traces traces"
    return f"{save}; racecheck replay traces/{name}"


def _never(report: Report, width: int) -> str:
    head = "never happened" if report.stopped is None else "not seen so far"
    lines = [textwrap.fill(f"  {item}", width, subsequent_indent="    ") for item in report.never_happened]
    return "\n".join([f"{head}:", *lines])


def render_replay(replay: Replay, path: str) -> str:
    """One line for a trace that does what it records; else the step, what was expected and enabled."""
    trace = replay.trace
    what = f"{trace.verdict} {trace.kind} {trace.property!r}, {count(len(trace.steps), 'step')}"
    if replay.reproduced:
        note = "; it is marked as fixed, and still happens" if trace.fixed else ""
        native = " (as ordinary Python, too)" if replay.native else ""
        return f"{path}: reproduced{native}: {what}{note}"
    if replay.native:
        return f"{path}: NOT reproduced as ordinary Python: {replay.expected}"
    if trace.fixed:
        return f"{path}: fixed, as recorded: no longer {what}"
    if replay.step is None:
        return f"{path}: NOT reproduced: every step is possible, but the trace shows {replay.expected}"
    length = len(trace.steps) + len(trace.cycle)
    lines = [
        f"{path}: NOT reproduced: step {replay.step + 1} of {length} is not possible",
        f"  expected  {replay.expected}",
    ]
    lines += [f"  {'enabled' if i == 0 else '':9} {name}" for i, name in enumerate(replay.enabled)]
    return "\n".join(lines if replay.enabled else [*lines, "  enabled   nothing"])
