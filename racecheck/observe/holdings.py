"""The references to a page: which are mappings', which were taken for other reasons, and which are pins.

There is no record of the mapcount's changes. But a mapping's reference is taken before the mapcount rises,
and put after it fell (mm/memory.c, mm/rmap.c), so the mapcounts that were read tell which is which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define

from racecheck.observe import lexicon as names
from racecheck.observe.records import (
    ACTIVE,
    EXCLUSIVE,
    HEAD,
    LRU,
    MOD,
    SET,
    TEST,
    UNFREEZE,
    UNLESS,
    Record,
)

BIAS: Final = 1024
"""GUP_PIN_COUNTING_BIAS (include/linux/mm.h)."""
SOON: Final = 5
"""Within so many changes of the page the mapcount rises, if the reference is a mapping's."""
NO_ACCIDENT: Final = 3
"""So often the refcount is not read to equal the mapcount by a torn read: the page is not in the cache."""

TRACKED: Final = 1000
"""Pins of which it is known who has them."""

Told = Callable[[str, Sequence[Record]], None]
Spans = Callable[[str, Record, Record | None], None]


@define(eq=False)
class Held:
    """A reference that was taken, until the log tells whether it became a mapping's or was put again.

    ``number`` changes of the page came before. ``status`` is the name of its operation, or "". ``silent``:
    it is counted with another operation; ``begun``: it may still turn out to belong to one.
    """

    record: Record
    number: int
    status: str = ""
    silent: bool = False
    begun: bool = False


