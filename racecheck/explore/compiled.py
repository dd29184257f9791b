"""An engine whose step functions are compiled to machine code, for long searches.

It is the Python engine on a layout that is split into machine words, and so answers all questions about
single states as that does; ``racecheck.explore.sweep`` runs the compiled code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import evolve

from racecheck.compiler.expr import Const, walk
from racecheck.compiler.ir import Choose
from racecheck.compiler.program import Graph, Program
from racecheck.explore.bounds import DoesNotFit, guards_of
from racecheck.explore.engine import Goal, can_wait, goal_of
from racecheck.explore.fields import first_fields
from racecheck.explore.generate import MARKS
from racecheck.explore.layout import ROOM, Layout
from racecheck.explore.python import PythonEngine
from racecheck.explore.source import Generator
from racecheck.explore.tales import MOST_WAYS
from racecheck.explore.text import LARGEST, TOO_LARGE, Guards
from racecheck.interpreter import LONGEST_MOVE

LONGEST = 20_000
"""Lines of generated code beyond which compiling them takes too long."""
SPARE = 4
"""Bits by which a field is made wider, at most, where the words have room."""
Loop = Callable[[Callable[..., Any], int], Callable[..., Any]]
"""Puts a loop over states of so many words around a function."""
USUAL = 1 << 16
"""Constants above are rather masks than limits of what is counted."""


class CompiledEngine(PythonEngine):
    """States are ints whose words are those of the search. It begins with what another has learnt."""

    name = "compiled"

    def __init__(self, like: PythonEngine) -> None:
        self._like = like.layout
        super().__init__(like.program, like.symmetry, like.start)
        self._happened = [*like._happened]
        self.spread()

    def first_layout(self) -> Layout:
        """The fields that the other engine has come to, in words."""
        return evolve(self._like, fields=list(self._like.fields), split=True)

    def spread(self) -> None:
        """Make fields that have grown wider still, where that takes no more words: compiling takes time."""
        layout, (_, narrow, _) = self.layout, first_fields(self.program)
        growing = [n for n, (old, new) in enumerate(zip(narrow, layout.fields, strict=True)) if old != new]
        for number in growing:
            if layout.fields[number].hi < (likely := largest_constant(self.program)):
                layout.widen(number, likely)
        for _ in range(SPARE):
            for number in growing:
                kept, before = layout.fields[number], (layout.words, layout.tallies)
                if kept.hi != kept.most:
                    layout.fields[number] = evolve(kept, width=kept.width + 1)
                    layout.place()
                if (layout.words, layout.tallies) != before or refusal(self.program, layout):
                    layout.fields[number] = kept
                    layout.place()
        self._compile()

    def resume(self, fields: list[tuple[int, int]], happened: int) -> None:
        """Take over the fields of another run, and what happened there."""
        pairs = zip(self.layout.fields, fields, strict=True)
        self.layout.fields = [evolve(kept, lo=lo, width=width) for kept, (lo, width) in pairs]
        self.layout.place()
        self.learn([happened >> i * MARKS & (1 << MARKS) - 1 for i in range(len(self._happened))])
        self._compile()

    def guards(self) -> Guards:
        """The registers that machine code must look at; DoesNotFit if that does not make it right."""
        if why := refusal(self.program, self.layout):
            raise DoesNotFit(why)
        return guards_of(self.program, self.layout)

    def machine(self) -> Generator:
        """What writes code for the compiler."""
        return evolve(self._generator(), for_machine=True, guards=self.guards())

    def step(self) -> Any:
        """The compiled ``expand``: one that will do for the questions about progress and deadlock, too."""
        claims = [claim for claim in self.program.claims if claim.property.kind == "progress"]
        goal = goal_of(self.program, claims[0]) if claims else None
        return self.teller(goal) if goal or can_wait(self.program) else self._step(None, tracked=False)

    def teller(self, goal: Goal | None) -> Any:
        """The compiled ``expand`` that tells whose the moves are, and what they say of a goal."""
        known = [step for of, step in self._steps.items() if goal in (of, None)]
        return known[0] if known else self._step(goal, tracked=True)

    def _step(self, goal: Goal | None, tracked: bool) -> Any:
        from racecheck.explore.machine import expander
        from racecheck.explore.native import EXPAND

        generator = evolve(self.machine(), tracked=tracked, goal=goal)
        made = self._native(generator.expand(), "expand", EXPAND, expander)
        if tracked:
            self._steps[goal] = made
        return made

    def _compile(self) -> None:
        super()._compile()
        self._steps: dict[Goal | None, Any] = {}

    def checker(self) -> Any:
        """The compiled ``check``, with a bit for each assert that has failed."""
        from racecheck.explore.machine import checker
        from racecheck.explore.native import CHECK

        return self._native(self.machine().check(), "check", CHECK, checker)

    def values(self, condition: Graph) -> Any:
        """The compiled ``value`` of an expression."""
        from racecheck.explore.native import VALUE

        return self._native(self.machine().value(condition), "value", VALUE)

    def say(self, value: int) -> None:
        """The value that did not fit, for ``explain``."""
        self._scratch[0] = value

    def explain(self, key: int, code: int) -> None:
        """As in Python; DoesNotFit for a value beyond what its code is right for."""
        if code == TOO_LARGE:
            raise DoesNotFit(f"a local goes beyond {LARGEST:,}, or a move's choices {MOST_WAYS:,} ways")
        super().explain(key, code)

    def kept(self) -> tuple[Any, Any, Any, Any]:
        """Arrays for one thread of compiled code: digits, widths, scratch, happened.

        No two are on one line of the cache: cores would hand it to and fro.
        """
        sizes = LONGEST_MOVE + 1, LONGEST_MOVE + 1, 3, len(self._happened)
        digits, widths, scratch, happened = (np.zeros(size + 16, np.int64)[8 : size + 8] for size in sizes)
        return digits, widths, scratch, happened

    def learn(self, happened: Any) -> None:
        """Remember what a thread has seen happen."""
        self._happened = [a | int(b) for a, b in zip(self._happened, happened, strict=True)]

    def most_targets(self) -> int:
        """How many targets a state can have."""
        return sum(
            row.count * (LONGEST_MOVE + 1 if any(isinstance(n, Choose) for n in entry.graph.nodes) else 1)
            for entry, row in zip(self.program.entries, self.layout.rows, strict=True)
        )

    def _native(self, source: str, name: str, kind: Any, loop: Loop | None = None) -> Callable[..., Any]:
        """A generated function, compiled; or a loop around it."""
        from numba import njit

        from racecheck.explore.native import OPTIONS, get, put

        if source.count("\n") > LONGEST:
            raise DoesNotFit(f"{source.count(chr(10)):,} lines of code would have to be compiled")
        space: dict[str, Any] = {k: np.array(v, np.int64) for k, v in self._generator().tables().items()}
        space |= {"get": get, "put": put}
        exec(compile(source, f"<compiled for {self.program.model.name}>", "exec"), space)
        function = space[name]
        if loop:
            function = loop(njit(forceinline=True, **OPTIONS)(function), self.layout.words)
        made: Callable[..., Any] = njit(kind.signature, **OPTIONS)(function)
        return made


def largest_constant(program: Program) -> int:
    """The largest number that the program names, of those that something may be counted up to."""
    expressions = [e for entry in program.entries for node in entry.graph.nodes for e in node.uses()]
    found = [e.value for expr in expressions for e in walk(expr) if isinstance(e, Const)]
    return max((value for value in found if value <= USUAL), default=0)


def refusal(program: Program, layout: Layout) -> str:
    """Why machine words do not hold a state of this layout, or ""."""
    if len(program.claims) + len(program.failures()) > ROOM - 1:
        return f"more than {ROOM - 1} properties and asserts"
    for field in layout.fields:
        if field.width > ROOM - 1:
            return f"{field.name} takes {field.width} bits"
    for e, row in enumerate(layout.rows):
        name = program.entries[e].process.name
        if row.width > ROOM:
            return f"a place of {name} takes {row.width} bits"
        if row.each and layout.alike(e):
            return (
                f"{row.count} interchangeable {name} processes of {row.width} bits are more than one word"
            )
    return ""
