"""pdb along a counterexample: a prompt in the user's own source at the start of each step."""

from __future__ import annotations

import pdb
import sys
from bdb import BdbQuit
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import IO, Any

from racecheck.model import Model
from racecheck.native import Request, World


def debug_steps(
    model: Model, moves: Iterable[tuple[str, Sequence[int | bool]]], debugger: StepDebugger | None = None
) -> bool:
    """Make moves (process, choices) natively, with a prompt before each; False if the user quit.

    ``moves`` is taken one by one, so a generator can announce each. Raises what ``World.step`` raises.
    """
    with World(model, debugger or StepDebugger()) as world:
        try:
            for process, choices in moves:
                world.step(process, choices)
        except (BdbQuit, pdb.Restart):
            return False
    return True


class StepDebugger(pdb.Pdb):
    """One pdb for the threads of all processes; its prompt names the process.

    Commands run in the scheduler's thread while the process stands still: there a word has its value
    (``p int(folio.refcount)``), a step is an error, and Ctrl-C works as always. ``c`` goes on to the next
    move, ``q`` ends the run with BdbQuit.
    """

    def __init__(self, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stdin=stdin, stdout=stdout, skip=["racecheck.*"], nosigint=True)
        self._ask: Callable[[Request], None]
        self._continues = False

    def stop(self, process: str, ask: Callable[[Request], None]) -> None:
        """Prompt where the process stands; then follow its thread, if the user wants to."""
        sys.settrace(None)
        self._ask, self.prompt = ask, f"(Pdb {process}) "
        frame: FrameType | None = sys._getframe()
        while frame is not None and _is_ours(frame):
            frame = frame.f_back
        assert frame is not None, "a process stands in a function of the user"
        self.reset()
        self.botframe: Any = frame
        self._follow(frame)
        self.interaction(frame, None)
        if self.breaks or not self._continues:
            sys.settrace(self.trace_dispatch)

    def _follow(self, frame: FrameType | None) -> None:
        """Trace the frames of the process, and show none below them."""
        while frame is not None and not _is_ours(frame):
            frame.f_trace = self.trace_dispatch
            self.botframe, frame = frame, frame.f_back

    def interaction(self, frame: FrameType | None, traceback: Any) -> None:
        """Prompt in the scheduler's thread; then do in this one what concerns its trace."""
        self._continues = False
        self._ask(lambda: super(StepDebugger, self).interaction(frame, traceback))
        if self.quitting:
            raise BdbQuit
        if self._continues:
            super().set_continue()

    def set_continue(self) -> None:
        """Remember it: the trace is that of the process's thread."""
        self._continues = True

    def set_quit(self) -> None:
        """Remember it: the process's thread ends at once."""
        self.quitting = True


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("racecheck.")
