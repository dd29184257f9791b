"""The states of a search in machine words: how their memory grows, and the order at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from racecheck.explore import machine
from racecheck.explore.layout import WORD
from racecheck.explore.table import BATCH, BLOCK, LINE

Ints = NDArray[np.int64]
Numbers = NDArray[np.uint32]
FULLEST = 0.75
"""States for each entry of the table, at most: with more, looking one up takes longer."""
DOUBLES = 1 << 22
"""Entries up to which the table doubles; then it grows by half, which saves memory."""
FIRST = 20
"""Bits of the number of states that a search has room for at first; memory is used when they are there."""
SLICE = 1 << 21
"""States that are entered anew between two looks at the limits."""
MOST = (1 << 32) - 2
"""States that 32 bits can number."""


class NoMemory(Exception):
    """More memory is needed than the search may have."""


@define(eq=False)
class Store:
    """States, parents, and the table that finds them; see ``racecheck.explore.table``.

    Costs 8 bytes for each word of a state, 4 for its parent and 5 to 11 for its entry; of the first two
    a thirtieth more for those to come.
    """

    words: int
    workers: int
    may_take: Callable[[int], bool]
    """Whether so many bytes more may be used."""
    look: Callable[[], None] = lambda: None
    """Called now and then while the table grows."""
    each: Callable[[Callable[[int], None]], None] = lambda work: work(0)
    """Does a piece of work for each worker."""
    keys: Ints = field(init=False)
    parents: Numbers = field(init=False)
    table: Numbers = field(init=False)
    size: int = 2 << FIRST
    """Entries of each worker's share of the table."""
    count: Ints = field(init=False)

    def __attrs_post_init__(self) -> None:
        room = self.workers << FIRST
        self.keys, self.parents = np.zeros(room * self.words, np.int64), np.zeros(room, np.uint32)
        self.table = empty_table(self.workers * self.size)
        self.count = np.zeros(self.workers, np.int64)

    @property
    def room(self) -> int:
        """How many states each worker may have before more memory is needed."""
        return min(int(self.size * FULLEST), len(self.parents) // self.workers)

    @property
    def states(self) -> int:
        """How many states there are."""
        return int(self.count.sum())

    def reserve(self, more: int) -> None:
        """Make room for so many states more of each worker; NoMemory if that may not be."""
        most = int(self.count.max()) + more
        if most * self.workers > MOST:
            raise NoMemory(f"{self.states:,} states: more than {MOST:,} have no number")
        self._reserve_states(-(-most >> BLOCK) << BLOCK)
        while most > self.size * FULLEST:
            self._enlarge_table()

    def _reserve_states(self, most: int) -> None:
        if most * self.workers <= len(self.parents):
            return
        room = max(most, len(self.parents) // self.workers * 33 // 32) + 511 >> 9 << 9
        self._ask((room * self.workers - len(self.parents)) * (8 * self.words + 4))
        # realloc moves pages of memory, and copies none.
        self.keys.resize(room * self.workers * self.words, refcheck=False)
        self.parents.resize(room * self.workers, refcheck=False)

    def _enlarge_table(self) -> None:
        size = self.size * 2 if self.size * self.workers < DOUBLES else self.size * 3 // 2 + 15 >> 4 << 4
        self._ask((size - self.size) * self.workers * 4)
        self.size, self.table = size, np.zeros(0, np.uint32)
        self.table = empty_table(size * self.workers)
        self._enter_all()

    def _enter_all(self) -> None:
        self.each(self._enter)

    def _enter(self, worker: int) -> None:
        count, look = int(self.count[worker]), self.look if worker == 0 else lambda: None
        enter(self.keys, self.words, self.table, self.size, worker, self.workers, count, look)

    def _ask(self, more: int) -> None:
        if not self.may_take(more):
            raise NoMemory(f"more than it may take is needed, {more >> 20:,} MiB for the next states")

    def restore(self, keys: Ints, parents: Numbers, count: Ints) -> None:
        """Take over the states of a checkpoint."""
        self.reserve(int(count.max()))
        self.keys[: len(keys)], self.parents[: len(parents)] = keys, parents
        self.count[:] = count
        self._enter_all()

    def ordered(self, parts: Sequence[tuple[Ints, Ints, int]]) -> Found:
        """The states in one row, part by part; this store is empty afterwards.

        A part is each worker's first state and the one after its last, and the number of the part that has
        the parents of its states.
        """
        self.table = np.zeros(0, np.uint32)
        if self.workers == 1:
            keys, parents = self.keys, self.parents
            keys.resize(self.states * self.words, refcheck=False)
            parents.resize(self.states, refcheck=False)
        else:
            starts, ends = np.array([part[0] for part in parts]), np.array([part[1] for part in parts])
            before = np.cumsum((ends - starts).ravel()) - (ends - starts).ravel()
            keys = np.empty(self.states * self.words, np.int64)
            parents = np.empty(self.states, np.uint32)
            shape = starts.ravel(), ends.ravel(), before, np.array([part[2] for part in parts])
            machine.arrange(self.keys, self.parents, self.words, self.workers, *shape, keys, parents)
        self.keys, self.parents = np.zeros(0, np.int64), np.zeros(0, np.uint32)
        return Found(self.words, keys, parents)


def empty_table(entries: int) -> Numbers:
    """A table whose lines are those of the processor's cache."""
    room = np.zeros(entries + LINE, np.uint32)
    skip = -room.ctypes.data // room.itemsize % LINE
    return room[skip : skip + entries]


def as_int(rows: Ints, number: int, words: int) -> int:
    """The state of this number as an int: its first word is the lowest."""
    return int.from_bytes(rows[number * words : (number + 1) * words].tobytes(), "little")


def as_words(key: int, words: int) -> Ints:
    """A state that is an int as words."""
    return np.frombuffer(key.to_bytes(8 * words, "little"), np.int64).copy()


def enter(
    keys: Ints,
    words: int,
    table: Numbers,
    size: int,
    worker: int,
    workers: int,
    count: int,
    look: Callable[[], None],
) -> None:
    """Enter a worker's states into its empty share of a table."""
    hashes = np.empty(BATCH, np.int64)
    for first, last in pairwise([*range(0, count, SLICE), count]):
        machine.reenter(keys, words, table, size, worker, workers, first, last, hashes)
        look()


@define(eq=False)
class Found(Mapping[int, int]):
    """The states that a search has reached, in order, each with the one that it was first reached from.

    As a mapping it has them as ints; as arrays, by their numbers.
    """

    words: int
    rows: Ints
    parents: Numbers
    _table: Numbers | None = None

    def __len__(self) -> int:
        return len(self.parents)

    def __iter__(self) -> Iterator[int]:
        return map(self.key, range(len(self)))

    def __reversed__(self) -> Iterator[int]:
        return map(self.key, reversed(range(len(self))))

    def __getitem__(self, key: int) -> int:
        return self.key(int(self.parents[self.number(key)]))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and self._find(key) >= 0

    def key(self, number: int) -> int:
        """A state as an int."""
        return as_int(self.rows, number, self.words)

    def number(self, key: int) -> int:
        """The number of a state; KeyError if it was not reached."""
        if (found := self._find(key)) < 0:
            raise KeyError(key)
        return found

    def path(self, key: int) -> list[int]:
        """The states from the initial one to this."""
        path = [self.number(key)]
        while path[-1]:
            path.append(int(self.parents[path[-1]]))
        return [self.key(number) for number in reversed(path)]

    def index(self) -> tuple[Numbers, int]:
        """A table of the states, and its size: made when it is first asked for."""
        if self._table is None:
            self._table = empty_table(int(len(self) / FULLEST) + 512 >> 4 << 4)
            enter(self.rows, self.words, self._table, len(self._table), 0, 1, len(self), lambda: None)
        return self._table, len(self._table)

    def _find(self, key: int) -> int:
        if key < 0 or key.bit_length() > self.words * WORD:
            return -1
        found: int = machine.find(self.rows, self.words, *self.index(), as_words(key, self.words), 0)
        return found


@define(eq=False)
class Numbered(Sequence[int]):
    """Some of the states, by their numbers."""

    found: Found
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        return self.found.key(self.numbers[i])

    def __iter__(self) -> Iterator[int]:
        return map(self.found.key, self.numbers)
