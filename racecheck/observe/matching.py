"""A page's changes as operations: those of each actor, one after the other, are spelled by the models.

A word of the lexicon may be of several operations; counts and flags that were read decide, or nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from attrs import define, field

from racecheck.observe import lexicon as names
from racecheck.observe.attempts import Attempt, Scan, isolates
from racecheck.observe.holdings import BIAS, Held, Holdings
from racecheck.observe.lexicon import Lexicon
from racecheck.observe.records import EXCLUSIVE, FREEZE, LOCKED, MOD, SET, TEST, UNFREEZE, UNLESS, Record

PLAUSIBLE: Final[dict[str, Callable[[Sequence[Record]], bool]]] = {
    names.COPY: lambda word: word[1].mapcount < word[0].mapcount,
    names.TRUNCATE: lambda word: bool(word[1].flags & LOCKED and not word[1].mapcount),
    names.REFUSED_FORK: lambda word: word[0].refcount > BIAS and bool(word[0].flags & EXCLUSIVE),
    names.MAP: lambda word: word[1].mapcount > word[0].mapcount,
    names.FAST_PIN: lambda word: len(word) < 3,  # a pin given up at once is a pin and an unpin
}
"""What the counts and flags must be for two or three changes to be of an operation."""


class Others(Protocol):
    """What the log tells of who works on pages: whether compaction's events are in it, and who reclaims."""

    compacts: bool
    reclaimers: set[int]


@define(eq=False)
class Actor:
    """What one actor is in the middle of: a word, of which the first reference is held, or an attempt."""

    word: list[Record] = field(factory=list)
    held: Held | None = None
    scan: Scan | None = None


class Matcher:
    """Names the operations of one page; takes its changes in their order.

    ``scans`` has the lines at which, as ``others`` know, compaction takes a reference.
    """

    __slots__ = "actors", "attempts", "holdings", "lexicon", "others", "scans"

    def __init__(self, words: Lexicon, scans: set[int], others: Others) -> None:
        self.lexicon, self.scans, self.others = words, scans, others
        self.holdings = Holdings()
        self.actors: dict[int, Actor] = {}
        self.attempts: list[Attempt] = []

    def take(self, record: Record, before: int) -> None:
        """The next change, and the count that it found."""
        holdings = self.holdings
        if record.kind == SET:
            self._reuse()
        if holdings.freeze is None or not holdings.thaw(record):
            holdings.look(record)
            actor = self.actors.get(record.actor)
            if actor is None or not self._goes_on(actor, record):
                self._begin(record, before)
        holdings.last = record
        holdings.changes += 1

    def end(self) -> None:
        """Nothing follows."""
        for actor in self.actors.values():
            if actor.scan is not None:
                actor.scan.abandon()
            else:
                self._one_by_one(actor)
        self.actors.clear()
        self.holdings.end()

    def _begin(self, record: Record, before: int) -> None:
        kind, val, ret, holdings = record.kind, record.val, record.ret, self.holdings
        word = ((kind, val, ret),)
        if val < 0 and kind in (TEST, MOD):
            holdings.minus(record)
        elif record.line in self.scans:
            self.scans.remove(record.line)
            self._scan(record, before)
        elif word in self.lexicon.leads and record.actor not in self.actors:
            self.actors[record.actor] = Actor([record], holdings.hold(record, begun=True))
        elif kind == FREEZE:
            holdings.frozen_otherwise(record)
        elif kind == UNFREEZE and not before and val in {1, 2}:
            holdings.count(names.SPLIT, [record])  # a tail page, which is a page of its own now
        elif word in self.lexicon.words or (val > 1 and kind in (MOD, UNLESS)):
            holdings.plus(record)  # several at once are as one
        else:
            holdings.explain_none(record)

    def _reuse(self) -> None:
        """The page is allocated: who froze it and never thawed it did not migrate it, but freed it."""
        for number, actor in list(self.actors.items()):
            if actor.scan is not None and actor.scan.reclaims():
                self.attempts.remove(actor.scan.attempt)
                del self.actors[number]
                self.holdings.end()
                self.holdings.next_life()

    def _scan(self, record: Record, before: int) -> Scan:
        scan = Scan(record, before, self.holdings, self.lexicon.one_pass)
        self.attempts.append(scan.attempt)
        self.actors[record.actor] = Actor(scan=scan)
        return scan

    def _goes_on(self, actor: Actor, record: Record) -> bool:
        """Whether the change belongs to what the actor is in the middle of."""
        scan = actor.scan
        if scan is None and actor.held in self.holdings.open and self._isolates(actor.word[0], record):
            assert actor.held is not None
            self.holdings.open.remove(actor.held)
            first = actor.word[0]
            scan = self._scan(first, first.refcount - first.val)
        if scan is not None:
            belongs = scan.take(record)
            if scan.over:
                del self.actors[record.actor]
            if scan.swaps:
                self.attempts.remove(scan.attempt)
            return belongs
        if self._spells(actor, [*actor.word, record]):
            return True
        del self.actors[record.actor]
        self._one_by_one(actor)
        return False

    def _isolates(self, first: Record, record: Record) -> bool:
        """Whether the reference was compaction's, as flags tell where no events do."""
        return (
            not self.others.compacts
            and first.actor not in self.others.reclaimers
            and isolates(first, record)
        )

    def _spells(self, actor: Actor, word: list[Record]) -> bool:
        """Whether the changes are an operation, or may become one."""
        key = tuple((record.kind, record.val, record.ret) for record in word)
        for name in self.lexicon.words.get(key, ()):
            if PLAUSIBLE[name](word):
                del self.actors[word[0].actor]
                self._complete(actor, name, word)
                return True
        if any(PLAUSIBLE[name](word) for name in self.lexicon.leads.get(key, ())):
            actor.word = word
            return True
        return False

    def _complete(self, actor: Actor, name: str, word: Sequence[Record]) -> None:
        """An operation of several changes was made."""
        holdings, held = self.holdings, actor.held
        if held in holdings.open:
            holdings.open.remove(held)
        elif name != names.MAP:
            holdings.rise(1)  # the mapping that was taken for this one's is another's
        if name == names.FAST_PIN:
            holdings.pin(word[0])
        if name == names.COPY:
            holdings.fall()
        holdings.count(name, word)

    def _one_by_one(self, actor: Actor) -> None:
        """What was begun is no operation of several changes: each is one."""
        first, *rest = actor.word
        assert actor.held is not None
        actor.held.begun = False
        if actor.held.status == names.MAP:
            self.holdings.count(names.MAP, [first])
        for record in rest:
            self.holdings.minus(record) if record.val < 0 else self.holdings.plus(record)
