"""Plain text: the report on a check, a trace with one column per process, a process's graph."""

from __future__ import annotations

import io
import re
import shlex
import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from racecheck.replay import Replay
from racecheck.report import Report, Result, trace_files
from racecheck.trace import Trace, TraceStep

NARROWEST = 16
"""Columns that a process needs; with less the trace is written one turn under another."""


def render_report(report: Report, width: int, saved: Sequence[str] = ()) -> str:
    """The whole report; ``saved`` are the trace files that were written."""
    parts = [_head(report, width), _verdicts(report, width)]
    parts += [_violation(report, result, width, saved) for result in report.results if result.trace]
    if report.never_happened:
        parts.append(_never(report, width))
    return "\n\n".join(parts) + "\n"


def _head(report: Report, width: int) -> str:
    given = ", ".join(f"{name}={value}" for name, value in report.parameters.items())
    symmetry = "on" if report.symmetry else "off"
    extent = "every interleaving" if report.stopped is None else f"STOPPED by {report.stopped}"
    lines = [
        f"{report.model}({given})",
        f"{extent}: {_count(report.states, 'state')}, {_count(report.transitions, 'transition')}, "
        f"depth {report.depth}, {report.seconds:.2f} s",
        f"memory model SC (sequential consistency), engine {report.engine}, symmetry {symmetry}",
    ]
    if report.ranges:
        lines.append(f"largest ranges so far: {'; '.join(report.ranges)}")
    return "\n".join(_filled(line, width) for line in lines)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _verdicts(report: Report, width: int) -> str:
    indent = max(len(f"{r.verdict:<11}{r.kind:<10}") for r in report.results)
    lines = []
    for result in report.results:
        reason = f" ({result.reason})" if result.reason else ""
        text = f"{result.verdict:<11}{result.kind:<10}{_shown(result)}{reason}"
        lines.append(textwrap.fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False))
    return "\n".join(lines)


def _shown(result: Result) -> str:
    if result.kind != "deadlock":
        return result.property
    if result.verdict == "stuck":
        return "a process waits, and nothing that can follow ever moves it"
    return "every wait at a Lock or wait_until can end"


def _violation(report: Report, result: Result, width: int, saved: Sequence[str]) -> str:
    trace = result.trace
    assert trace is not None
    steps = _count(len(trace.steps), "step")
    title = f"{result.verdict}: {_shown(result)}, after {steps}"
    values = _state("at the start", result.initial), _state("at the end", result.last)
    lines = [textwrap.fill(title, width), "", *(_filled(v, width) for v in values[:1]), ""]
    lines += [render_trace(trace, width), "", *(_filled(v, width) for v in values[1:])]
    lines += [_filled(f"  waits for ever: {waiting}", width) for waiting in result.waiting]
    return "\n".join([*lines, "", f"replay: {_command(report, trace, saved)}"])


def _state(when: str, values: dict[str, int]) -> str:
    return f"  {when}: " + ", ".join(f"{label} {value}" for label, value in values.items())


def _filled(text: str, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False)


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


def render_trace(trace: Trace, width: int) -> str:
    """The steps, a column for each process that moves, a gap between turns; what changed at the right."""
    names = list(dict.fromkeys(step.process for step in trace.steps))
    if not names:
        return "  (already so at the start)"
    changed = max(len(_changes(step)) for step in trace.steps)
    changed = min(max(changed, 7), width // 3)
    room = (width - 6 - changed) // len(names) - 2
    if room < NARROWEST:
        return _vertical(trace, width)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=True)
    table.add_column("", justify="right", width=4)
    for name in names:
        table.add_column(name, width=_needed(trace, name, room), overflow="fold")
    table.add_column("changed", width=changed, overflow="fold")
    for number, step in enumerate(trace.steps, 1):
        if number > 1 and trace.steps[number - 2].process != step.process:
            table.add_row()
        text = wrap_code(_cell(trace, number), room)
        cells = [text if name == step.process else "" for name in names]
        table.add_row(str(number), *cells, wrap_code(_changes(step), changed))
    return printed(table, width)


def wrap_code(text: str, width: int) -> str:
    """Break a line of code where it may be broken: at spaces, after dots and opening brackets."""
    lines = [""]
    for part in re.findall(r"\s+|[^\s.(]+(?:\(\)|[.(])*|[.(]+", text):
        if len(lines[-1]) + len(part.rstrip()) > width and lines[-1].strip():
            lines.append("  " + part.lstrip())
        else:
            lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _needed(trace: Trace, name: str, room: int) -> int:
    numbered = enumerate(trace.steps, 1)
    widest = max(len(_cell(trace, number)) for number, step in numbered if step.process == name)
    return min(max(widest, len(name)), room)


def _cell(trace: Trace, number: int) -> str:
    """A step as its source line and text, with what it chose, returned, reported and broke."""
    step = trace.steps[number - 1]
    text = f"{step.line}: {step.operation}"
    if step.choices:
        text += f" choosing {', '.join(map(str, step.choices))}"
    if step.result is not None:
        text += f" -> {_result(step.result)}"
    text += "".join(f", event {name!r}" for name in step.events)
    return text + ", assert fails" * (trace.kind == "assert" and number == len(trace.steps))


def _result(result: object) -> str:
    if isinstance(result, list):
        return ", ".join(_result(item) for item in result if item is not None) or "done"
    return str(result)


def _changes(step: TraceStep) -> str:
    return ", ".join(f"{label} = {value}" for label, value in step.changed.items())


def _vertical(trace: Trace, width: int) -> str:
    lines = []
    numbered = list(enumerate(trace.steps, 1))
    for process, turn in groupby(numbered, key=lambda item: item[1].process):
        lines.append(f"  {process}")
        for number, step in turn:
            text = f"{number:>6}  {_cell(trace, number)}"
            if step.changed:
                text += f"  [{_changes(step)}]"
            lines.append(textwrap.fill(text, width, subsequent_indent=" " * 10))
    return "\n".join(lines)


def printed(table: Table, width: int) -> str:
    """A table as text, without colours."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, color_system=None, markup=False, highlight=False, emoji=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip("\n").split("\n"))


def render_replay(replay: Replay, path: str) -> str:
    """One line for a trace that does what it records; else the step, what was expected and enabled."""
    trace = replay.trace
    what = f"{trace.verdict} {trace.kind} {trace.property!r}, {_count(len(trace.steps), 'step')}"
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
    lines = [
        f"{path}: NOT reproduced: step {replay.step + 1} of {len(trace.steps)} is not possible",
        f"  expected  {replay.expected}",
    ]
    lines += [f"  {'enabled' if i == 0 else '':9} {name}" for i, name in enumerate(replay.enabled)]
    return "\n".join(lines if replay.enabled else [*lines, "  enabled   nothing"])
