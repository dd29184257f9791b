"""Replaying a trace: its steps in the reference interpreter, and its verdict once more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from racecheck.compiler.compile import compile_model
from racecheck.compiler.program import Claim, Program
from racecheck.errors import RacecheckError, TraceError
from racecheck.explore.limits import Limits
from racecheck.explore.path import Run
from racecheck.explore.python import PythonEngine
from racecheck.explore.search import explore
from racecheck.interpreter import Outcome, Place
from racecheck.load import find_model
from racecheck.model import Model
from racecheck.native import NeedChoice, NotEnabled, World
from racecheck.semantics import Move, State, failed_assert, holds, initial, outcomes, steps
from racecheck.trace import Ploy, Trace, TraceStep, ploy, single_or_list, trace_step
from racecheck.verdicts.deadlock import find_stuck
from racecheck.verdicts.witness import Lasso, Strategy, fault


@frozen
class Replay:
    """Whether a trace still does what it records; if not, at which step, and what was possible there."""

    trace: Trace
    reproduced: bool
    step: int | None = None
    expected: str = ""
    enabled: tuple[str, ...] = ()
    native: bool = False

    @property
    def as_recorded(self) -> bool:
        """Whether it did what the file says it does: a fixed one must not reproduce."""
        return self.reproduced != self.trace.fixed


def replay_json(replayed: Replay, path: str) -> dict[str, Any]:
    """The object that ``racecheck replay --json`` prints for a trace."""
    trace = replayed.trace
    return {
        "trace": path,
        "model": trace.model,
        "property": trace.property,
        "verdict": trace.verdict,
        "reproduced": replayed.reproduced,
        "step": replayed.step,
        "expected": replayed.expected or None,
        "enabled": list(replayed.enabled),
    }


def model_of(trace: Trace, path: Path, override: str | None = None) -> Model:
    """Build the model that a trace names, looked up from here and then from the trace's folder upwards.

    Raises TraceError if there is no such file, or it has no such model or parameters.
    """
    where = override or _find(trace.model, path)
    if override and "::" not in override:
        where = f"{override}::{trace.model.partition('::')[2]}"
    try:
        return find_model(where)(**trace.parameters)
    except RacecheckError as error:
        raise TraceError(f"its model cannot be built: {error}", str(path)) from error


def _find(where: str, path: Path) -> str:
    file, _, name = where.partition("::")
    for folder in [Path.cwd(), *path.resolve().parents]:
        if file and (folder / file).is_file():
            return f"{folder / file}::{name}"
    raise TraceError(f"its model {file!r} is not found from here or above; give --model FILE", str(path))


def replay(trace: Trace, model: Model) -> Replay:
    """Run the steps of a trace, then check what it claims about the last state.

    A stuck process is checked by searching everything that can follow the last state.
    """
    program = compile_model(model)
    run, failed = follow(program, trace)
    if failed is not None:
        return failed
    claim = _claim(program, trace, run)
    return Replay(trace, not claim, None, claim)


def follow(program: Program, trace: Trace) -> tuple[Run, Replay | None]:
    """Run the steps of a trace, its cycle's too: as far as they are possible, and which one is not."""
    states, moves = [initial(program)], list[Move]()
    for i, step in enumerate([*trace.steps, *trace.cycle]):
        state = states[-1]
        enabled = [(move, trace_step(program, state, move)) for move in steps(program, state)]
        found = [(move, seen) for move, seen in enabled if _same_move(step, seen)]
        differences = [_difference(step, seen) for _, seen in found]
        if all(differences):
            expected = f"{step}: {differences[0]}" if differences else str(step)
            names = tuple(dict.fromkeys(str(seen) for _, seen in enabled))
            return Run(tuple(states), tuple(moves)), Replay(trace, False, i, expected, names)
        moves.append(found[differences.index("")][0])
        states.append(moves[-1].target)
    return Run(tuple(states), tuple(moves)), None


def with_native(replayed: Replay, model: Model) -> Replay:
    """The same replay, with the functions run as ordinary Python as well; both must agree."""
    difference = replay_native(replayed.trace, model)
    return evolve(replayed, reproduced=not difference, expected=difference, native=True)


