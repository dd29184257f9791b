"""One page of a log: its changes in their order, as operations, held against the rules."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from racecheck.observe.attempts import Attempt
from racecheck.observe.chronicle import Chronicle
from racecheck.observe.holdings import BIAS
from racecheck.observe.invariants import Finding, Invariants
from racecheck.observe.matching import Matcher
from racecheck.observe.order import Order
from racecheck.observe.reorder import Gap, Item, Stray


@define(eq=False)
class Page:
    """What a log tells of one page."""

    pfn: int
    order: Order
    matcher: Matcher
    invariants: Invariants
    chronicle: Chronicle | None
    records: int = 0
    moved: int = 0
    farthest: int = 0  # how many records one was moved by
    late: int = 0
    latest: int = 0  # how many changes came between one and its read
    strays: list[Stray] = field(factory=list)
    gaps: list[Gap] = field(factory=list)
    swept: int = 0
    known: bool = False  # whether the count is, and not a guess after a gap
    now: int = 0

    @property
    def reordered(self) -> int:
        """Records whose change came before that of a record above them."""
        return self.moved + len(self.strays)

    @property
    def missing(self) -> list[Gap]:
        """The gaps that no late record closes."""
        closed = {stray.gap for stray in self.strays}
        return [gap for gap in self.gaps if gap.line not in closed]

    @property
    def operations(self) -> dict[str, int]:
        """How often each operation was seen, the most frequent first."""
        return dict(self.matcher.holdings.operations.most_common())

    @property
    def unexplained(self) -> list[int]:
        """The lines of records that are of no operation of the models."""
        return sorted(self.matcher.holdings.unexplained)

    @property
    def attempts(self) -> list[Attempt]:
        """Compaction's attempts."""
        return self.matcher.attempts

    @property
    def findings(self) -> list[Finding]:
        """What broke a rule, by line."""
        return sorted(self.invariants.findings, key=lambda finding: finding.line)

    def rest(self) -> None:
        """No record was seen for long."""
        self.follow(self.order.end())

    def end(self) -> None:
        """No record follows."""
        self.follow(self.order.end())
        self.matcher.end()
        self.invariants.end()

    def follow(self, items: Iterable[Item]) -> None:
        """The page's next changes, in their order."""
        matcher, invariants, chronicle = self.matcher, self.invariants, self.chronicle
        holdings = matcher.holdings
        for item in items:
            if len(item) < 5:
                self._odd(item)
                continue
            record, before, after, above, late = item
            if above or late:
                self._skewed(above, late)
            if record.val <= -BIAS:
                invariants.unpin(record, before, holdings.pins, holdings.changes)
            own = holdings.freeze is not None and holdings.freeze.actor == record.actor
            matcher.take(record, before)
            if (
                record.refcount < record.mapcount
                or before <= 0
                or after < 0
                or holdings.pins
                or invariants.suspects
            ):
                known = before if self.known and not own else 1
                invariants.look(record, known, after, holdings.pins, holdings.changes)
            self.known, self.now = True, after
            if chronicle is not None:
                chronicle.change(record, after, holdings)

    def _skewed(self, above: int, late: int) -> None:
        self.moved += above > 0
        self.late += late > 0
        self.farthest, self.latest = max(self.farthest, above), max(self.latest, late)

    def _odd(self, item: Gap | Stray) -> None:
        if isinstance(item, Gap):
            self._gap(item)
            return
        self.strays.append(item)
        self.invariants.doubt(self.matcher.holdings.changes)
        self.matcher.take(item.record, item.record.refcount)
        self.invariants.stale(item.record, self.now)
        if self.chronicle is not None:
            self.chronicle.stray(item.record, item.gap)

    def _gap(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self.known = False
        self.invariants.doubt(self.matcher.holdings.changes)
        holdings = self.matcher.holdings
        holdings.pins = min(holdings.pins, max(0, gap.found - (holdings.mapped or 0)) // BIAS)
        del holdings.pinned[holdings.pins :]
        if self.chronicle is not None:
            self.chronicle.gap(gap.line, gap.expected, gap.found)
