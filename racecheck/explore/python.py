"""An engine of generated Python: step functions specialised to one program and one packed layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from racecheck.compiler.ir import Choose, End, Fail, Node, Rest, is_place
from racecheck.compiler.program import Program
from racecheck.explore.engine import Overflow, Spot, canonical, coverage_nodes, examine
from racecheck.explore.generate import ConditionRegion, EntryRegion
from racecheck.explore.layout import layout_of
from racecheck.explore.text import MODEL_ERROR, Lines, Words
from racecheck.interpreter import LONGEST_MOVE
from racecheck.semantics import State, initial, steps


class PythonEngine:
    """States are ints; see ``racecheck.explore.layout``."""

    name = "python"

    def __init__(self, program: Program, symmetry: bool, start: State | None = None) -> None:
        self.program = program
        self.symmetry = symmetry
        self.layout = layout_of(program, [_places(entry.graph.nodes) for entry in program.entries])
        self._marks = {node: i for i, node in enumerate(coverage_nodes(program))}
        self._happened = [0]
        self._scratch = [0]
        self._digits = [0] * (LONGEST_MOVE + 1)
        self._widths = [0] * (LONGEST_MOVE + 1)
        processes = sum(entry.process.count for entry in program.entries)
        self._room = processes * (LONGEST_MOVE + 1)
        self._out = [0] * self._room
        self.start = initial(program) if start is None else start
        self._run_marked: Callable[..., Any] | None = None
        self._fit(self.start)
        self._compile()

    @property
    def happened(self) -> int:
        """A bit for each node of ``coverage_nodes`` that a move has passed."""
        return self._happened[0]

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
        """Run the generated code; see ``Engine``."""
        if len(out) < self._room:
            out.extend([0] * (self._room - len(out)))
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
            self._compile()

    def spots(self, key: int) -> list[tuple[Spot, bool]]:
        """Each place that is occupied and neither ended nor resting, and whether it can move."""
        if self._run_marked is None:
            source = self._source(marked=True)
            self._run_marked = self._function(source, "expand")
        starts = [0] * (self._processes() + 1)
        self._run_marked(key, self._out, starts)
        found: dict[Spot, bool] = {}
        number = 0
        for e, block in enumerate(self.layout.blocks):
            for i in range(block.count):
                stride = self.layout.strides[e]
                here = key >> self.layout.bases[e] + i * stride & (1 << stride) - 1
                if self._can_wait(e, here):
                    found.setdefault((e, here), starts[number + 1] > starts[number])
                number += 1
        return list(found.items())

    def _can_wait(self, e: int, here: int) -> bool:
        node = self.layout.blocks[e].codes[here & (1 << self.layout.place_bits[e]) - 1]
        return not isinstance(self.program.entries[e].graph.nodes[node], (End, Fail, Rest))

    def _processes(self) -> int:
        return sum(block.count for block in self.layout.blocks)

    def _compile(self) -> None:
        source = self._source(marked=False)
        self.run = self._function(source, "expand")
        self.check: Callable[[int], int] = self._function(source, "check")
        self._run_marked = None
        self._compiled_with = self.happened

    def _function(self, source: str, name: str) -> Callable[..., Any]:
        space: dict[str, Any] = {
            "digits": self._digits,
            "widths": self._widths,
            "scratch": self._scratch,
            "happened": self._happened,
        }
        exec(compile(source, f"<generated for {self.program.model.name}>", "exec"), space)
        function: Callable[..., Any] = space[name]
        return function

    def _source(self, marked: bool) -> str:
        slots = self.program.slots
        words = Words(self.layout, tuple(s.kind for s in slots), tuple(s.bits for s in slots))
        lines = Lines()
        arguments = "s, out, starts" if marked else "s, out"
        arrays = "digits=digits, widths=widths, scratch=scratch, happened=happened"
        with lines.under(f"def expand({arguments}, {arrays}):"):
            lines.add("n = 0", "passed = 0")
            with lines.under(f"if (s >> {self.layout.failed}) & 1:"):
                lines.add("return 0")
            number = 0
            for e, block in enumerate(self.layout.blocks):
                self._entry(lines, words, e, number if marked else None)
                number += block.count
            lines.add("return n")
        self._check(lines, words)
        return str(lines)

    def _entry(self, lines: Lines, words: Words, e: int, number: int | None) -> None:
        """The moves of an entry's processes, one after another."""
        layout, block = self.layout, self.layout.blocks[e]
        base, stride = layout.bases[e], layout.strides[e]
        marks = {
            at: mark
            for (entry, at), mark in self._marks.items()
            if entry == e and not self.happened >> mark & 1
        }
        region = EntryRegion(self.program.entries[e].graph, words, layout, e, marks)
        if block.count == 1:
            lines.add(f"here = (s >> {base}) & {(1 << stride) - 1}")
            self._process(lines, region, str(base), number)
            return
        if number is not None:
            lines.add(f"number = {number}")
        end = base + stride * block.count
        lines.add(f"shift = {base}", "last = -1")
        with lines.under(f"while shift < {end}:"):
            lines.add(f"here = (s >> shift) & {(1 << stride) - 1}")
            counter = None if number is None else "number"
            if self.symmetry:
                with lines.under("if here != last:"):
                    lines.add("last = here")
                    self._process(lines, region, "shift", counter)
            else:
                self._process(lines, region, "shift", counter)
            if number is not None:
                lines.add("number += 1", "starts[number] = n")
            lines.add(f"shift += {stride}")

    def _process(self, lines: Lines, region: EntryRegion, shift: str, number: int | str | None) -> None:
        choices = any(isinstance(node, Choose) for node in region.graph.nodes)
        if choices:
            lines.add("filled = 0", "depth = 1", "tries = 0")
            with lines.under("while depth > 0:"):
                lines.add("depth = 0")
                self._run(lines, region, shift)
                lines.add("while depth > 0 and digits[depth - 1] + 1 == widths[depth - 1]:")
                lines.add("    depth -= 1")
                with lines.under("if depth > 0:"):
                    lines.add("digits[depth - 1] += 1", "filled = depth", "tries += 1")
                    with lines.under(f"if tries > {LONGEST_MOVE}:"):
                        lines.add(f"return {MODEL_ERROR}")
        else:
            self._run(lines, region, shift)
        if isinstance(number, int):
            lines.add(f"starts[{number + 1}] = n")

    def _run(self, lines: Lines, region: EntryRegion, shift: str) -> None:
        """One outcome: run from the place, and write the state that it leads to."""
        lines.add("t = s", "there = -1")
        if region.marks:
            lines.add("passed = 0")
        if region.loops:
            lines.add("fuel = 0")
        lines.add(f"label = here & {(1 << self.layout.place_bits[region.entry]) - 1}")
        lines.append(region.dispatch())
        with lines.under("if there >= 0:"):
            if region.marks:
                lines.add("happened[0] |= passed")
            if self.symmetry and region.block.count > 1:
                self._sort(lines, region.entry)
            else:
                lines.add(f"t += (there - here) << {shift}")
            lines.add("out[n] = t", "n += 1")

    def _sort(self, lines: Lines, e: int) -> None:
        """Put the new block where it belongs among its equals."""
        base, stride = self.layout.bases[e], self.layout.strides[e]
        last = base + stride * (self.layout.blocks[e].count - 1)
        mask = (1 << stride) - 1
        lines.add("t += (there - here) << shift", "at = shift")
        for step, test, limit in ((-stride, ">", f"at > {base}"), (stride, "<", f"at < {last}")):
            with lines.under(f"while {limit} and ((t >> (at + {step})) & {mask}) {test} there:"):
                lines.add(f"other = (t >> (at + {step})) & {mask}")
                lines.add(f"t += ((there - other) << (at + {step})) + ((other - there) << at)")
                lines.add(f"at += {step}")

    def _check(self, lines: Lines, words: Words) -> None:
        with lines.under("def check(t):"):
            lines.add("bits = 0")
            for i, claim in enumerate(self.program.claims):
                if claim.condition is None:
                    continue
                region = ConditionRegion(claim.condition, words)
                if region.loops:
                    lines.add("fuel = 0")
                lines.add("label = 0")
                lines.append(region.dispatch())
                lines.add("if value:", f"    bits |= {1 << i}")
            with lines.under(f"if (t >> {self.layout.failed}) & 1:"):
                lines.add(f"bits |= {1 << len(self.program.claims)}")
            lines.add("return bits")


def _places(nodes: tuple[Node, ...]) -> tuple[int, ...]:
    return tuple(i for i, node in enumerate(nodes) if is_place(node))
