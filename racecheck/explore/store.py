"""The states of a search in machine words, and how their memory grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from racecheck.explore import machine
from racecheck.explore.layout import WORD
from racecheck.explore.native import LINE
from racecheck.explore.table import BATCH

Ints = NDArray[np.int64]
Numbers = NDArray[np.uint32]
FULLEST = 0.75
"""States for each entry of the table, at most: with more, looking one up takes longer."""
DOUBLES = 1 << 22
"""Entries up to which the table doubles; then it grows by half, which saves memory."""
FIRST = 1 << 21
"""Entries of the table at first."""
SLICE = 1 << 21
"""States that are entered anew between two looks at the limits."""
MOST = (1 << 32) - 2
"""States that 32 bits can number."""


class NoMemory(Exception):
    """More memory is needed than the search may have."""


@define(eq=False)
class Store:
    """States, parents, and the table that finds them; see ``racecheck.explore.table``.

    Costs 8 bytes for each word of a state, 4 for its parent and 5 to 11 for its entry. There are addresses
    for as many states as may be from the start, so none has to move; memory is used when they are there.
    """

    words: int
    workers: int
    most: int
    """Bytes that states and parents may take in all."""
    may_take: Callable[[int], bool]
    """Whether so many bytes more may be used now."""
    look: Callable[[], None] = lambda: None
    """Called now and then while the table grows, which is not to be stopped: part of it is of no use."""
    each: Callable[[Callable[[int], Any]], Any] = lambda work: work(0)
    """Does a piece of work for each worker."""
    keys: Ints = field(init=False)
    parents: Numbers = field(init=False)
    table: Numbers = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.keys, self.parents = self._addresses(min(self.most // self.bytes, MOST) or 1)
        self.table = empty_table(FIRST)

    @property
    def bytes(self) -> int:
        """What a state takes with its parent."""
        return 8 * self.words + 4

    @property
    def room(self) -> int:
        """How many states there may be before more memory is needed."""
        return min(int(len(self.table) * FULLEST), len(self.parents))

    def _addresses(self, states: int) -> tuple[Ints, Numbers]:
        try:
            return np.empty(states * self.words, np.int64), np.empty(states, np.uint32)
        except MemoryError:  # the system promises no more than it has
            return self._addresses(states // 2)

    def reserve(self, count: int, more: int) -> None:
        """Make room for so many states more than there are; NoMemory if that may not be."""
        if count + more > len(self.parents):
            raise NoMemory(f"{len(self.parents):,} states are as many as there is room for")
        self._ask(more * self.bytes)
        while count + more > len(self.table) * FULLEST:
            before = len(self.table)
            after = before * 2 if before < DOUBLES else before * 3 // 2 // LINE * LINE
            self._ask((after - before) * self.table.itemsize)
            self.table = np.zeros(0, np.uint32)
            self.table = empty_table(after)
            self._enter_all(count)

    def _enter_all(self, count: int) -> None:
        share = -(-count // self.workers)
        self.each(lambda p: self._enter(p * share, min((p + 1) * share, count)))

    def _enter(self, first: int, last: int) -> None:
        """Enter some of the states into the table, in which they are not."""
        hashes = np.empty(BATCH, np.int64)
        for low in range(first, last, SLICE):
            high = min(low + SLICE, last)
            machine.reenter(self.keys, self.words, self.table, low, high, self.workers, hashes)
            if first == 0:
                self.look()

    def forget(self, count: int) -> None:
        """Take all out of the table but the first states."""
        self.table[:] = 0
        self._enter_all(count)

    def _ask(self, more: int) -> None:
        if not self.may_take(more):
            raise NoMemory(f"more than it may take is needed, {more >> 20:,} MiB for the next states")

    def restore(self, keys: Ints, parents: Numbers) -> None:
        """Take over the states of a checkpoint, or the first one."""
        if len(parents) > self.room:
            self.reserve(0, len(parents))
        self.keys[: len(keys)], self.parents[: len(parents)] = keys, parents
        self._enter_all(len(parents))

    def found(self, count: int) -> Found:
        """The states; this store is empty afterwards."""
        keys, parents = self.keys, self.parents
        self.keys, self.parents = np.zeros(0, np.int64), np.zeros(0, np.uint32)
        keys.resize(count * self.words, refcheck=False)
        parents.resize(count, refcheck=False)
        return Found(self.words, keys, parents, self.table)


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


@define(eq=False)
class Found(Mapping[int, int]):
    """The states that a search has reached, in order, each with the one that it was first reached from.

    As a mapping it has them as ints; as arrays, by their numbers.
    """

    words: int
    rows: Ints
    parents: Numbers
    table: Numbers

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

    def _find(self, key: int) -> int:
        if key < 0 or key.bit_length() > self.words * WORD:
            return -1
        out = as_words(key, self.words)
        found: int = machine.find(self.rows, self.words, self.table, out, 0)
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
