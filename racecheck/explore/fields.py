"""What a state is made of: the ranges of its values, and which of them a process's block has."""

from __future__ import annotations

from attrs import evolve, frozen

from racecheck.compiler.expr import Bare, WordRef, walk
from racecheck.compiler.ir import SetGhost, Step, Together, is_place
from racecheck.compiler.program import Entry, Program

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

    ``codes`` are the nodes that are places. ``slots`` maps each live register to one of ``fields``.
    ``locks`` are the shared slots of the locks that these processes may take.
    """

    codes: tuple[int, ...]
    slots: dict[int, int]
    fields: tuple[int, ...]
    locks: tuple[int, ...]
    count: int


def first_fields(program: Program) -> tuple[tuple[int, ...], list[Field], list[Block]]:
    """The number of each slot's field, fields with little room, and the blocks that have the others."""
    groups = _groups(program)
    room = max(HEADROOM, sum(entry.process.count for entry in program.entries))
    fields: list[Field] = []
    written = {groups[slot] for slot in _written(program)}
    for number in range(max(groups, default=-1) + 1):
        slots = [slot for slot, group in zip(program.slots, groups, strict=True) if group == number]
        initial = [slot.initial for slot in slots]
        if number not in written and len(set(initial)) == 1:
            fields.append(Field(slots[0].label, initial[0], 0))
            continue
        fields.append(_shared_field(slots[0].label, slots[0].kind, slots[0].bits, initial, room))
    blocks = []
    for entry in program.entries:
        nodes = tuple(i for i, node in enumerate(entry.graph.nodes) if is_place(node))
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
    return groups, fields, blocks


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


def _written(program: Program) -> set[int]:
    """The first slots of what some process changes."""
    nodes = [node for entry in program.entries for node in entry.graph.nodes]
    stored = {node.word.base for node in nodes if isinstance(node, Step) and node.operation.new}
    return stored | {node.slot for node in nodes if isinstance(node, SetGhost)}


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
