"""The source of a program's step function, specialised to its graphs and to one layout."""

from __future__ import annotations

from attrs import field, frozen

from racecheck.compiler.ir import Choose, Fail, Result
from racecheck.compiler.program import Graph, Program
from racecheck.explore.engine import Goal, normal_bits
from racecheck.explore.generate import EntryRegion
from racecheck.explore.layout import Layout
from racecheck.explore.lines import DONE, Lines
from racecheck.explore.region import Region
from racecheck.explore.tales import TrackedRegion
from racecheck.explore.text import MODEL_ERROR, Guards, Words
from racecheck.interpreter import LONGEST_MOVE

UNROLLED = 500
"""Lines up to which the code of identical processes is written out for each of them."""
NO_VALUE = -(1 << 62)
"""What the value of an expression is in machine words, where evaluating it is an error of the model."""


class ConditionRegion(Region):
    """A property's condition: ``value`` at its end."""

    def __init__(self, graph: Graph, words: Words, error: str) -> None:
        self.error = error
        super().__init__(graph, words, [graph.entry])
        self.numbers[graph.entry, False] = 0
        self.todo.append((graph.entry, False))
        self.finish()

    def result(self, lines: Lines, node: Result) -> None:
        """Keep the value."""
        lines.add(f"value = {self.words.expr(node.value)}", DONE)


def bit_of(number: int) -> Lines:
    """Set a bit."""
    return Lines([(0, f"bits |= {1 << number}")])


