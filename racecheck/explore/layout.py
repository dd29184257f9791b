"""How a state is packed into one int: fields of shared words, then one block for each process.

A field holds ``value - lo`` in as few bits as its range needs. Ranges start small and grow when a value
does not fit; the order of the fields never changes, so that sorted blocks stay sorted.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from attrs import define, evolve, frozen

from racecheck.compiler.expr import Bare, WordRef, walk
from racecheck.compiler.ir import Step, Together
from racecheck.compiler.program import Entry, Program
from racecheck.interpreter import Place
from racecheck.semantics import State

HEADROOM = 3
"""How far above its initial value a fresh field reaches, at least; with many processes, one for each."""


@frozen
class Field:
    """A range of values: from ``lo``, in ``width`` bits; within ``least`` and ``most`` for a C word."""

    name: str
    lo: int
    width: int
    least: int | None = None
    most: int | None = None

    @property
    def hi(self) -> int:
        """The largest value that fits."""
        hi = self.lo + (1 << self.width) - 1
        return hi if self.most is None else min(hi, self.most)

    def including(self, value: int) -> Field:
        """A wider field in which the value fits, with as much room again on its side."""
        span = self.hi - self.lo + 1
        lo, hi = (self.lo, max(value, self.hi + span)) if value > self.hi else (value - span, self.hi)
        lo = lo if self.least is None else max(lo, self.least)
        hi = hi if self.most is None else min(hi, self.most)
        return evolve(self, lo=lo, width=(hi - lo).bit_length())


@frozen(eq=False)
class Block:
    """The part of a state for one entry's processes: codes of places, locals, locks held.

    ``slots`` maps each live register to one of ``fields``; ``locks`` are the shared slots of the locks
    that these processes may take.
    """

    codes: tuple[int, ...]
    slots: dict[int, int]
    fields: tuple[int, ...]
    locks: tuple[int, ...]
    count: int


@define(eq=False, slots=False)
class Layout:
    """Fields by number, and where each stands."""

    fields: list[Field]
    groups: tuple[int, ...]
    blocks: tuple[Block, ...]
    live: list[dict[int, tuple[int, ...]]]

    def __attrs_post_init__(self) -> None:
        self.place()

    def place(self) -> None:
        """Work out every offset from the widths."""
        self.shared: list[int] = []
        at = 0
        for group in self.groups:
            self.shared.append(at)
            at += self.fields[group].width
        self.place_bits = [max(1, (len(b.codes) - 1).bit_length()) for b in self.blocks]
        self.offsets: list[dict[int, int]] = []
        self.held: list[int] = []
        self.bases: list[int] = []
        self.strides: list[int] = []
        for block, bits in zip(self.blocks, self.place_bits, strict=True):
            inner, offsets = bits, {}
            for number in block.fields:
                offsets[number] = inner
                inner += self.fields[number].width
            self.offsets.append(offsets)
            self.held.append(inner)
            self.strides.append(inner + len(block.locks))
            self.bases.append(at)
            at += self.strides[-1] * block.count
        self.failed = at

    def widen(self, number: int, value: int) -> Callable[[int], int]:
        """Make a field wide enough for a value; returns the function from old keys to new ones."""
        old, at = self.fields[number], self.positions(number)
        self.fields[number] = new = old.including(value)
        self.place()
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
        """Every bit at which a copy of the field starts, in order."""
        shared = [at for group, at in zip(self.groups, self.shared, strict=True) if group == number]
        return shared + [
            self.bases[e] + i * self.strides[e] + offsets[number]
            for e, offsets in enumerate(self.offsets)
            if number in offsets
            for i in range(self.blocks[e].count)
        ]

    def pack(self, state: State, failed: int) -> int:
        """The key of a state whose processes stand in this order."""
        key = failed << self.failed
        for value, group, offset in zip(state.shared, self.groups, self.shared, strict=True):
            key |= value - self.fields[group].lo << offset
        for e, places in enumerate(state.places):
            for number, place in enumerate(places):
                key |= self.pack_place(e, place) << self.bases[e] + number * self.strides[e]
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
        for e, block in enumerate(self.blocks):
            mask = (1 << self.strides[e]) - 1
            shifts = [self.bases[e] + number * self.strides[e] for number in range(block.count)]
            places.append(tuple(self.unpack_place(e, key >> shift & mask) for shift in shifts))
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


def layout_of(program: Program, codes: list[tuple[int, ...]]) -> Layout:
    """A first layout, with little room; ``codes`` are the nodes of each entry's places."""
    groups = _groups(program)
    room = max(HEADROOM, sum(entry.process.count for entry in program.entries))
    fields: list[Field] = []
    for number in range(max(groups, default=-1) + 1):
        slots = [slot for slot, group in zip(program.slots, groups, strict=True) if group == number]
        initial = [slot.initial for slot in slots]
        fields.append(_shared_field(slots[0].label, slots[0].kind, slots[0].bits, initial, room))
    blocks = []
    for entry, nodes in zip(program.entries, codes, strict=True):
        slots_of = _colours(entry, nodes)
        first = len(fields)
        count = len(set(slots_of.values()))
        names = [[entry.graph.names[r] for r, s in slots_of.items() if s == i] for i in range(count)]
        for name in names:
            label = next((n for n in name if n), "a temporary value")
            hi = room if entry.process.count == 1 else HEADROOM
            fields.append(Field(f"{entry.process.name}: {label}", 0, hi.bit_length()))
        blocks.append(
            Block(
                nodes,
                {register: first + slot for register, slot in slots_of.items()},
                tuple(range(first, first + count)),
                _locks(program, entry),
                entry.process.count,
            )
        )
    return Layout(fields, groups, tuple(blocks), [entry.graph.live for entry in program.entries])


