"""Going through a trace by hand: forwards, backwards, and where else one could have gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field

from racecheck.atlas import Truth, truths
from racecheck.compiler.program import Program
from racecheck.explore.path import Run, process_name
from racecheck.places import place_text
from racecheck.render.columns import filled
from racecheck.semantics import Move, State, steps
from racecheck.trace import Trace, trace_step
from racecheck.verdicts.witness import processes

HELP = "next (or an empty line), back, first, last, a number (that move instead), show, help, quit"


@define
class Walk:
    """Where one is: the states passed, and the moves between them; they may leave the trace."""

    program: Program
    trace: Trace
    run: Run
    width: int
    states: list[State] = field(factory=list)
    moves: list[Move] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.first()

    @property
    def on_trace(self) -> bool:
        """Whether all moves so far were the trace's."""
        return tuple(self.moves) == self.run.moves[: len(self.moves)]

    def first(self) -> str:
        """To the start."""
        self.states, self.moves = [self.run.states[0]], []
        return ""

    def last(self) -> str:
        """To the end of the trace."""
        self.states, self.moves = list(self.run.states), list(self.run.moves)
        return ""

    def back(self) -> str:
        """Undo the last move; what is wrong, or ""."""
        if not self.moves:
            return "this is the start"
        self.states.pop()
        self.moves.pop()
        return ""

    def next(self) -> str:
        """Take the trace's next move; what is wrong, or ""."""
        if not self.on_trace:
            return "the trace was left: back leads to it, a number takes another move"
        if len(self.moves) == len(self.run.moves):
            return "this is the end of the trace"
        self._take(self.run.moves[len(self.moves)])
        return ""

    def take(self, number: int) -> str:
        """Take one of the moves that are possible, from 1 on; what is wrong, or ""."""
        moves = list(steps(self.program, self.states[-1]))
        if not 1 <= number <= len(moves):
            return f"there is no move {number}; there are {len(moves)}"
        self._take(moves[number - 1])
        return ""

    def _take(self, move: Move) -> None:
        self.moves.append(move)
        self.states.append(move.target)

    def show(self) -> str:
        """The state: what led to it, all values, who stands where, who could move, what holds."""
        lines = [self._head(), f"  values  {self._values()}", f"  places  {self._places()}"]
        lines += self._could_move()
        lines += [f"  {truth.says:<7} {truth.kind} {truth.property!r}" for truth in self._truths()]
        return "\n".join(filled(line, self.width) for line in lines) + "\n"

    def _head(self) -> str:
        number = len(self.moves)
        if not number:
            return f"start: {self.trace.verdict} {self.trace.kind} {self.trace.property!r}"
        where = (
            f"step {number} of {len(self.run.moves)}" if self.on_trace else f"step {number}, off the trace"
        )
        if self.on_trace and number > len(self.trace.steps):
            where += ", in the cycle"
        return f"{where}, {trace_step(self.program, self.states[-2], self.moves[-1])}"

    def _values(self) -> str:
        state = self.states[-1]
        before = self.states[-2] if self.moves else state
        shown = []
        for slot, value, old in zip(self.program.slots, state.shared, before.shared, strict=True):
            shown.append(f"{slot.label} {value}" + f" (was {old})" * (value != old))
        return ", ".join(shown)

    def _places(self) -> str:
        places = self.states[-1].places
        return ", ".join(
            f"{process_name(self.program, e, n)}: {place_text(self.program.entries[e].graph, places[e][n])}"
            for e, n in processes(self.program)
        )

    def _could_move(self) -> list[str]:
        """The moves, numbered, and which is the trace's next."""
        state, done = self.states[-1], len(self.moves)
        following = self.run.moves[done] if self.on_trace and done < len(self.run.moves) else None
        moves = list(steps(self.program, state))
        lines = [
            f"  {'next' if move == following else '    '}{n:>3}  {trace_step(self.program, state, move)}"
            for n, move in enumerate(moves, 1)
        ]
        return lines or ["  nobody can move"]

    def _truths(self) -> list[Truth]:
        """Of all but deadlock, which one state does not tell."""
        return [truth for truth in truths(self.program, self.states[-1]) if truth.kind != "deadlock"]


def go(walk: Walk, commands: Iterable[str], write: Callable[[str], None]) -> None:
    """Show the state, then do what each command says until "quit" or the last one."""
    actions = {"next": walk.next, "back": walk.back, "first": walk.first, "last": walk.last}
    write(walk.show())
    for line in commands:
        word = line.strip().lower() or "next"
        names = [name for name in (*actions, "show", "help", "quit") if name.startswith(word)]
        if word.isascii() and word.isdigit():
            problem = walk.take(int(word[:9]))
        elif names == ["quit"]:
            return
        elif names == ["help"]:
            problem = HELP
        elif names:
            problem = actions[names[0]]() if names[0] in actions else ""
        else:
            problem = f"{line.strip()!r} is no command; there are {HELP}"
        write(problem or walk.show())
