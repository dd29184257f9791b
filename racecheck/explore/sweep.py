"""Breadth-first search in machine code."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
from attrs import define, evolve

from racecheck.explore import machine
from racecheck.explore.arrays import ArraySpace
from racecheck.explore.checkpoint import Checkpoint, digest
from racecheck.explore.compiled import CompiledEngine
from racecheck.explore.engine import Overflow, normal_bits
from racecheck.explore.limits import Limits, cores
from racecheck.explore.search import Space, Watch
from racecheck.explore.store import Ints, NoMemory, Numbered, Store, as_int, as_words
from racecheck.explore.table import number_of

CHUNK = 1 << 16
"""Targets that a thread writes before they are entered."""
LARGE = 1 << 14
"""States of a depth above which it pays to have a thread for each core."""
MOMENT = 0.1
"""Seconds between two looks at the limits, about."""
LEVELS = 4096
"""Depths that may end between two looks at the limits."""
NEVER = 1 << 40


def sweep(
    engine: CompiledEngine,
    limits: Limits,
    watch: Watch = lambda _: None,
    checkpoint: Checkpoint | None = None,
) -> Space:
    """Reach every state from the initial one, or as many as the limits allow, on all cores.

    A value that leaves its field makes it wider, and the search begins again; DoesNotFit if it can't be
    made wider. With a checkpoint it goes on from there, and writes it now and then and at the end;
    UsageError if that is of another model. Costs 19 to 25 bytes a state where that is one word.
    """
    saved = checkpoint.load() if checkpoint else None
    if saved:
        engine.resume(saved[0]["fields"], saved[0]["happened"])
    while True:
        try:
            return Sweep(engine, limits, watch, checkpoint, *(saved or (None, None))).run()
        except Overflow:
            saved = None
            engine.spread()


def routes(targets: int, workers: int) -> list[Ints]:
    """Arrays for so many targets: hashes, places, sources, and how many each worker has."""
    return [*(np.empty(targets * workers, np.int64) for _ in range(3)), np.zeros(workers, np.int64)]


class _Stopped(Exception):
    """A limit was hit."""


@define(eq=False, slots=False)
class Sweep:
    """One search: of each worker ``done`` states are expanded, of ``level`` before the next depth."""

    engine: CompiledEngine
    limits: Limits
    watch: Watch
    checkpoint: Checkpoint | None = None
    told: dict[str, Any] | None = None
    arrays: dict[str, Any] | None = None

    def __attrs_post_init__(self) -> None:
        engine, program = self.engine, self.engine.program
        self.workers = workers = self.told["workers"] if self.told else cores()
        self.expand, self.check = engine.step(), engine.checker()
        self.words, room = engine.layout.words, engine.most_targets()
        self.store = Store(self.words, workers, self.limits.allows, self._look, self._each)
        self.kept = [engine.kept() for _ in range(workers)]
        self.outs = [np.empty((CHUNK + room) * self.words, np.int64) for _ in range(workers)]
        self.tales = [np.empty(CHUNK + room, np.int64) for _ in range(workers)]
        self.ends = [np.empty(CHUNK + 1, np.int64) for _ in range(workers)]
        self.routed = [routes(CHUNK + room, workers) for _ in range(workers)]
        self.notes = [np.zeros(64 * (workers + 1), np.int64) for _ in range(workers)]
        self.done, self.level = np.zeros(workers, np.int64), np.zeros(workers, np.int64)
        self.bounds, self.levels = np.empty(LEVELS * workers, np.int64), [self.done.copy()]
        self.totals = np.zeros(3, np.int64)
        self.first = engine.initial()
        self.space = Space(engine, {self.first: self.first})
        self.normal, claims = normal_bits(program), len(program.claims)
        self.pending = sum(1 << i for i, c in enumerate(program.claims) if c.condition is not None)
        self.pending |= (1 << len(program.failures())) - 1 << claims
        self.budget = 1024

    def run(self) -> Space:
        """Search, and put the states in order."""
        with ThreadPoolExecutor(max(1, self.workers - 1)) as self.others:
            self._resume() if self.told else self._enter_first()
            try:
                while self._go_on():
                    self._look()
                    if self.checkpoint and self.checkpoint.is_due():
                        self._save()
            except NoMemory as problem:
                self.space.stopped = f"memory: {problem}"
            except _Stopped:
                pass
        if self.checkpoint:
            self._save()
        return self._result()

    def _digest(self) -> str:
        machine_code = self.engine.machine()
        return digest(machine_code.check(), evolve(machine_code, marks={}).expand(), str(self.first))

    def _save(self) -> None:
        """Write the checkpoint."""
        assert self.checkpoint is not None
        for kept in self.kept:
            self.engine.learn(kept[3])
        store, fields = self.store, self.engine.layout.fields
        used = number_of(int(store.count.max()) - 1, self.workers - 1, self.workers) + 1
        told = {
            "digest": self._digest(),
            "fields": [(f.lo, f.width) for f in fields],
            "happened": self.engine.happened,
            "workers": self.workers,
            "found": {str(bit): str(key) for bit, key in self.space.found.items()},
            "pending": self.pending,
        }
        arrays = {"keys": store.keys[: used * self.words], "parents": store.parents[:used]}
        counts = {"count": store.count, "done": self.done, "level": self.level, "totals": self.totals}
        self.checkpoint.save(told, {**arrays, **counts, "levels": np.array(self.levels)})

    def _resume(self) -> None:
        """Go on from a checkpoint."""
        assert self.checkpoint is not None and self.told is not None and self.arrays is not None
        told, arrays, store = self.told, self.arrays, self.store
        if told["digest"] != self._digest():
            raise self.checkpoint.refused("of another model, other parameters or another version")
        store.restore(arrays["keys"], arrays["parents"], arrays["count"])
        self.done[:], self.level[:], self.totals[:] = arrays["done"], arrays["level"], arrays["totals"]
        self.levels = list(arrays["levels"])
        self.space.found.update({int(bit): int(key) for bit, key in told["found"].items()})
        self.pending = told["pending"]
        self.arrays = None

    def _enter_first(self) -> None:
        self.outs[0][: self.words], self.ends[0][0] = as_words(self.first, self.words), 1
        self._route(0, 0, 1)
        for worker in range(self.workers):
            self._insert(worker, 0)
        self._told()
        self.level[:] = self.store.count
        self.levels.append(self.level.copy())

    def _look(self) -> None:
        """Show how far it is, and see whether it must stop."""
        space = self.space
        space.transitions, space.depth = int(self.totals[0]), int(self.totals[1])
        space.parents = range(self.store.states)  # type: ignore[assignment]  # only their number is shown
        space.frontier = range(int((self.store.count - self.done).sum()))  # type: ignore[assignment]
        self.watch(space)
        space.stopped = self.limits.reason(self.store.states)
        if space.stopped:
            raise _Stopped

    def _go_on(self) -> bool:
        """Do some work; whether there is more."""
        start, store = time.monotonic(), self.store
        why = machine.walk(
            self.expand, self.check, store.keys, self.words, store.parents, store.table, store.size,
            store.room, self.workers, self.done, self.level, store.count, self.bounds, self.outs[0], CHUNK,
            self.ends[0], self.totals, LARGE if self.workers > 1 else NEVER, *self.routed[0],
            self.budget, self.normal, self.pending, self.notes[0], self.tales[0], *self.kept[0],
        )  # fmt: skip
        self._keep_levels()
        if why == machine.EXPLAIN:
            self._explain(*self.kept[0])
        elif why == machine.FULL:
            store.reserve(len(self.outs[0]) // self.words)
        elif why == machine.LARGE:
            self._side_by_side(start + MOMENT)
        self._told()
        quick = time.monotonic() - start < MOMENT
        self.budget = min(2 * self.budget, NEVER) if quick else max(16, self.budget // 2)
        return bool(why != machine.ALL_DONE)

    def _keep_levels(self) -> None:
        many = int(self.totals[2])
        self.levels += list(self.bounds[: many * self.workers].reshape(many, self.workers).copy())
        self.totals[2] = 0

    def _side_by_side(self, until: float) -> None:
        """Expand states of this depth with a thread for each worker."""
        while (self.done < self.level).any() and time.monotonic() < until:
            firsts = self.done.copy()
            self._each(self._expand)
            for kept in self.kept:
                if kept[2][1]:
                    self._explain(*kept)
            targets = sum(int(routed[-1].sum()) for routed in self.routed)
            try:
                if int(self.store.count.max()) + targets > self.store.room:
                    self.store.reserve(targets)
            except (NoMemory, _Stopped):
                self.done[:] = firsts
                raise
            self._each(self._insert_all)
            self.totals[0] += targets
            self._told()

    def _each(self, work: Callable[[int], None]) -> None:
        """One piece of work for each worker, all at once."""
        others = [self.others.submit(work, worker) for worker in range(1, self.workers)]
        try:
            work(0)
        finally:
            for other in others:
                other.result()

    def _expand(self, worker: int) -> None:
        last = min(self.level[worker], self.done[worker] + CHUNK)
        kept = self.kept[worker]
        first, self.done[worker] = self.done[worker], self.expand(
            self.store.keys, self.done[worker], last, worker, self.workers, self.outs[worker], CHUNK,
            self.ends[worker], self.tales[worker], *kept,
        )  # fmt: skip
        if kept[2][1]:
            kept[2][2] = number_of(self.done[worker], worker, self.workers)
            self.done[worker] = first
        self._route(worker, first, self.done[worker] - first)

    def _route(self, worker: int, first: int, states: int) -> None:
        """Hand out what a worker has written."""
        out, ends = self.outs[worker], self.ends[worker]
        machine.route(out, ends, states, self.words, first, self.workers, *self.routed[worker])

    def _insert_all(self, worker: int) -> None:
        for source in range(self.workers):
            self._insert(worker, source)

    def _insert(self, worker: int, source: int) -> None:
        """Enter what belongs to a worker of what another one has written."""
        store = self.store
        store.count[worker] = machine.insert(
            self.check, store.keys, self.words, store.parents, store.table, store.size, worker,
            self.workers, store.count[worker], self.outs[source], source, *self.routed[source],
            self.normal, self.pending, self.notes[worker],
        )  # fmt: skip

    def _told(self) -> None:
        """Keep the first state in which something is of note, for each thing."""
        for notes in self.notes:
            for number in notes[1 : int(notes[0]) + 1].tolist():
                key = as_int(self.store.keys, number, self.words)
                unusual = self.engine.examine(key) ^ self.normal
                for bit in range(unusual.bit_length()):
                    if unusual >> bit & 1:
                        self.space.found.setdefault(bit, key)
                self.pending &= ~unusual
            notes[0] = 0

    def _explain(self, digits: Ints, widths: Ints, scratch: Ints, happened: Ints) -> NoReturn:
        """Raise what a negative code of a step stands for."""
        del digits, widths, happened
        self.engine.say(int(scratch[0]))
        self.engine.explain(as_int(self.store.keys, int(scratch[2]), self.words), int(scratch[1]))
        raise AssertionError("an engine must explain a negative code")

    def _result(self) -> Space:
        for kept in self.kept:
            self.engine.learn(kept[3])
        space, done = self.space, self.done
        parts = [(a, b, max(0, i - 1)) for i, (a, b) in enumerate(pairwise(self.levels))]
        start, level, origin = parts.pop()
        parts += [(start, done.copy(), origin), (done.copy(), level, origin)]
        parts.append((level, self.store.count.copy(), len(parts) - 2))
        arrays = self.store.ordered(parts)
        frontier = range(int(done.sum()), len(arrays))
        return ArraySpace(
            self.engine,
            arrays,  # type: ignore[arg-type]
            space.found,
            Numbered(arrays, frontier),  # type: ignore[arg-type]
            transitions=int(self.totals[0]),
            depth=int(self.totals[1]),
            stopped=space.stopped,
            seconds=self.limits.seconds(),
        )
