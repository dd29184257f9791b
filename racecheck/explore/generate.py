"""The code of a process's moves, specialised to one layout."""

from __future__ import annotations

from racecheck.compiler.ir import End, Enter, Event, Fail, Node, Rest, Step, Together
from racecheck.compiler.program import Graph
from racecheck.explore.lines import DONE, Lines, substitute, total
from racecheck.explore.region import HELD, Path, Region
from racecheck.explore.text import Words, overflow

MARKS = 62
"""Bits of one number of ``happened``."""


class EntryRegion(Region):
    """The moves of one process: from each place, loads of what lives there; at the end, the target.

    ``shift`` is where the process's block stands: a number, or "shift" for the variable. Processes that are
    ``alike`` are kept sorted, or counted: then ``shift`` is where those at the place are counted.
    """

    def __init__(
        self,
        graph: Graph,
        words: Words,
        entry: int,
        marks: dict[int, int],
        *,
        shift: int | str,
        alike: bool,
    ) -> None:
        self.layout = words.layout
        self.entry = entry
        self.block = self.layout.blocks[entry]
        self.offsets = self.layout.offsets[entry]
        self.marks = marks
        self.shift = shift
        self.alike = alike
        places = [at for at in self.block.codes if not isinstance(graph.nodes[at], (End, Fail))]
        super().__init__(graph, words, places, first=len(self.block.codes))
        for at in self.block.codes:
            self.blocks.append(self._start(at))
        self.finish()

    def code(self) -> Lines:
        """One outcome of a move of the process whose block of ``s`` is ``here``."""
        lines = Lines()
        lines.add(
            *(f"r{i} = 0" for i in range(len(self.graph.names)) if self.jumped and self.words.for_machine)
        )
        if self.jumped or self.alike:
            lines.add(*(f"{t} = {s}" for t, s in self.both()))
        else:
            self.blocks = [self._with_state(block) for block in self.blocks]
        if self.alike:
            lines.add("there = -1")
        self.begin(lines)
        if self.loops:
            lines.add("fuel = 0")
        bits = self.layout.place_bits[self.entry]
        label = "here"
        if self.layout.strides[self.entry] > bits:
            label = "label"
            lines.add(f"label = here & {(1 << bits) - 1}")
        lines.append(self.dispatch(label))
        if self.alike:
            with lines.under("if there >= 0:"):
                self._count(lines) if self.layout.tallies[self.entry] else self._sort(lines)
                self.record(lines, self.words.names())
        return lines

    def both(self) -> list[tuple[str, str]]:
        """The variables of the target, and of the state."""
        return list(zip(self.words.names("t"), self.words.names("s"), strict=True))

    def _with_state(self, block: Lines) -> Lines:
        """The code of a place, with ``s`` for a ``t`` that it does not write, and a copy of others."""
        copies, names = [], {}
        for t, s in self.both():
            if any(text.startswith(f"{t} ") for _, text in block.lines):
                copies.append((0, f"{t} = {s}"))
            else:
                names[t] = s
        return Lines([*copies, *((depth, substitute(text, **names)) for depth, text in block.lines)])

    def begin(self, lines: Lines) -> None:
        """Set what is remembered of an outcome to nothing."""
        lines.add(*(f"passed{number} = 0" for number in self._passed()))

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
            raw = f"(here >> {self.offsets[number]}) & {(1 << packed.width) - 1}"
            lines.add(f"r{register} = ({raw}) + {packed.lo}" if packed.lo else f"r{register} = {raw}")
        if self.block.locks:
            lines.add(f"held = here >> {self.layout.held[self.entry]}")
        path = Path(start=at, depth=1)
        if isinstance(node, Rest):
            self.fuel(lines, 1)
            self.chain(lines, (node.next, False), path)
        else:
            self.chain(lines, (at, False), path, inside=(at, False) not in self.joins)
        return lines

    def mark(self, lines: Lines, at: int, node: Node) -> None:
        """Remember steps and events that no move has passed so far."""
        if isinstance(node, (Step, Together, Enter, Event)) and at in self.marks:
            number, bit = divmod(self.marks[at], MARKS)
            lines.add(f"passed{number} |= {1 << bit}")

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

    def leaf(self, lines: Lines, at: int, stepped: bool, path: Path) -> None:
        """The end of a move: the target, or the new block where blocks are sorted."""
        constant, parts = self._change(lines, at, path)
        fixed = path.pending
        if isinstance(self.graph.nodes[at], Fail):
            fixed += 1 << self.layout.failed
        if self.alike:
            lines.add(*(f"{name} += {part}" for name, part in self.words.sums(fixed) if part))
            lines.add(f"there = {total(constant, 'here', *parts)}")
            if not stepped:
                lines.add(f"if {self._same()} and there == here:", "    there = -1")
        else:
            targets = self._targets(fixed, constant, parts)
            if stepped:
                self.record(lines, targets)
            else:
                names = self.words.names()
                lines.add(*(f"{name} = {target}" for name, target in zip(names, targets, strict=True)))
                with lines.under(f"if not ({self._same()}):"):
                    self.record(lines, names)
        lines.add(DONE)

    def _same(self) -> str:
        return " and ".join(f"{t} == {s}" for t, s in self.both())

    def _targets(self, fixed: int, constant: int, parts: list[str]) -> list[str]:
        """What each variable becomes, where a constant is added to the state, and others to the block."""
        if isinstance(self.shift, str):
            name, bit = self.words.at(self.layout.rows[self.entry].base)[0], self.shift
        else:
            name, place = self.words.at(self.shift)
            fixed, constant, bit = fixed + (constant << self.shift), 0, str(place)
        moved = [f"(({total(constant, *parts)}) << {bit})"] if constant or parts else []
        return [total(part, t, *moved * (t == name)) for t, part in self.words.sums(fixed)]

    def record(self, lines: Lines, targets: list[str]) -> None:
        """Write the target of a move to ``out``, and what it has passed to ``happened``."""
        for number in self._passed():
            lines.add(f"happened[{number}] |= passed{number}")
        self.write(lines, targets)

    def write(self, lines: Lines, targets: list[str]) -> None:
        """The words of one more target."""
        many = len(targets)
        for i, target in enumerate(targets):
            self.store(lines, "out", f"n * {many} + {i}" if many > 1 else "n", target)
        lines.add("n += 1")

    def store(self, lines: Lines, array: str, at: str, value: str) -> None:
        """Write an element; see ``racecheck.explore.table.put``."""
        lines.add(f"put({array}, {at}, {value})" if self.words.for_machine else f"{array}[{at}] = {value}")

    def _passed(self) -> list[int]:
        """The numbers of ``happened`` that this entry's marks are in."""
        return sorted({mark // MARKS for mark in self.marks.values()})

    def _change(self, lines: Lines, at: int, path: Path) -> tuple[int, list[str]]:
        """What the move adds to the process's block: a constant and other terms."""
        if path.start is None:
            constant, parts = self._new(lines, at, set())
            return constant, [*parts, "-here"]
        before, after = self._lives(path.start), self._lives(at)
        kept = {number for number in self.block.fields if before.get(number) == after.get(number)}
        kept -= {number for number, register in after.items() if register in path.assigned}
        if HELD not in path.assigned:
            kept.add(HELD)
        constant, parts = self._new(lines, at, kept)
        dropped, gone = self._old(path.start, kept)
        return constant - gone, [*parts, f"-(here & {dropped})"] if dropped else parts

    def _lives(self, at: int) -> dict[int, int]:
        """The register that each field holds at a place."""
        return {self.block.slots[register]: register for register in self.graph.live[at]}

    def _old(self, at: int, kept: set[int]) -> tuple[int, int]:
        """The block of a place without the kept fields: the mask of what varies, and the rest."""
        lives, mask, constant = self._lives(at), 0, self.block.codes.index(at)
        for number in set(self.block.fields) - kept:
            packed, offset = self.layout.fields[number], self.offsets[number]
            if number in lives:
                mask |= (1 << packed.width) - 1 << offset
            else:
                constant -= packed.lo << offset
        if HELD not in kept:
            mask |= (1 << len(self.block.locks)) - 1 << self.layout.held[self.entry]
        return mask, constant

    def _new(self, lines: Lines, at: int, kept: set[int]) -> tuple[int, list[str]]:
        """The block of a place without the kept fields: a constant and other terms; checks locals."""
        lives, parts, constant = self._lives(at), [], self.block.codes.index(at)
        for number in self.block.fields:
            if number in kept:
                continue
            packed, offset = self.layout.fields[number], self.offsets[number]
            constant -= packed.lo << offset
            if number in lives:
                register = f"r{lives[number]}"
                with lines.under(f"if {register} < {packed.lo} or {register} > {packed.hi}:"):
                    lines.add(*overflow(number, register))
                parts.append(f"({register} << {offset})")
        if HELD not in kept and self.block.locks:
            parts.append(f"(held << {self.layout.held[self.entry]})")
        return constant, parts

    def _count(self, lines: Lines) -> None:
        """One process less where it was, and one more where it is."""
        name, _ = self.words.at(self.layout.rows[self.entry].base)
        lines.add(f"{name} += (1 << where{self.entry}[there]) - (1 << shift)")

    def _sort(self, lines: Lines) -> None:
        """Put the new block where it belongs among its equals, and move those in between."""
        row = self.layout.rows[self.entry]
        (s, base), (t, _) = self.words.at(row.base, "s"), self.words.at(row.base)
        stride, last = row.width, base + row.width * (row.count - 1)
        mask = (1 << stride) - 1
        lines.add("at = shift")
        with lines.under(f"while at > {base} and (({s} >> (at - {stride})) & {mask}) > there:"):
            lines.add(f"at -= {stride}")
        with lines.under("if at < shift:"):
            lines.add(f"between = ({s} >> at) & ((1 << (shift - at)) - 1)")
            lines.add(f"{t} += (between << (at + {stride})) - (between << at)")
        with lines.under("else:"):
            with lines.under(f"while at < {last} and (({s} >> (at + {stride})) & {mask}) < there:"):
                lines.add(f"at += {stride}")
            lines.add(f"between = ({s} >> (shift + {stride})) & ((1 << (at - shift)) - 1)")
            lines.add(f"{t} += (between << shift) - (between << (shift + {stride}))")
        lines.add(f"{t} += (there << at) - (here << shift)")
