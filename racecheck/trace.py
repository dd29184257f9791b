"""Trace files: a run by names that a person can read and edit."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import asdict, field, frozen, has
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.cols import is_sequence, list_structure_factory
from cattrs.gen import make_dict_structure_fn
from cattrs.v import format_exception

from racecheck.blame import kind_of
from racecheck.compiler.program import Program
from racecheck.errors import TraceError
from racecheck.explore.path import Run, place_name, process_name
from racecheck.interpreter import Outcome, Place
from racecheck.model import RUNGS
from racecheck.semantics import Move, State

VERSION = 1
PROGRESS_ONLY = ("rung", "strategy")
SUFFIX = ".trace.json"
LONGEST_NAME = 200
MEMORY_MODEL: Final = "sc"
VERDICTS: Final = {
    "always": ("violated",),
    "assert": ("violated",),
    "deadlock": ("stuck",),
    "progress": ("violated", "holds"),
}
"""What a trace of each kind may show; a progress property may allow for its rung."""

Scalar = int | bool | None


@frozen
class TraceStep:
    """One move: who, where, what, and what could be seen of it. ``line`` only informs."""

    process: str
    function: str
    line: int
    operation: str
    choices: list[int | bool] = field(factory=list)
    result: Any = None
    changed: dict[str, int] = field(factory=dict)
    events: list[str] = field(factory=list)

    def __str__(self) -> str:
        chosen = f" choosing {', '.join(map(str, self.choices))}" if self.choices else ""
        return f"{self.process}: {self.operation} in {self.function}(){chosen}"


@frozen
class Ploy:
    """What an attacker's process at this place takes in this state: part of a strategy.

    ``places`` has those of all processes, by entry and in alphabetical order.
    """

    state: dict[str, int]
    places: dict[str, list[str]]
    process: str
    at: str
    operation: str
    choices: list[int | bool] = field(factory=list)


@frozen
class Trace:
    """A run of a model that shows a property's verdict; ``fixed`` ones must no longer reproduce.

    A progress property's has a rung, and a cycle that goes on for ever after its steps; "by strategy" it
    has the attacker's strategy, too.
    """

    racecheck: int
    model: str
    parameters: dict[str, Any]
    memory: str
    property: str
    kind: str
    verdict: str
    fixed: bool = False
    steps: list[TraceStep] = field(factory=list)
    cycle: list[TraceStep] = field(factory=list)
    rung: str | None = None
    strategy: list[Ploy] = field(factory=list)

    def _repr_svg_(self) -> str:
        from racecheck.notebook import trace_svg

        return trace_svg(self)

    def _repr_html_(self) -> str:
        from racecheck.notebook import trace_html

        return trace_html(self)


def trace_steps(program: Program, run: Run) -> list[TraceStep]:
    """A run as the steps of a trace."""
    pairs = zip(run.states, run.moves, strict=False)
    return [trace_step(program, state, move) for state, move in pairs]


def ploy(program: Program, state: State, entry: int, place: Place, outcome: Outcome) -> Ploy:
    """One choice of an attacker, as a trace has it."""
    labels = [slot.label for slot in program.slots]
    names = {
        e.process.name: sorted(place_name(program, i, p) for p in state.places[i])
        for i, e in enumerate(program.entries)
    }
    return Ploy(
        dict(zip(labels, state.shared, strict=True)),
        names,
        program.entries[entry].process.name,
        place_name(program, entry, place),
        outcome.site.text,
        list(outcome.choices),
    )


def trace_step(program: Program, before: State, move: Move) -> TraceStep:
    """One move as a step of a trace."""
    outcome = move.outcome
    changed = {
        slot.label: new
        for slot, old, new in zip(program.slots, before.shared, outcome.shared, strict=True)
        if old != new
    }
    results = [list(r) if isinstance(r, tuple) else r for r in outcome.results]
    return TraceStep(
        process_name(program, move.entry, move.number),
        outcome.site.function,
        outcome.site.line,
        outcome.site.text,
        list(outcome.choices),
        single_or_list(results),
        changed,
        list(outcome.events),
    )


def single_or_list(results: list[Any]) -> Any:
    """The result of a step of one operation; a list for several, None for none."""
    return results if len(results) > 1 else next(iter(results), None)


def file_stem(trace: Trace, given: dict[str, object]) -> str:
    """A readable name: the model, the parameters that were given, the property."""
    return readable(
        [trace.model.partition("::")[2], *(f"{k}-{v}" for k, v in given.items()), trace.property]
    )


def readable(parts: Sequence[str]) -> str:
    """A file's name made of these words."""
    words = (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)
    return "-".join(words)[:LONGEST_NAME]