@frozen
class Generator:
    """Source for one program, and for a layout.

    ``marks`` gives a bit of ``happened`` to each entry and node that is still to happen. ``tracked`` moves
    tell whose they are, and what they say of a ``goal``. In code ``for_machine`` a state is ``keys`` from
    ``at`` on, in words, and targets are written to ``out`` behind the ``n`` that are there already; there
    ``guards`` are the registers whose values must be looked at.
    """

    program: Program
    layout: Layout
    marks: dict[tuple[int, int], int]
    tracked: bool = False
    goal: Goal | None = None
    for_machine: bool = False
    guards: Guards = field(factory=dict)

    @property
    def words(self) -> Words:
        """Loads and stores in this layout."""
        slots = self.program.slots
        kinds, bits = tuple(slot.kind for slot in slots), tuple(slot.bits for slot in slots)
        return Words(self.layout, kinds, bits, self.for_machine, self.guards)

    def expand(self) -> str:
        """The function ``expand(s, out)``: writes the targets of ``s`` to ``out`` and returns their number.

        When tracked, it also writes the tale of each to ``tales``; see ``TrackedRegion``.
        """
        arrays = ["out", *["tales"] * (self.tracked or self.for_machine)]
        kept = ["digits", "widths", "scratch", "happened"]
        last = ["n", *kept] if self.for_machine else [f"{a}={a}" for a in kept]
        lines = self._head("expand", "s", *arrays, *last)
        if not self.for_machine:
            lines.add("n = 0")
        if self.program.failures():
            lines.add(f"if {self._failed('s')}:", "    return n")
        number = 0
        for e, row in enumerate(self.layout.rows):
            if self.layout.alike(e) or not self._unrolled(lines, e, number):
                self._looped(lines, e, number)
            number += row.count
        lines.add("return n")
        return str(lines)

    def _head(self, name: str, state: str, *arguments: str) -> Lines:
        """The head of a function of a state."""
        lines = Lines()
        first = ["keys", "at"] if self.for_machine else [state]
        lines.add(f"def {name}({', '.join([*first, *arguments])}):")
        lines.depth = 1
        if self.for_machine:
            lines.add(*(f"{word} = get(keys, at + {i})" for i, word in enumerate(self.words.names(state))))
        return lines

    def _failed(self, state: str) -> str:
        name, bit = self.words.at(self.layout.failed, state)
        return f"({name} >> {bit}) & 1"

    def _region(self, e: int, shift: int | str, part: int | str) -> EntryRegion:
        """The moves of a process of entry ``e``: of that number among all, or places that are counted."""
        graph, alike = self.program.entries[e].graph, self.layout.alike(e)
        marks = {at: mark for (entry, at), mark in self.marks.items() if entry == e}
        if self.tracked:
            goal = self.goal.event if self.goal and self.goal.entry == e else None
            return TrackedRegion(goal, part, graph, self.words, e, marks, shift=shift, alike=alike)
        return EntryRegion(graph, self.words, e, marks, shift=shift, alike=alike)

    def _unrolled(self, lines: Lines, e: int, number: int) -> bool:
        """The moves of each of an entry's processes; False if that is too long."""
        row = self.layout.rows[e]
        for i, shift in enumerate(row.positions()):
            code = self._process(self._region(e, shift, number + i))
            if row.count > 1 and not row.each and row.count * len(code.lines) > UNROLLED:
                return False
            name, bit = self.words.at(shift, "s")
            lines.add(f"here = ({name} >> {bit}) & {(1 << row.width) - 1}")
            lines.append(code)
        return True

    def _looped(self, lines: Lines, e: int, number: int) -> None:
        """The moves of an entry's processes, one after another; if they are alike, of one at each place."""
        row, tally = self.layout.rows[e], self.layout.tallies[e]
        code, (name, base) = self._process(self._region(e, "shift", "number")), self.words.at(row.base, "s")
        here = f"({name} >> shift) & {(1 << row.width) - 1}"
        lines.add(f"number = {number}", f"shift = {base}")
        if self.layout.alike(e):
            lines.add("last = -1")
        with lines.under(f"while number < {number + row.count}:"):
            if tally:
                with lines.under(f"if {here}:"):
                    lines.add(f"here = places{e}[number - {number}]")
                    lines.append(code)
            elif self.layout.alike(e):
                lines.add(f"here = {here}")
                with lines.under("if here != last:"):
                    lines.add("last = here")
                    lines.append(code)
            else:
                lines.add(f"here = {here}")
                lines.append(code)
            lines.add("number += 1", f"shift += {row.width}")

    def _process(self, region: EntryRegion) -> Lines:
        """All outcomes of a process's next move: with choices, one for each row of digits."""
        if not any(isinstance(node, Choose) for node in region.graph.nodes):
            return region.code()
        lines = Lines()
        lines.add("filled = 0", "depth = 1", "tries = 0")
        with lines.under("while depth > 0:"):
            lines.add("depth = 0")
            lines.append(region.code())
            lines.add("while depth > 0 and digits[depth - 1] + 1 == widths[depth - 1]:")
            lines.add("    depth -= 1")
            with lines.under("if depth > 0:"):
                lines.add("digits[depth - 1] += 1", "filled = depth", "tries += 1")
                with lines.under(f"if tries > {LONGEST_MOVE}:"):
                    lines.add(f"return {MODEL_ERROR}")
        return lines

    def value(self, condition: Graph) -> str:
        """The function ``value(t)`` of an expression; an error of the model is None or NO_VALUE."""
        region = ConditionRegion(condition, self.words, str(NO_VALUE) if self.for_machine else "None")
        lines = self._head("value", "t")
        if region.loops:
            lines.add("fuel = 0")
        lines.append(region.dispatch("0"))
        lines.add("return value")
        return str(lines)

    def check(self) -> str:
        """The function ``check(t)``: see ``Engine.check``."""
        lines = self._head("check", "t")
        lines.add("bits = 0")
        for i, claim in enumerate(self.program.claims):
            if claim.condition is None:
                continue
            region = ConditionRegion(claim.condition, self.words, str(~normal_bits(self.program)))
            if region.loops:
                lines.add("fuel = 0")
            lines.append(region.dispatch("0"))
            lines.add("if value:", f"    bits |= {1 << i}")
        if self.program.failures():
            with lines.under(f"if {self._failed('t')}:"):
                lines.append(self._which_failed() if self.for_machine else bit_of(len(self.program.claims)))
        lines.add("return bits")
        return str(lines)

    def _which_failed(self) -> Lines:
        """A bit for each assert that has failed, by the places where its processes stand."""
        lines, claims, failures = Lines(), len(self.program.claims), self.program.failures()
        for e, (entry, row) in enumerate(zip(self.program.entries, self.layout.rows, strict=True)):
            nodes, tally = entry.graph.nodes, self.layout.tallies[e]
            for code, at in enumerate(self.layout.blocks[e].codes):
                if not isinstance(node := nodes[at], Fail):
                    continue
                mask, bit = (1 << self.layout.place_bits[e]) - 1, claims + failures.index(node.name)
                for i, position in enumerate(row.positions()):
                    name, shift = self.words.at(position)
                    here = f"({name} >> {shift}) & {(1 << row.width) - 1 if tally else mask}"
                    if not tally or tally[i] & mask == code:
                        lines.add(f"if {here}{f' == {code}' * (not tally)}:", f"    bits |= {1 << bit}")
        return lines

    def tables(self) -> dict[str, list[int]]:
        """What generated code looks up: of processes that are counted, the places and where to count."""
        found = {}
        for e, (tally, row) in enumerate(zip(self.layout.tallies, self.layout.rows, strict=True)):
            if tally:
                bits = [self.words.at(at)[1] for at in row.positions()]
                where = dict(zip(tally, bits, strict=True))
                found[f"places{e}"] = list(tally)
                found[f"where{e}"] = [where.get(block, 0) for block in range(1 << self.layout.strides[e])]
        return found
