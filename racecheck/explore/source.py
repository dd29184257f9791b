"""The source of a program's step function, specialised to its graphs and to one layout."""

from __future__ import annotations

from attrs import frozen

from racecheck.compiler.ir import Choose
from racecheck.compiler.program import Graph, Program
from racecheck.explore.engine import Goal, normal_bits
from racecheck.explore.generate import ConditionRegion, EntryRegion, TrackedRegion
from racecheck.explore.layout import Layout
from racecheck.explore.text import MODEL_ERROR, Lines, Words
from racecheck.interpreter import LONGEST_MOVE

UNROLLED = 500
"""Lines up to which the code of identical processes is written out for each of them."""


@frozen
class Generator:
    """Source for one program, layout and kind of symmetry.

    ``marks`` gives a bit of ``happened`` to each entry and node that is still to happen. ``tracked`` moves
    tell whose they are, and what they say of a ``goal``.
    """

    program: Program
    layout: Layout
    symmetry: bool
    marks: dict[tuple[int, int], int]
    tracked: bool = False
    goal: Goal | None = None

    @property
    def words(self) -> Words:
        """Loads and stores in this layout."""
        slots = self.program.slots
        return Words(self.layout, tuple(s.kind for s in slots), tuple(s.bits for s in slots))

    def expand(self) -> str:
        """The function ``expand(s, out)``: writes the targets of ``s`` to ``out`` and returns their number.

        When tracked, there are three arguments more: ``starts``, for each process how many targets are
        those of processes before it, and for each target ``ways`` and ``tales``; see ``TrackedRegion``.
        """
        lines, counting = Lines(), self.tracked
        arguments = "s, out, starts, ways, tales" if counting else "s, out"
        arrays = "digits=digits, widths=widths, scratch=scratch, happened=happened"
        with lines.under(f"def expand({arguments}, {arrays}):"):
            lines.add("n = 0")
            if self.program.failures():
                lines.add(f"if s >> {self.layout.failed}:", "    return 0")
            for e, block in enumerate(self.layout.blocks):
                number = sum(earlier.count for earlier in self.layout.blocks[:e])
                if (self.symmetry and block.count > 1) or not self._unrolled(lines, e, number, counting):
                    self._looped(lines, e, number, counting)
            lines.add("return n")
        return str(lines)

    def _region(self, e: int, shift: int | str) -> EntryRegion:
        """The moves of a process of entry ``e``."""
        sort = self.symmetry and self.layout.blocks[e].count > 1
        graph = self.program.entries[e].graph
        if self.tracked:
            goal = self.goal.event if self.goal and self.goal.entry == e else None
            return TrackedRegion(goal, graph, self.words, e, {}, shift=shift, sort=sort)
        marks = {at: mark for (entry, at), mark in self.marks.items() if entry == e}
        return EntryRegion(graph, self.words, e, marks, shift=shift, sort=sort)

    def _unrolled(self, lines: Lines, e: int, number: int, counting: bool) -> bool:
        """The moves of each of an entry's processes; False if that is too long."""
        block, base, stride = self.layout.blocks[e], self.layout.bases[e], self.layout.strides[e]
        for i in range(block.count):
            shift = base + i * stride
            code = self._process(self._region(e, shift))
            if block.count > 1 and block.count * len(code.lines) > UNROLLED:
                return False
            lines.add(f"here = (s >> {shift}) & {(1 << stride) - 1}")
            lines.append(code)
            if counting:
                lines.add(f"starts[{number + i + 1}] = n")
        return True

    def _looped(self, lines: Lines, e: int, number: int, counting: bool) -> None:
        """The moves of an entry's processes, one after another; under symmetry of one at each place."""
        block, base, stride = self.layout.blocks[e], self.layout.bases[e], self.layout.strides[e]
        code = self._process(self._region(e, "shift"))
        lines.add(f"shift = {base}")
        if self.symmetry:
            lines.add("last = -1")
        if counting:
            lines.add(f"number = {number}")
        with lines.under(f"while shift < {base + stride * block.count}:"):
            lines.add(f"here = (s >> shift) & {(1 << stride) - 1}")
            if self.symmetry:
                with lines.under("if here != last:"):
                    lines.add("last = here")
                    lines.append(code)
            else:
                lines.append(code)
            if counting:
                lines.add("number += 1", "starts[number] = n")
            lines.add(f"shift += {stride}")

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
        """The function ``value(t)`` of a property's expression; None for an error of the model."""
        region = ConditionRegion(condition, self.words, "None")
        lines = Lines()
        with lines.under("def value(t):"):
            if region.loops:
                lines.add("fuel = 0")
            lines.append(region.dispatch("0"))
            lines.add("return value")
        return str(lines)

    def check(self) -> str:
        """The function ``check(t)``: see ``Engine.check``."""
        lines = Lines()
        with lines.under("def check(t):"):
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
                lines.add(f"if t >> {self.layout.failed}:")
                lines.add(f"    bits |= {1 << len(self.program.claims)}")
            lines.add("return bits")
        return str(lines)