def save(trace: Trace, path: Path) -> None:
    """Write the trace, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(to_json(trace), file, indent=1, ensure_ascii=False)
            file.write("\n")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def to_json(trace: Trace) -> dict[str, Any]:
    """The object that a trace file holds; what only progress has is left out elsewhere."""
    data = asdict(trace)
    return data if trace.kind == "progress" else {k: data[k] for k in data if k not in PROGRESS_ONLY}


def load(path: Path) -> Trace:
    """Read a trace file; TraceError if it is not one, in one line. Runs no code."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TraceError(f"cannot be read: {error.strerror}", str(path)) from error
    except UnicodeDecodeError as error:
        raise TraceError("is not JSON: it is not text in UTF-8", str(path)) from error
    except json.JSONDecodeError as error:
        why = f"{error.msg} (column {error.colno})" if error.doc.strip() else "it is empty"
        raise TraceError(f"is not JSON, or cut short: {why}", str(path), error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise TraceError(f"is not a trace: {error}", str(path)) from error
    return parse(data, str(path))


def parse(data: Any, where: str) -> Trace:
    """The trace that a JSON value holds; TraceError, which names ``where`` it is from, if it holds none."""
    if not isinstance(data, dict) or "racecheck" not in data:
        raise TraceError('is not a trace: it has no "racecheck" version', where)
    if data["racecheck"] != VERSION:
        raise TraceError(f"is of version {data['racecheck']!r}; this one reads {VERSION}", where)
    try:
        trace = _CONVERTER.structure(data, Trace)
        problems = _unsupported(trace)
    except BaseValidationError as error:
        problems = transform_error(error, "the trace", _why)
    if "steps" not in data:
        problems = ["it has no steps; the file is cut short, or not a trace"]
    if problems:
        more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise TraceError(f"is malformed: {problems[0]}{more}", where)
    return trace


def _unsupported(trace: Trace) -> list[str]:
    """What this version cannot replay in a trace."""
    problems = []
    if trace.memory != MEMORY_MODEL:
        problems.append(f"its memory is {trace.memory!r}; this version has {MEMORY_MODEL!r} only")
    if trace.kind not in VERDICTS:
        problems.append(f"its kind is {trace.kind!r}; this version replays {', '.join(VERDICTS)}")
    elif trace.verdict not in VERDICTS[trace.kind]:
        shows = " or ".join(map(repr, VERDICTS[trace.kind]))
        problems.append(f"its verdict is {trace.verdict!r}; a trace of kind {trace.kind} shows {shows}")
    if trace.kind == "progress" and trace.rung not in RUNGS[1:]:
        problems.append(f"its rung is {trace.rung!r}; a progress trace has one of {', '.join(RUNGS[1:])}")
    if trace.kind != "progress" and (trace.cycle or trace.rung or trace.strategy):
        problems.append("it has a cycle, a rung or a strategy; only progress traces have these")
    return problems


def _why(error: BaseException, kind: type | None) -> str:
    return str(error) if isinstance(error, TypeError) else format_exception(error, kind)


def _strict(kind: type) -> Any:
    """Structure a JSON scalar as it is, without turning one type into another."""

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, not {kind_of(value)}")
        return value

    return structure


def _scalar(value: Any, _: Any) -> Any:
    if not isinstance(value, int):
        raise TypeError(f"expected a whole number, true or false, not {kind_of(value)}")
    return value


def _only(kind: type, factory: Callable[[Any, Converter], Any]) -> Any:
    """A factory of hooks that take a JSON list or object, and nothing that is merely like it."""

    def made(target: Any, converter: Converter) -> Any:
        inner = factory(target, converter)

        def structure(value: Any, _: Any) -> Any:
            if not isinstance(value, kind):
                wanted = "a list" if kind is list else "an object"
                raise TypeError(f"expected {wanted}, not {kind_of(value)}")
            return inner(value, target)

        return structure

    return made


_CONVERTER = Converter(forbid_extra_keys=True)
_CONVERTER.register_structure_hook_factory(has, _only(dict, make_dict_structure_fn))
_CONVERTER.register_structure_hook_factory(is_sequence, _only(list, list_structure_factory))
for _kind in (int, str, bool):
    _CONVERTER.register_structure_hook(_kind, _strict(_kind))
_CONVERTER.register_structure_hook(int | bool, _scalar)
