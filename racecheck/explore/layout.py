"""How a state is packed into one int: fields of shared words, then one block for each process.

A field holds ``value - lo`` in as few bits as its range needs. Ranges start small and grow when a value
does not fit; the order of the fields never changes, so that sorted blocks stay sorted. Interchangeable
processes that can stand at few places are a tally: a count of processes for each place.

A ``split`` layout is for machine words: bit p of the int is bit p % 64 of word p // 64, nothing crosses
from one word to the next, and the top bit of each word is unused, so that words are never negative.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, pairwise, product

from attrs import define, evolve, field, frozen

from racecheck.compiler.program import Program
from racecheck.explore.fields import Block, Field, first_fields
from racecheck.interpreter import Place
from racecheck.semantics import State

WORD = 64
ROOM = 63
"""Bits of a word that are used."""
TALLIED = 16
"""Bits of a block, at most, for its processes to be counted: there is a table of all its values."""


@frozen
class Row:
    """Where equal parts stand, one after another; ``each`` in a word, if they do not all fit in one."""

    base: int
    width: int
    count: int
    each: int = 0

    def position(self, i: int) -> int:
        """The first bit of a part."""
        if not self.each:
            return self.base + i * self.width
        return self.base + i // self.each * WORD + i % self.each * self.width

    def positions(self) -> list[int]:
        """The first bit of every part."""
        return [self.position(i) for i in range(self.count)]


@define(eq=False, slots=False)
class Layout:
    """Fields by number, and where each stands.

    ``arrays`` has the row of each shared slot's field, ``rows`` those of each entry's blocks, or of the
    numbers of its processes in ``tallies``.
    """

    fields: list[Field]
    groups: tuple[int, ...]
    blocks: tuple[Block, ...]
    live: list[dict[int, tuple[int, ...]]]
    symmetry: bool
    split: bool = False
    _end: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.place()

    def place(self) -> None:
        """Work out every offset from the widths."""
        self._end = 0
        self.arrays: list[Row] = []
        self.shared: list[int] = []
        for group, slots in groupby(self.groups):
            row = self._row(self.fields[group].width, len(list(slots)))
            self.arrays += [row] * row.count
            self.shared += row.positions()
        self.place_bits = [max(1, (len(b.codes) - 1).bit_length()) for b in self.blocks]
        self.offsets: list[dict[int, int]] = []
        self.held: list[int] = []
        self.strides: list[int] = []
        self.tallies: list[tuple[int, ...]] = []
        self.rows: list[Row] = []
        for e, (block, bits) in enumerate(zip(self.blocks, self.place_bits, strict=True)):
            inner, offsets = bits, {}
            for number in block.fields:
                offsets[number] = inner
                inner += self.fields[number].width
            self.offsets.append(offsets)
            self.held.append(inner)
            self.strides.append(inner + len(block.locks))
            self.tallies.append(self._tally(e))
            width = block.count.bit_length() if self.tallies[e] else self.strides[e]
            self.rows.append(self._row(width, len(self.tallies[e]) or block.count))
        self.failed = self._row(1, 1).base
        self.words = (self._end - 1) // WORD + 1

    def alike(self, e: int) -> bool:
        """Whether the processes of an entry are interchangeable, and many."""
        return self.symmetry and self.blocks[e].count > 1

    def _row(self, width: int, count: int) -> Row:
        """The next place for equal parts."""
        each = 0
        if self.split and self._end % WORD + width * count > ROOM:
            self._end = -(-self._end // WORD) * WORD
            each = 0 if width * count <= ROOM else max(1, ROOM // width)
        row = Row(self._end, width, count, each)
        self._end = row.position(count - 1) + width
        return row

    def _tally(self, e: int) -> tuple[int, ...]:
        """Every value that a block can have, if to count processes takes no more bits; or ()."""
        block, width = self.blocks[e], self.blocks[e].count.bit_length()
        if not self.alike(e) or self.strides[e] > TALLIED:
            return ()
        most = min(ROOM, block.count * self.strides[e]) // width
        sizes = {n: self.fields[n].hi - self.fields[n].lo + 1 for n in block.fields}
        values: list[int] = []
        for code, node in enumerate(block.codes):
            numbers = [block.slots[register] for register in self.live[e][node]]
            ranges = [range(sizes[n]) if n in numbers else (-self.fields[n].lo,) for n in block.fields]
            for raw in product(*ranges, range(1 << len(block.locks))):
                if len(values) == most:
                    return ()
                at = [*(self.offsets[e][n] for n in block.fields), self.held[e]]
                values.append(code + sum(value << offset for value, offset in zip(raw, at, strict=True)))
        return tuple(sorted(values))

    def widen(self, number: int, value: int) -> Callable[[int], int]:
        """Make a field wide enough for a value; returns the function from old keys to new ones."""
        before, tallies = evolve(self, fields=list(self.fields)), self.tallies
        old, at = self.fields[number], self.positions(number)
        self.fields[number] = new = old.including(value)
        self.place()
        if self.split or self.tallies != tallies:
            return lambda key: self.pack(before.unpack(key), before.has_failed(key))
        ends = [0, *(start + old.width for start in at)]
        parts = [
            f"((key & {(1 << end) - (1 << start)}) << {i * (new.width - old.width)})"
            for i, (start, end) in enumerate(pairwise(ends))
        ]
        parts.append(f"(key >> {ends[-1]} << {ends[-1] + len(at) * (new.width - old.width)})")
        parts.append(str(sum(old.lo - new.lo << start for start in self.positions(number))))
        translate: Callable[[int], int] = eval(f"lambda key: {' + '.join(parts)}")
        return translate

    def positions(self, number: int) -> list[int]:
        """Every bit at which a copy of the field starts, in order; none of processes that are counted."""
        shared = [at for group, at in zip(self.groups, self.shared, strict=True) if group == number]
        return shared + [
            base + offsets[number]
            for offsets, row, tally in zip(self.offsets, self.rows, self.tallies, strict=True)
            if number in offsets and not tally
            for base in row.positions()
        ]

    def has_failed(self, key: int) -> int:
        """Whether an assert has failed before this state."""
        return key >> self.failed & 1

    def pack(self, state: State, failed: int) -> int:
        """The key of a state whose processes stand in this order."""
        key = failed << self.failed
        for value, group, offset in zip(state.shared, self.groups, self.shared, strict=True):
            key |= value - self.fields[group].lo << offset
        for e, (places, row, tally) in enumerate(zip(state.places, self.rows, self.tallies, strict=True)):
            for i, place in enumerate(places):
                packed = self.pack_place(e, place)
                key += 1 << row.position(tally.index(packed)) if tally else packed << row.position(i)
        return key

    def pack_place(self, e: int, place: Place) -> int:
        """The block of one process of entry ``e``."""
        block = self.blocks[e]
        values = dict.fromkeys(block.fields, 0)
        for register, value in zip(self.live[e][place.node], place.locals, strict=True):
            values[block.slots[register]] = value
        packed = block.codes.index(place.node)
        for number, value in values.items():
            packed |= value - self.fields[number].lo << self.offsets[e][number]
        for i, lock in enumerate(block.locks):
            packed |= (place.held >> lock & 1) << self.held[e] + i
        return packed

    def unpack(self, key: int) -> State:
        """The state of a key, its processes in the key's order."""
        shared = tuple(
            (key >> offset & (1 << self.fields[group].width) - 1) + self.fields[group].lo
            for group, offset in zip(self.groups, self.shared, strict=True)
        )
        places = []
        for e, (row, tally) in enumerate(zip(self.rows, self.tallies, strict=True)):
            parts = [key >> at & (1 << row.width) - 1 for at in row.positions()]
            if tally:
                parts = [value for value, many in zip(tally, parts, strict=True) for _ in range(many)]
            places.append(tuple(self.unpack_place(e, value) for value in parts))
        return State(shared, tuple(places))

    def unpack_place(self, e: int, packed: int) -> Place:
        """The place that a block stands for."""
        block = self.blocks[e]
        node = block.codes[packed & (1 << self.place_bits[e]) - 1]
        values = []
        for register in self.live[e][node]:
            field = self.fields[block.slots[register]]
            offset = self.offsets[e][block.slots[register]]
            values.append((packed >> offset & (1 << field.width) - 1) + field.lo)
        held = sum((packed >> self.held[e] + i & 1) << lock for i, lock in enumerate(block.locks))
        return Place(node, tuple(values), held)


def layout_of(program: Program, symmetry: bool) -> Layout:
    """A first layout, with little room."""
    groups, fields, blocks = first_fields(program)
    return Layout(fields, groups, tuple(blocks), [entry.graph.live for entry in program.entries], symmetry)
