"""The code of an entry's moves, and of a property's condition, specialised to one layout."""

from __future__ import annotations

from racecheck.compiler.ir import End, Enter, Event, Fail, Node, Rest, Result, Step, Together
from racecheck.compiler.program import Graph
from racecheck.explore.layout import Layout
from racecheck.explore.region import DONE, Region
from racecheck.explore.text import Lines, Words, overflow


class EntryRegion(Region):
    """The moves of one entry: from each place, loads of what lives there; at the end, the new block."""

    def __init__(
        self, graph: Graph, words: Words, layout: Layout, entry: int, marks: dict[int, int]
    ) -> None:
        self.layout = layout
        self.entry = entry
        self.block = layout.blocks[entry]
        self.marks = marks
        places = [at for at in self.block.codes if not isinstance(graph.nodes[at], (End, Fail))]
        super().__init__(graph, words, places, first=len(self.block.codes))
        for at in self.block.codes:
            self.blocks.append(self._start(at))
        self.finish()

    def _start(self, at: int) -> Lines:
        """Code from a place: load the live locals and the locks held, then go on."""
        lines = Lines()
        node = self.graph.nodes[at]
        if isinstance(node, (End, Fail)):
            lines.add(DONE)
            return lines
        for register in self.graph.live[at]:
            number = self.block.slots[register]
            packed = self.layout.fields[number]
            raw = f"(here >> {self.layout.offsets[self.entry][number]}) & {(1 << packed.width) - 1}"
            lines.add(f"r{register} = ({raw}) + {packed.lo}" if packed.lo else f"r{register} = {raw}")
        if self.block.locks:
            lines.add(f"held = here >> {self.layout.held[self.entry]}")
        if isinstance(node, Rest):
            self.fuel(lines, 1)
            self.chain(lines, (node.next, False), 1)
        else:
            self.chain(lines, (at, False), 1, inside=(at, False) not in self.joins)
        return lines

    def mark(self, lines: Lines, at: int, node: Node) -> None:
        """Remember steps and events that no move has passed so far."""
        if isinstance(node, (Step, Together, Enter, Event)) and at in self.marks:
            lines.add(f"passed |= {1 << self.marks[at]}")

    def lock_bit(self, node: Step) -> str:
        """The lock's number among those that this entry takes."""
        first = self.block.locks.index(node.word.base)
        if node.word.length == 1:
            return str(first)
        return f"({first} + {self.words.expr(node.word.index)})"

    def hold(self, lines: Lines, node: Step) -> None:
        """``held`` gains a bit with a lock taken, and loses it with an unlock."""
        if self.words.kinds[node.word.base] != "Lock":
            return
        bit = self.lock_bit(node)
        match node.operation.name:
            case "lock":
                lines.add(f"held |= 1 << {bit}")
            case "trylock":
                lines.add("if old == 0:", f"    held |= 1 << {bit}")
            case "unlock":
                lines.add(f"held -= 1 << {bit}")

    def leaf(self, lines: Lines, at: int, stepped: bool) -> None:
        """The block of the place that the process has come to."""
        layout, offsets = self.layout, self.layout.offsets[self.entry]
        constant = self.block.codes.index(at)
        parts = []
        lives = {self.block.slots[register]: register for register in self.graph.live[at]}
        for number in self.block.fields:
            packed = layout.fields[number]
            constant -= packed.lo << offsets[number]
            if number in lives:
                register = f"r{lives[number]}"
                with lines.under(f"if {register} < {packed.lo} or {register} > {packed.hi}:"):
                    lines.add(*overflow(number, register))
                parts.append(f"({register} << {offsets[number]})")
        if self.block.locks:
            parts.append(f"(held << {layout.held[self.entry]})")
        lines.add(f"there = {' + '.join([str(constant), *parts])}")
        if isinstance(self.graph.nodes[at], Fail):
            lines.add(f"t += {1 << layout.failed}")
        if not stepped:
            lines.add("if t == s and there == here:", "    there = -1")
        lines.add(DONE)


class ConditionRegion(Region):
    """A property's condition: ``value`` at its end."""

    def __init__(self, graph: Graph, words: Words) -> None:
        super().__init__(graph, words, [graph.entry])
        self.numbers[graph.entry, False] = 0
        self.todo.append((graph.entry, False))
        self.finish()

    def result(self, lines: Lines, node: Result) -> None:
        """Keep the value."""
        lines.add(f"value = {self.words.expr(node.value)}", DONE)
