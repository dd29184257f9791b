"""What must be true of a page's counts at every instant, held against what its records read.

A record reads the refcount and the mapcount one after the other, so what it has may never have been true
at once. The count as the order of the changes has it decides: a torn read, or a violation.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from racecheck.observe.holdings import BIAS
from racecheck.observe.records import HEAD, MOD, RETURN, TEST, Record

TORN, VIOLATION = "torn read", "violation"
COVERS: Final = "refcount covers mapcount"
STILL: Final = "a free or frozen page does not change"
NEGATIVE: Final = "no count is negative"
PINNED: Final = "a held pin shows in the refcount"
UNPINNED: Final = "only a pin is given back by an unpin"


class Finding(NamedTuple):
    """A record that breaks a rule, how it is judged, and why."""

    rule: str
    line: int
    judged: str
    why: str


class Invariants:
    """Looks at one page's changes in their order; ``findings`` is what broke a rule.

    Within a window of a gap, or of a record that was written late, the order is doubtful: what follows from
    nothing but the order is no violation there.
    """

    __slots__ = "doubtful", "findings", "suspects", "window"

    def __init__(self, window: int) -> None:
        self.window = window
        self.doubtful = 0
        self.findings: list[Finding] = []
        self.suspects: list[tuple[Record, int]] = []

    def look(self, record: Record, before: int, after: int, pins: int, number: int) -> None:
        """The page's change of this number, the count before and after it, and the pins held after it."""
        if self.suspects:
            self._acquit(after, number)
        if record.refcount < record.mapcount:
            self.suspects.append((record, number))
            self._acquit(after, number)
        if record.refcount < 0:
            self._found(NEGATIVE, record, True, f"refcount {record.refcount}")
        if number < self.doubtful:
            return
        if after < 0 <= record.refcount:
            self._found(NEGATIVE, record, True, f"refcount {after}")
        if before == 0 and record.kind in (MOD, TEST, RETURN):
            self._found(STILL, record, True, f"changed by {record.val:+}")
        if after < pins * BIAS and not record.flags & HEAD:
            self._found(PINNED, record, True, f"{pins} held, and refcount {after}")

    def doubt(self, number: int) -> None:
        """The order is doubtful around the change of this number."""
        self.doubtful = number + self.window

    def stale(self, record: Record, count: int) -> None:
        """A record that was written late: what it read is old."""
        if record.refcount < record.mapcount:
            why = f"refcount {record.refcount} is stale, by {count - record.refcount}: written late"
            self._found(COVERS, record, False, f"{why}; mapcount {record.mapcount}")

    def unpin(self, record: Record, before: int, pins: int, number: int) -> None:
        """A pin is given back; ``pins`` are held, and more may have been before the log began."""
        if (
            pins == 0
            and number >= self.doubtful
            and before - max(record.mapcount, 0) < -record.val
            and not record.flags & HEAD
        ):
            self._found(UNPINNED, record, True, f"no pin is held, and refcount was {before}")

    def end(self) -> None:
        """Nothing follows: what no later change explains is a violation."""
        for record, number in self.suspects:
            self._convict(record, number)
        self.suspects.clear()

    def _acquit(self, after: int, now: int) -> None:
        """A count of the next few changes covers the mapcount: the record read an older one."""
        left = []
        for record, number in self.suspects:
            if after >= record.mapcount:
                short = record.mapcount - record.refcount
                why = (
                    f"refcount {record.refcount} is stale, by {short} at least: mapcount {record.mapcount}"
                )
                self._found(COVERS, record, False, why)
            elif now - number > self.window:
                self._convict(record, number)
            else:
                left.append((record, number))
        self.suspects = left

    def _convict(self, record: Record, number: int) -> None:
        sure = number >= self.doubtful
        why = f"refcount {record.refcount}, mapcount {record.mapcount}"
        self._found(
            COVERS, record, sure, why if sure else f"{why}; by the gap near it, nothing tells of more"
        )

    def _found(self, rule: str, record: Record, violated: bool, why: str) -> None:
        self.findings.append(Finding(rule, record.line, VIOLATION if violated else TORN, why))
