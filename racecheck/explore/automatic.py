"""Which engine searches: plain Python first, then machine code when the search is long enough for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

from racecheck.compiler.program import Program
from racecheck.errors import UsageError
from racecheck.explore.bounds import DoesNotFit
from racecheck.explore.limits import Limits
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import Space, Watch, explore

if TYPE_CHECKING:
    from racecheck.explore.compiled import CompiledEngine

ENGINES = ("auto", "reference", "python", "compiled")
PAYS = 0.7
"""Seconds of searching after which compiling, which takes about as long, is worth it."""
GLANCE = 0.1
"""Seconds in which plain Python finds out how wide the fields are, if machine code is asked for."""
HANDED_OVER = "handed over"
ROOM = 256 << 20
"""Bytes that machine code takes before it has any states: the compiler and its buffers."""


def search(
    name: str,
    program: Program,
    *,
    symmetry: bool,
    limits: Limits,
    watch: Watch,
    checkpoint: Path | None = None,
) -> Space:
    """Reach every state by the engine of this name, or as many as the limits allow.

    "auto" stays in Python where the search is short, or where machine words do not hold the model: the
    space's ``remark`` says why. UsageError if "compiled", or a checkpoint, is asked for there.
    """
    if name not in ENGINES:
        raise UsageError(f"no engine {name!r}; there are {', '.join(ENGINES)}")
    if checkpoint and name in ("reference", "python"):
        raise UsageError(f"--checkpoint needs the compiled engine; leave out --engine {name}")
    if name == "reference":
        return explore(ReferenceEngine(program, symmetry), limits, watch)
    engine = PythonEngine(program, symmetry)
    if name == "python":
        return explore(engine, limits, watch)
    patience = PAYS if name == "auto" and not checkpoint else GLANCE
    first = _First(engine=engine, limits=limits, patience=patience, max_states=limits.max_states)
    space = explore(engine, first, watch)
    if space.stopped != HANDED_OVER and name == "auto" and not (checkpoint and first.why):
        space.remark = first.why
        return space
    before = [space]
    del space

    def watching(now: Space) -> None:
        if before and now.states > before[0].states:
            before.clear()
        watch(now)

    try:
        found = _compiled(first.machine or engine, limits, watching, checkpoint)
        return _stopped(before[0], found) if before and found.stopped else found
    except DoesNotFit as why:
        if name == "compiled" or checkpoint:
            advice = "leave out --checkpoint" if checkpoint else "use --engine python"
            raise UsageError(
                f"machine words may not hold it: {why}; {advice}", program.model.file
            ) from None
        found = explore(PythonEngine(program, symmetry), limits, watch)
        found.remark = str(why)
        return found


def _stopped(before: Space, found: Space) -> Space:
    """What plain Python had found, where machine code was stopped before it came as far."""
    before.stopped, before.seconds = found.stopped, found.seconds
    return before


def _compiled(engine: PythonEngine, limits: Limits, watch: Watch, folder: Path | None) -> Space:
    from racecheck.explore.checkpoint import Checkpoint
    from racecheck.explore.compiled import CompiledEngine
    from racecheck.explore.sweep import sweep

    machine = engine if isinstance(engine, CompiledEngine) else CompiledEngine(engine)
    return sweep(machine, limits, watch, Checkpoint(folder) if folder else None)


@define(kw_only=True)
class _First(Limits):
    """Limits of a search that is handed over to ``machine`` when it has taken so long; or ``why`` not."""

    engine: PythonEngine
    limits: Limits
    patience: float
    machine: CompiledEngine | None = None
    why: str = ""

    def reason(self, states: int) -> str | None:
        """The reasons of the search itself, and that it is handed over."""
        if found := self.limits.reason(states):
            return found
        if self.seconds() < self.patience or self.why:
            return None
        if not self.limits.allows(ROOM):
            self.why = f"less than {ROOM >> 20} MiB are left, which compiling may take"
            return None
        from racecheck.explore.compiled import CompiledEngine

        try:
            machine = CompiledEngine(self.engine)
            machine.guards()
        except DoesNotFit as why:
            self.why = str(why)
            return None
        self.machine = machine
        return HANDED_OVER
