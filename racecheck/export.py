"""Traces for other tools: a test file for pytest, and ITF, Apalache's trace format."""

from __future__ import annotations

import json
import pprint
import re
from typing import Any

from racecheck.compiler.program import Program
from racecheck.explore.path import Run, place_name, process_name
from racecheck.semantics import State
from racecheck.trace import Trace, TraceStep, to_json
from racecheck.verdicts.witness import processes

LARGEST = 2**53 - 1
"""The largest int that ITF writes as a number: JavaScript's are exact up to here."""

TEST = '''\
"""A schedule that was found by racecheck; set "fixed" to True when what it shows is mended."""

from pathlib import Path

from racecheck.render.text import render_replay
from racecheck.replay import model_of, replay
from racecheck.trace import parse

TRACE = {trace}


def test_{name}():
    """The schedule does what it records; a fixed one is no longer possible."""
    trace = parse(TRACE, __file__)
    replayed = replay(trace, model_of(trace, Path(__file__)))
    assert replayed.as_recorded, render_replay(replayed, __file__)
'''


def to_pytest(trace: Trace) -> str:
    """A test file that holds the trace and replays it; it finds the model as ``racecheck replay`` does."""
    words = f"{trace.model.partition('::')[2]} {trace.property}"
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:80]
    plain = json.loads(json.dumps(to_json(trace)))
    shown = pprint.pformat(plain, width=100, sort_dicts=False)
    return TEST.format(trace=shown, name=name)


def to_itf(program: Program, trace: Trace, run: Run) -> str:
    """The states of the trace as ITF: a variable for each word, each process's place, and the step before.

    The cycle of a progress trace is ITF's ``loop``. Large ints are written as ITF wants them.
    """
    words = [slot.label for slot in program.slots]
    names = [process_name(program, *who) for who in processes(program)]
    steps = [*trace.steps, *trace.cycle]
    # ITF's loop is from the last state back to that of this index: the last is not written twice.
    closed = trace.kind == "progress" and len(trace.cycle) > 0
    states = run.states[:-1] if closed else run.states
    data: dict[str, Any] = {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache.informal.systems/docs/adr/015adr-trace.html",
            "description": f"{trace.verdict} {trace.kind} {trace.property}",
            "source": trace.model,
        },
        "params": [],
        "vars": [*words, *names, "step"],
        "states": [
            {"#meta": {"index": i}, **_state(program, state), "step": _step(steps[i - 1] if i else None)}
            for i, state in enumerate(states)
        ],
    }
    if trace.kind == "progress":
        data["loop"] = len(trace.steps)
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _state(program: Program, state: State) -> dict[str, Any]:
    words = {slot.label: _int(v) for slot, v in zip(program.slots, state.shared, strict=True)}
    places = {
        process_name(program, e, number): place_name(program, e, state.places[e][number])
        for e, number in processes(program)
    }
    return words | places


def _step(step: TraceStep | None) -> str:
    return "" if step is None else str(step)


def _int(value: int) -> int | dict[str, str]:
    return value if abs(value) <= LARGEST else {"#bigint": str(value)}