def _shared_field(name: str, kind: str, bits: int, initial: list[int], room: int) -> Field:
    if kind in ("Flag", "Lock"):
        return Field(name, 0, 1, 0, 1)
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if bits else (None, None)
    lo, hi = min(0, *initial), max(0, *initial) + room
    hi = hi if most is None else min(hi, most)
    return Field(name, lo, (hi - lo).bit_length(), least, most)


def _groups(program: Program) -> tuple[int, ...]:
    """A number for each slot; the elements of an array that is indexed when it runs share one."""
    leader = list(range(len(program.slots)))
    for ref in _references(program):
        for slot in range(ref.base, ref.base + ref.length):
            leader[slot] = min(leader[slot], ref.base)
    numbers = {first: number for number, first in enumerate(sorted(set(leader)))}
    return tuple(numbers[first] for first in leader)


def _references(program: Program) -> list[WordRef]:
    found = []
    graphs = [entry.graph for entry in program.entries]
    graphs += [graph for claim in program.claims for graph in claim.graphs()]
    for node in (node for graph in graphs for node in graph.nodes):
        if isinstance(node, Step):
            found.append(node.word)
        elif isinstance(node, Together):
            found.extend(node.words)
        found += [p.word for expr in node.uses() for p in walk(expr) if isinstance(p, Bare)]
    return found


def _locks(program: Program, entry: Entry) -> tuple[int, ...]:
    """The lock slots that the entry's operations name."""
    found = {
        slot
        for node in entry.graph.nodes
        if isinstance(node, Step) and program.slots[node.word.base].kind == "Lock"
        for slot in range(node.word.base, node.word.base + node.word.length)
    }
    return tuple(sorted(found))


def _colours(entry: Entry, nodes: tuple[int, ...]) -> dict[int, int]:
    """A small number for each live register, different for two that live at the same place."""
    together = [entry.graph.live[node] for node in nodes]
    colours: dict[int, int] = {}
    for register in sorted({r for live in together for r in live}):
        taken = {colours[o] for live in together if register in live for o in live if o in colours}
        colours[register] = next(i for i in range(len(taken) + 1) if i not in taken)
    return colours