def replay_native(trace: Trace, model: Model) -> str:
    """Run the functions as ordinary Python along a trace; what differs from what it records, or ""."""
    ghosts = {cell.label for shared in model.shared for cell in shared._ghosts.values()}
    failed = None
    with World(model) as world:
        for number, step in enumerate([*trace.steps, *trace.cycle], 1):
            try:
                seen = world.step(step.process, step.choices)
            except (NotEnabled, NeedChoice) as error:
                return f"step {number}: {step}: {error}"
            results = [list(r) if isinstance(r, tuple) else r for r in seen.results]
            # Ghosts that nobody reads change here, and are not in the trace.
            changed = {k: v for k, v in seen.changed.items() if k not in ghosts or k in step.changed}
            now = evolve(step, result=single_or_list(results), changed=changed, events=list(seen.events))
            if difference := _difference(step, now):
                return f"step {number}: {step}: {difference}"
            failed = seen.failed
        claims = {claim.name: claim for claim in model.properties}
        if trace.kind == "always" and world.holds(claims[trace.property]):
            return f"{trace.property!r} holds at the end"
    return "no assert fails at the end" if trace.kind == "assert" and failed is None else ""


def _same_move(step: TraceStep, seen: TraceStep) -> bool:
    key = evolve(step, line=seen.line, result=seen.result, changed=seen.changed, events=seen.events)
    return key == seen


def _difference(step: TraceStep, seen: TraceStep) -> str:
    """What the trace says happened and did not, or ""."""
    for what in ("result", "changed", "events"):
        recorded, now = getattr(step, what), getattr(seen, what)
        if recorded != now:
            return f"recorded {what} {recorded}, now {now}"
    return ""


def _claim(program: Program, trace: Trace, run: Run) -> str:
    """What is not as the trace claims in its last state, or in its cycle, or ""."""
    state = run.states[-1]
    if trace.kind == "deadlock":
        return "" if _is_stuck(program, state) else "a process that waits for ever; each can go on"
    if trace.kind == "assert":
        return "" if failed_assert(program, state) == trace.property else "a failed assert at the end"
    for claim in program.claims:
        if claim.property.name == trace.property and trace.kind == claim.property.kind == "progress":
            return _lasso_claim(program, claim, trace, run)
        if claim.property.name == trace.property and claim.condition is not None:
            held = holds(program, claim.condition, state)
            return f"{trace.property!r} is broken at the end; it holds there" if held else ""
    return f"a property {trace.property!r}; the model has none of that name"


def _lasso_claim(program: Program, claim: Claim, trace: Trace, run: Run) -> str:
    assert trace.rung is not None
    verdict = "violated" if claim.property.is_worse(trace.rung) else "holds"
    if verdict != trace.verdict:
        return f"{trace.verdict!r}; at_worst={claim.property.at_worst!r} makes it {verdict!r}"
    lasso = Lasso(run, len(trace.steps), _strategy(program, trace))
    wrong = fault(program, claim, lasso, trace.rung)
    return wrong and f"a block {trace.rung}: {wrong}"


def _strategy(program: Program, trace: Trace) -> Strategy:
    """The recorded choices as moves."""
    ploys = {_key(p): (p.operation, p.choices) for p in trace.strategy}

    def move(state: State, entry: int, place: Place) -> Outcome | None:
        for outcome in outcomes(program, program.entries[entry], place, state.shared):
            now = ploy(program, state, entry, place, outcome)
            if ploys.get(_key(now)) == (now.operation, now.choices):
                return outcome
        return None

    return move


def _key(choice: Ploy) -> str:
    return repr((choice.process, choice.at, sorted(choice.state.items()), sorted(choice.places.items())))


def _is_stuck(program: Program, state: State) -> bool:
    """Whether some process waits in this very state and nothing that can follow moves it."""
    engine = PythonEngine(program, symmetry=False, start=state)
    space = explore(engine, Limits())
    stuck = find_stuck(space) if space.complete else None
    return stuck is not None and stuck.key == engine.encode(state)