class Holdings:
    """The references to one page, and how often each operation was seen.

    ``told`` gets the name and the records of each operation, ``spans`` the records that took a reference or
    a pin and gave it back. Where the log has the mapcount's changes it is
    ``traced``, and ``sure`` is to have by line which references are mappings'.
    """

    __slots__ = (
        "anon", "bare", "changes", "fallen", "freeze", "frozen", "last", "mapped", "open", "operations",
        "pinned", "pins", "rising", "spans", "sure", "told", "traced", "unexplained",
    )  # fmt: skip

    def __init__(self, told: Told | None = None, spans: Spans | None = None) -> None:
        self.told, self.spans = told, spans
        self.operations: Counter[str] = Counter()
        self.unexplained: list[int] = []
        self.changes = 0
        self.last: Record | None = None
        self.open: list[Held] = []
        self.sure: dict[int, str] = {}
        self.traced = False
        self.next_life()

    def next_life(self) -> None:
        """The page was freed: what follows is of another use of it."""
        self.mapped: int | None = None
        self.fallen = self.rising = self.pins = self.bare = 0
        self.pinned: list[Record] = []
        self.freeze: Record | None = None  # by somebody else than migration, who has the page frozen now
        self.anon = self.frozen = False

    @property
    def cached(self) -> int:
        """The references of the page cache; none of an anon page's are."""
        return int(not self.anon)

    def look(self, record: Record) -> None:
        """What a record read beside the refcount."""
        mapped = record.mapcount
        if self.mapped is None:
            self.anon = _anonymous(record.mapping)
        if mapped != self.mapped:
            rise = 0 if self.mapped is None else mapped - self.mapped
            self.mapped = mapped
            self.fallen += max(-rise, 0)
            known = min(max(rise, 0), self.rising)
            self.rising -= known
            if rise > known:
                self.rise(rise - known, record.actor)
        if not self.anon and (record.flags & EXCLUSIVE or mapped == record.refcount > 0):
            self.bare += 1
            self.anon = bool(record.flags & EXCLUSIVE) or (self.bare >= NO_ACCIDENT and not self.frozen)

    def rise(self, number: int, actor: int | None = None) -> None:
        """So many references are mappings': the actor's own last ones first, and then the oldest."""
        waiting = [held for held in self.open if not held.status]
        own = [held for held in waiting if held.record.actor == actor][::-1]
        others = [held for held in waiting if held.record.actor != actor]
        for held in [*own, *others][:number]:
            held.status = names.MAP
            self.open.remove(held)
            if not (held.silent or held.begun):
                self.count(names.MAP, [held.record])

    def frozen_otherwise(self, record: Record) -> None:
        """A freeze that is not migration's: what follows tells whose it is."""
        if record.ret:
            self.freeze = record
        else:
            self.count(names.REFUSED, [record])

    def thaw(self, record: Record | None) -> bool:
        """The first change after a freeze that is not migration's; whether it is the same operation's."""
        freeze, self.freeze = self.freeze, None
        assert freeze is not None
        if record is not None and record.actor == freeze.actor and record.kind in (MOD, UNFREEZE):
            self.count(names.SPLIT if record.kind == MOD else names.FROZEN, [freeze, record])
            return True
        self.count(names.RECLAIM, [freeze])
        self.end()
        self.next_life()
        return False

    def fall(self) -> None:
        """A mapping's reference is put; the mapcount fell before."""
        self.fallen -= self.fallen > 0

    def hold(self, record: Record, silent: bool = False, begun: bool = False) -> Held:
        """A reference was taken."""
        held = Held(record, self.changes, "", silent, begun)
        if self.sure and self.sure.pop(record.line, "") == names.MAP:
            held.status = names.MAP
            self.rising += 1
            if not begun:
                self.count(names.MAP, [record])
        else:
            self.open.append(held)
        return held

    def plus(self, record: Record) -> None:
        """A change that takes something, and is an operation by itself."""
        if record.kind == MOD and record.val == BIAS:
            self.pin(record)
            self.count(names.SLOW_PIN, [record])
        elif record.kind == SET:
            self.count(names.ALLOCATE, [record])
        elif record.kind == UNLESS and not record.ret:
            self.count(names.GET, [record])
        elif (
            record.kind == MOD
            and record.flags & HEAD
            and record.val > 1
            and not record.val & record.val + 1
        ):
            self.count(
                names.PMD_SPLIT, [record]
            )  # as many mappings as the huge page has pages, instead of one
        else:
            self.hold(record)

    def pin(self, record: Record) -> None:
        """A pin was taken."""
        self.pins += 1
        if len(self.pinned) < TRACKED:
            self.pinned.append(record)

    def unpin(self, number: int, record: Record) -> None:
        """So many pins are given back: the actor's own last ones, or else the oldest."""
        self.pins = max(0, self.pins - number)
        for _ in range(min(number, len(self.pinned))):
            own = [pin for pin in self.pinned if pin.actor == record.actor]
            pin = own[-1] if own else self.pinned[0]
            self.pinned.remove(pin)
            if self.spans is not None:
                self.spans("pin", pin, record)

    def minus(self, record: Record) -> None:
        """A change that gives something back."""
        pins, rest = divmod(-record.val, BIAS)
        if not rest and (pins == 1 or pins <= self.pins):  # several at once: unpin_user_pages
            self.unpin(pins, record)
            self.count(names.UNPIN, [record])
        elif record.kind == TEST and record.ret:
            self.count(names.FREE, [record])
            self.end()
            self.next_life()
        elif self.sure and self.sure.pop(record.line, "") == names.UNMAP:
            self.rising -= not self.fallen and self.rising > 0
            self.fall()
            self.count(names.UNMAP, [record])
        elif self.fallen > 0 and record.val == -1:
            self.fallen -= 1
            self.count(names.UNMAP, [record])
        else:
            self._put(record)

    def _put(self, record: Record) -> None:
        """A reference is put that no mapping is seen to have had: the actor's own, or another's."""
        others = [held for held in self.open if not held.silent]
        own = [held for held in others if held.record.actor == record.actor]
        drained = self.last is not None and record.flags & ~self.last.flags & (LRU | ACTIVE)
        batched = [held for held in [*others, *own] if held.record.kind == MOD] if drained else []
        if batched:
            self.close(batched[-1], names.BATCH, record)
        elif own and self._maps(own[-1].record) and self.changes < own[-1].number + SOON:
            self.close(own[-1], names.MAP_OR_GET, record)
        elif own:
            self.close(own[-1], names.GET, record)
        elif others and record.val == -1 and not (self.anon and others[0].record.kind == UNLESS):
            self.rise(1)  # who took none unmaps: the mapcount rose and fell, and nobody read it between
            self.count(names.UNMAP, [record])
        elif others:
            self.close(others[0], names.GET, record)
        else:
            self.count(names.UNMAP_OR_PUT, [record])

    def _maps(self, record: Record) -> bool:
        """Whether a reference that was looked up may be for a mapping; anon pages are not mapped so."""
        return record.kind == UNLESS and not self.anon and not self.traced

    def close(self, held: Held, status: str, record: Record) -> None:
        """A reference that was taken is put by the record."""
        held.status = names.GET if status == names.BATCH else status
        self.open.remove(held)
        if status == names.BATCH:
            self.count(names.BATCH, [held.record, record])
        else:
            self.count(status, [held.record])
            if status == names.GET and self.spans is not None:
                self.spans("reference", held.record, record)
            self.count(names.PUT if status == names.GET else names.UNMAP_OR_PUT, [record])

    def end(self) -> None:
        """Nothing follows: what is open may be a mapping's or not."""
        if self.freeze is not None:
            self.thaw(None)
        for held in self.open:
            if not held.silent:
                mod = held.record.kind == MOD and not self.traced
                held.status = names.MAP_OR_GET if mod or self._maps(held.record) else names.GET
                self.count(held.status, [held.record])
                if held.status == names.GET and self.spans is not None:
                    self.spans("reference", held.record, None)
        self.open.clear()
        for pin in self.pinned:
            if self.spans is not None:
                self.spans("pin", pin, None)
        self.pinned.clear()

    def count(self, name: str, records: Sequence[Record]) -> None:
        """An operation was seen."""
        self.operations[name] += 1
        if self.told is not None:
            self.told(name, records)

    def explain_none(self, record: Record) -> None:
        """A record that no model explains."""
        self.unexplained.append(record.line)
        if self.told is not None:
            self.told("unexplained", [record])


def _anonymous(mapping: str) -> bool:
    """Whether a raw pointer has PAGE_MAPPING_ANON (linux/page-flags.h); a hashed one tells nothing."""
    digits = mapping.removeprefix("0x")
    return digits.startswith("ffff") and digits[-1] in "13579bdf"
