"""A log from its first line to its last: each page's order, operations, attempts and broken rules."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import Final

from attrs import define

from racecheck.observe import lexicon as names
from racecheck.observe.attempts import Attempt
from racecheck.observe.chronicle import Chronicle
from racecheck.observe.holdings import Holdings
from racecheck.observe.invariants import Invariants
from racecheck.observe.lexicon import Lexicon
from racecheck.observe.matching import Matcher
from racecheck.observe.order import Order
from racecheck.observe.page import Page
from racecheck.observe.parse import Log, parsed
from racecheck.observe.policies import Judge
from racecheck.observe.records import UNLESS, Event, Record
from racecheck.observe.reorder import Purse, before
from racecheck.observe.source import TORN

LIKELY: Final = 4
"""CPUs, where the log does not tell and few were seen."""
NOTES: Final = 100
"""Notes that are remembered for pages that come later."""
KEPT: Final = 500
"""Attempts that are kept of the first and of the last of a page."""
SWEEP: Final = 1 << 19
"""After so many records it is looked for pages that had none."""
_RMAP: Final = re.compile(r"\b(?:pg|page|folio)=0x([0-9a-f]+)")


@define(eq=False)
class Observation:
    """What a log tells: of itself, and of each page that is asked for."""

    log: Log
    pages: dict[int, Page]
    judge: Judge

    @property
    def attempts(self) -> list[tuple[Page, Attempt]]:
        """Compaction's attempts on all pages, by line."""
        found = [(page, attempt) for page in self.pages.values() for attempt in page.attempts]
        return sorted(found, key=lambda pair: pair[1].record.line)


class Watch:
    """Follows a log; one page only, if ``pfn`` is given.

    Chronicles, which take time, are kept of the first ``told`` pages; of no page, if 1 is told of several.
    """

    def __init__(self, words: Lexicon, pfn: int | None = None, told: int = 0) -> None:
        self.words, self.pfn, self.told = words, pfn, told
        self.log, self.judge, self.purse = Log(), Judge(words.policies), Purse()
        self.pages: dict[int, Page] = {}
        self.scans: set[int] = set()
        self.traced: Traced | None = None
        self.notes: deque[tuple[int, float, str]] = deque(maxlen=NOTES)

    def follow(self, pieces: Iterable[str]) -> Observation:
        """Read a log to its end; what can't be decompressed is told by ``log.damage``.

        Takes some eight microseconds a record, and memory for the pages, not for the records.
        """
        try:
            self._read(pieces)
        except TORN as error:
            self.log.damage = f"{type(error).__name__}: {error}"
        return self._end()

    def _read(self, pieces: Iterable[str]) -> None:
        log, pages, only, compacting = self.log, self.pages, self.pfn, self.log.compactors
        for item in parsed(pieces, log):
            if type(item) is not Record:
                self._event(item)  # type: ignore[arg-type]
                continue
            pfn = item.pfn
            if only is not None and pfn != only:
                continue
            page = pages.get(pfn) or self._page(pfn)
            if item.kind == UNLESS and item.ret and item.actor in compacting:
                self.scans.add(item.line)
            if self.traced:
                self.traced.record(page.matcher.holdings, item)
            page.records += 1
            if given := page.order.add(item):
                page.follow(given)
            if not log.records % SWEEP:
                self._sweep()

    def _page(self, pfn: int) -> Page:
        chronicle = Chronicle() if len(self.pages) < self.told else None
        if self.told == 1 == len(self.pages):
            for other in self.pages.values():
                other.chronicle = other.matcher.holdings.told = other.matcher.holdings.spans = None
        if chronicle is not None:
            for note in self.notes:
                chronicle.note(*note)
        window = 8 * (self.log.cpus if self.log.told else max(self.log.cpus, LIKELY))
        matcher = Matcher(self.words, self.scans, self.log)
        if chronicle is not None:
            matcher.holdings.told, matcher.holdings.spans = chronicle.told, chronicle.span
        page = self.pages[pfn] = Page(
            pfn, Order(window, self.purse), matcher, Invariants(window), chronicle
        )
        return page

    def _sweep(self) -> None:
        """Pages without records for long hold none back; of many attempts most are only counted."""
        for page in self.pages.values():
            if page.records == page.swept:
                page.rest()
            page.swept = page.records
            for attempt in page.attempts[KEPT:-KEPT]:
                self.judge.hear(attempt)
            del page.attempts[KEPT:-KEPT]

    def _event(self, event: Event) -> None:
        """Another event: who compacts, what the mapcount does, a note."""
        name = event.name
        if name == "mm_compaction_begin":
            self.log.compacts = True
            self.log.compactors.add(event.actor)
        elif name == "mm_compaction_end":
            self.log.compactors.discard(event.actor)
        elif name in ("tracing_mark_write", "print"):
            note = event.line, event.time, event.text.removeprefix("tracing_mark_write: ")
            self.notes.append(note)
            for chronicle in filter(None, (page.chronicle for page in self.pages.values())):
                chronicle.note(*note)
        elif found := _RMAP.search(event.text):
            self.traced = self.traced or Traced(self.pages.values())
            self.traced.event(event, int(found[1], 16) >> 6 & 0xFFFFFF)

    def _end(self) -> Observation:
        log = self.log
        last = log.unended
        if last is not None and self.pfn in (None, last.pfn):
            self._last(last)
        for page in self.pages.values():
            page.end()
            for attempt in page.attempts:
                self.judge.hear(attempt)
        return Observation(log, self.pages, self.judge)

    def _last(self, record: Record) -> None:
        """The last line lacks its end, and may lack digits: it counts if it goes on where the page is."""
        page = self.pages.get(record.pfn)
        if page is not None and page.order.count == before(record):
            self.log.records += 1
            page.records += 1
            page.follow(page.order.add(record))
        else:
            self.log.not_understood(record.line, "the last line is cut")


class Traced:
    """What kprobes on page_add_*_rmap and page_remove_rmap tell: which references are mappings'.

    A ``struct page`` has 64 bytes, and their array begins at a multiple of a gigabyte, so that the address
    gives the low bits of the page frame number.
    """

    def __init__(self, pages: Iterable[Page]) -> None:
        self.latest: dict[tuple[int, int], tuple[Holdings, Record]] = {}
        self.unmapping: set[tuple[int, int]] = set()
        for page in pages:
            for item in page.order.settled[-1:]:
                if isinstance(item[0], Record):
                    self.record(page.matcher.holdings, item[0])

    def event(self, event: Event, low: int) -> None:
        """A mapping is added by the reference that the actor took last, or removed before one is put."""
        key = event.actor, low
        if "remove" in event.name:
            self.unmapping.add(key)
        elif key in self.latest:
            holdings, record = self.latest.pop(key)
            holdings.sure[record.line] = names.MAP

    def record(self, holdings: Holdings, record: Record) -> None:
        """An actor's next record of a page."""
        holdings.traced = True
        key = record.actor, record.pfn & 0xFFFFFF
        self.latest[key] = holdings, record
        if record.val == -1 and key in self.unmapping:
            self.unmapping.discard(key)
            holdings.sure[record.line] = names.UNMAP
