"""An engine of generated Python: step functions specialised to one program and one packed layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve

from racecheck.compiler.ir import Fail
from racecheck.compiler.program import Graph, Program
from racecheck.explore.engine import Goal, Overflow, Spot, Stand, Turn, canonical, coverage_nodes, examine
from racecheck.explore.generate import MARKS
from racecheck.explore.layout import ROOM, Layout, layout_of
from racecheck.explore.source import Generator
from racecheck.explore.tales import PARTS, TOLD
from racecheck.explore.text import MODEL_ERROR
from racecheck.interpreter import LONGEST_MOVE, Place
from racecheck.semantics import State, initial, steps, value_of


class PythonEngine:
    """States are ints; see ``racecheck.explore.layout``."""

    name = "python"

    def __init__(self, program: Program, symmetry: bool, start: State | None = None) -> None:
        self.program = program
        self.symmetry = symmetry
        self.layout = self.first_layout()
        self._nodes = coverage_nodes(program)
        self._happened = [0] * (len(self._nodes) // MARKS + 1)
        self._scratch = [0]
        self._digits = [0] * (LONGEST_MOVE + 1)
        self._widths = [0] * (LONGEST_MOVE + 1)
        processes = sum(entry.process.count for entry in program.entries)
        self.room = (processes + ROOM) * (LONGEST_MOVE + 1)
        self._out = [0] * self.room
        self._tales: list[int] = []
        self.start = initial(program) if start is None else start
        self._tracked: dict[Goal | None, Callable[..., Any]] = {}
        self._fit(self.start)
        self._compile()

    def first_layout(self) -> Layout:
        """Fields with little room."""
        return layout_of(self.program, self.symmetry)

    @property
    def happened(self) -> int:
        """A bit for each node of ``coverage_nodes`` that a move has passed."""
        return sum(bits << i * MARKS for i, bits in enumerate(self._happened))

    def _fit(self, state: State) -> None:
        """Widen the fields until the state fits."""
        for value, group in zip(state.shared, self.layout.groups, strict=True):
            self._widen(group, value)
        for e, places in enumerate(state.places):
            for place in places:
                registers = self.layout.live[e][place.node]
                for register, value in zip(registers, place.locals, strict=True):
                    self._widen(self.layout.blocks[e].slots[register], value)

    def _widen(self, number: int, value: int) -> None:
        field = self.layout.fields[number]
        if not field.lo <= value <= field.hi:
            self.layout.widen(number, value)

    def initial(self) -> int:
        """Where the search starts: the initial state, if no other is given."""
        return self.encode(self.start)

    def encode(self, state: State) -> int:
        """The key of a state; under symmetry the blocks of an entry are sorted."""
        failed = any(
            isinstance(entry.graph.nodes[place.node], Fail)
            for entry, places in zip(self.program.entries, state.places, strict=True)
            for place in places
        )
        if self.symmetry:
            sort = [
                tuple(sorted(places, key=partial(self.layout.pack_place, e)))
                for e, places in enumerate(state.places)
            ]
            state = State(state.shared, tuple(sort))
        return self.layout.pack(state, failed)

    def decode(self, key: int) -> State:
        """The state; under symmetry with places sorted as the reference sorts them."""
        state = self.layout.unpack(key)
        return canonical(state) if self.symmetry else state

    def expand(self, key: int, out: list[Any]) -> int:
        """``run`` with as long a list as it needs, and exceptions."""
        if len(out) < self.room:
            out.extend([0] * (self.room - len(out)))
        count: int = self.run(key, out)
        if count < 0:
            self.explain(key, count)
        return count

    def explain(self, key: int, code: int) -> None:
        """Raise what a negative count stands for: Overflow, or the error of the model."""
        if code == MODEL_ERROR:
            for _ in steps(self.program, self.decode(key)):
                pass
            raise AssertionError("generated code and the reference disagree on an error of the model")
        self._translate = self.layout.widen(-code - 2, self._scratch[0])
        self._compile()
        raise Overflow

    def translate(self) -> Callable[[int], int]:
        """From keys before the last Overflow to keys after it."""
        return self._translate

    def examine(self, key: int) -> int:
        """The exact bits of ``check``."""
        return examine(self.program, self.decode(key))

    def settle(self) -> None:
        """Generate the code anew, without marks for what has happened already."""
        if self.happened != self._compiled_with:
            self._compile_expand()

    def stands(self, key: int, goal: Goal | None = None) -> list[Stand]:
        """Each place that is occupied, with the moves of all processes there, or of one under symmetry."""
        run = self._tracked.get(goal) or self._track(goal)
        stands: dict[Spot, Stand] = {}
        of_part = []
        for e, shift, mask, counted in self.parts:
            part = key >> shift & mask
            spot, many = (e, part) if counted is None else (e, counted), 1 if counted is None else part
            of_part.append(spot)
            if many:
                before = stands.get(spot) or Stand(spot, 0, [])
                stands[spot] = before._replace(processes=before.processes + many)
        for i in range(run(key, self._out, self._tales)):
            spot = of_part[self._tales[i] >> TOLD & (1 << PARTS) - 1]
            stands[spot].turns.append(self._turn(i))
        return list(stands.values())

    def _turn(self, i: int) -> Turn:
        told, ways = self._tales[i] & (1 << TOLD) - 1, self._tales[i] >> TOLD + PARTS
        return Turn(self._out[i], ways, told >> 2, bool(told & 1), bool(told & 2))

    def _track(self, goal: Goal | None) -> Callable[..., Any]:
        if not self._tales:
            self._tales = [0] * self.room
        source = evolve(self._generator(), tracked=True, goal=goal, marks={}).expand()
        self._tracked[goal] = self._function(source, "expand")
        return self._tracked[goal]

    def evaluator(self, condition: Graph) -> Callable[[int], int]:
        """Generated code; where that finds an error of the model, the reference raises it."""
        run: Callable[[int], int | None] = self._function(self._generator().value(condition), "value")

        def evaluate(key: int) -> int:
            found = run(key)
            return value_of(self.program, condition, self.decode(key)) if found is None else found

        return evaluate

    def spot(self, entry: int, place: Place) -> Spot:
        """The entry and the block of one of its processes."""
        return entry, self.layout.pack_place(entry, place)

    def place(self, spot: Spot) -> Place:
        """What the block stands for."""
        return self.layout.unpack_place(spot[0], spot[1])  # type: ignore[arg-type]

    def _locate(self) -> list[tuple[int, int, int, int | None]]:
        """Of each process, or place that is counted: its entry, the shift and mask, and the place."""
        rows = zip(self.layout.rows, self.layout.tallies, strict=True)
        return [
            (e, shift, (1 << row.width) - 1, tally[i] if tally else None)
            for e, (row, tally) in enumerate(rows)
            for i, shift in enumerate(row.positions())
        ]

    def _compile(self) -> None:
        """Generate everything that depends on the layout."""
        self._compile_expand()
        self.check: Callable[[int], int] = self._function(self._generator().check(), "check")
        self._tracked.clear()
        self.parts = self._locate()

    def _compile_expand(self) -> None:
        self.source = self._generator().expand()
        self.run = self._function(self.source, "expand")
        self._compiled_with = self.happened

    def _generator(self) -> Generator:
        marks = {node: i for i, node in enumerate(self._nodes) if not self.happened >> i & 1}
        return Generator(self.program, self.layout, marks)

    def _function(self, source: str, name: str) -> Callable[..., Any]:
        space: dict[str, Any] = {
            "digits": self._digits,
            "widths": self._widths,
            "scratch": self._scratch,
            "happened": self._happened,
            **self._generator().tables(),
        }
        exec(compile(source, f"<generated for {self.program.model.name}>", "exec"), space)
        function: Callable[..., Any] = space[name]
        return function
