"""Breadth-first search in machine code."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn

import numpy as np
from attrs import define, evolve

from racecheck.errors import UsageError
from racecheck.explore import walk
from racecheck.explore.arrays import ArraySpace
from racecheck.explore.checkpoint import Checkpoint, digest
from racecheck.explore.compiled import CompiledEngine
from racecheck.explore.engine import Overflow, normal_bits
from racecheck.explore.limits import Limits, cores
from racecheck.explore.machine import APART
from racecheck.explore.search import Space, Watch
from racecheck.explore.store import Ints, NoMemory, Numbered, Store, as_int, as_words
from racecheck.explore.table import BATCH
from racecheck.explore.walk import COUNT, LEVEL

CHUNK = 1 << 13
"""Targets that a worker writes before they are entered, about: they should stay in the core's cache."""
ROOM = 1 << 16
"""New states that a worker keeps in a round, at least before there is no more room."""
MOST_KEPT = 1 << 22
"""New states that all workers may keep in a round: there are fewer than cores if this is not enough."""
SHARE = 1 << 12
"""States that a worker expands in a round, at most: fewer if there was no room for what they led to."""
MOMENT = 0.1
"""Seconds between two looks at the limits, about."""
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
    UsageError if that is of another model. Costs 17 to 23 bytes a state where that is one word.
    """
    saved = checkpoint.load() if checkpoint else None
    if saved:
        engine.resume(saved[0]["fields"], saved[0]["happened"])
    while True:
        try:
            return Sweep(engine, limits, watch, checkpoint, saved).run()
        except Overflow:
            saved = None
            engine.spread()


class _Stopped(Exception):
    """A limit was hit."""


@define(eq=False, slots=False)
class Sweep:
    """One search: its store, and the arrays that workers work in."""

    engine: CompiledEngine
    limits: Limits
    watch: Watch
    checkpoint: Checkpoint | None = None
    saved: tuple[dict[str, Any], dict[str, Any]] | None = None

    def __attrs_post_init__(self) -> None:
        engine, program = self.engine, self.engine.program
        self.expand, self.check = engine.step(), engine.checker()
        self.words, self.most = engine.layout.words, engine.most_targets()
        self.room, self.share = ROOM + CHUNK + self.most, SHARE
        self.workers = workers = max(1, min(cores(), MOST_KEPT // self.room))
        self.store = Store(
            self.words, workers, self.limits.memory, self.limits.allows, self._show, self._all
        )
        self.progress, self.meeting = np.zeros(5, np.int64), np.zeros(2, np.int64)
        self.told, self.notes = (np.zeros((workers, size), np.int64) for size in (APART, 80))
        self.kept = [engine.kept() for _ in range(workers)]
        self.own = [self._own() for _ in range(workers)]
        self.shared = self._shared()
        self.first = engine.initial()
        self.space = Space(engine, {self.first: self.first})
        self.normal, claims = normal_bits(program), len(program.claims)
        self.pending = sum(1 << i for i, c in enumerate(program.claims) if c.condition is not None)
        self.pending |= (1 << len(program.failures())) - 1 << claims
        self.budget = 1024

    def _own(self) -> tuple[Ints, ...]:
        """What a worker expands states into; see ``racecheck.explore.machine``."""
        room = CHUNK + self.most
        sizes = room * self.words, room, room, BATCH
        return tuple(np.empty(size, np.int64) for size in sizes)

    def _shared(self) -> tuple[Any, ...]:
        """What workers keep for each other; one alone keeps nothing."""
        room = self.room * self.workers if self.workers > 1 else 0
        fresh, origins = np.empty(room * self.words, np.int64), np.empty(room, np.uint32)
        return fresh, origins, np.empty(room, np.int64), np.zeros(self.workers * APART, np.int64)

    def run(self) -> Space:
        """Search until nothing is left, or a limit is hit."""
        with ThreadPoolExecutor(max(1, self.workers - 1)) as self.others:
            self._resume(*self.saved) if self.saved else self._enter_first()
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
        count, fields = int(self.progress[COUNT]), self.engine.layout.fields
        told = {
            "digest": self._digest(),
            "fields": [(f.lo, f.width) for f in fields],
            "happened": self.engine.happened,
            "found": {str(bit): str(key) for bit, key in self.space.found.items()},
            "pending": self.pending,
        }
        states = {"keys": self.store.keys[: count * self.words], "parents": self.store.parents[:count]}
        self.checkpoint.save(told, {**states, "progress": self.progress})

    def _resume(self, told: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        assert self.checkpoint is not None
        if told["digest"] != self._digest():
            raise self.checkpoint.refused("of another model, other parameters or another version")
        try:
            self.store.restore(arrays["keys"], arrays["parents"])
        except NoMemory as problem:
            raise UsageError(f"checkpoint {self.checkpoint.path}: {problem}; give it more memory") from None
        self.progress[:] = arrays["progress"]
        self.space.found.update({int(bit): int(key) for bit, key in told["found"].items()})
        self.pending = told["pending"]

    def _enter_first(self) -> None:
        self.store.restore(as_words(self.first, self.words), np.zeros(1, np.uint32))
        self.check(self.store.keys, 0, 1, self.normal, self.pending, self.notes[0])
        self._told()
        self.progress[[LEVEL, COUNT]] = 1

    def _show(self) -> None:
        """Show how far it is."""
        space = self.space
        done, _, count, transitions, depth = self.progress.tolist()
        space.transitions, space.depth = transitions, depth
        space.parents = range(count)  # type: ignore[assignment]  # only their number is shown
        space.frontier = range(count - done)  # type: ignore[assignment]
        self.watch(space)

    def _look(self) -> None:
        """Show how far it is, and see whether it must stop."""
        self._show()
        self.space.stopped = self.limits.reason(int(self.progress[COUNT]))
        if self.space.stopped:
            raise _Stopped

    def _go_on(self) -> bool:
        """Do some work; whether there is more."""
        start = time.monotonic()
        self.meeting[:] = 0
        why = self._all(self._walk)
        if why == walk.EXPLAIN:
            worker = next(worker for worker, said in enumerate(self.told) if said[walk.CODE])
            self._explain(int(self.told[worker, walk.NOW]), self.kept[worker][2])
        if why == walk.CROWDED:
            self.share = max(1, self.share // 2)
            self.store.forget(int(self.progress[COUNT]))
        if why == walk.FULL:
            self.store.reserve(int(self.progress[COUNT]), self.workers * self.room)
        self._told()
        quick = time.monotonic() - start < MOMENT
        self.budget = min(2 * self.budget, NEVER) if quick else max(16, self.budget // 2)
        return bool(why != walk.ALL_DONE)

    def _walk(self, me: int) -> int:
        """The part of one worker; why it came back."""
        store = self.store
        why: int = walk.walk(
            self.words, self.expand, self.check, (store.keys, store.parents, store.table), store.room, me,
            self.workers, self.progress, self.told.ravel(), self.meeting, self.own[me], self.share, CHUNK,
            self.most, self.room, self.shared, self.budget, self.normal, self.pending, self.notes[me],
            self.kept[me],
        )  # fmt: skip
        return why

    def _all(self, work: Callable[[int], Any]) -> Any:
        """One piece of work for each worker, all at once; what the first one gives."""

        def guarded(worker: int) -> Any:
            try:
                return work(worker)
            except BaseException:
                self.meeting[1] = 1
                raise

        others: list[Future[Any]] = []
        try:
            for worker in range(1, self.workers):
                others.append(self.others.submit(guarded, worker))
            return guarded(0)
        finally:
            for other in others:
                other.result()

    def _told(self) -> None:
        """Keep the first state in which something is of note, for each thing."""
        for number in sorted(number for notes in self.notes for number in notes[1 : notes[0] + 1].tolist()):
            key = as_int(self.store.keys, number, self.words)
            unusual = self.engine.examine(key) ^ self.normal
            for bit in range(unusual.bit_length()):
                if unusual >> bit & 1:
                    self.space.found.setdefault(bit, key)
            self.pending &= ~unusual
        self.notes[:, 0] = self.told[:, walk.NOTED] = 0

    def _explain(self, number: int, scratch: Ints) -> NoReturn:
        """Raise what the negative code of a state's step stands for."""
        self.engine.say(int(scratch[0]))
        self.engine.explain(as_int(self.store.keys, number, self.words), int(scratch[1]))
        raise AssertionError("an engine must explain a negative code")

    def _result(self) -> Space:
        for kept in self.kept:
            self.engine.learn(kept[3])
        done, _, count, transitions, depth = self.progress.tolist()
        arrays = self.store.found(count)
        return ArraySpace(
            self.engine,
            arrays,  # type: ignore[arg-type]
            self.space.found,
            Numbered(arrays, range(done, count)),  # type: ignore[arg-type]
            transitions=transitions,
            depth=depth,
            stopped=self.space.stopped,
            seconds=self.limits.seconds(),
        )
