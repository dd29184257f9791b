"""The lines of a log, in the dialects of tracefs and of ``trace-cmd report``, as records and events.

The line's head is written by kernel/trace/trace_output.c:trace_print_context; the fields of a page_ref
event by include/trace/events/page_ref.h. Nothing is dropped in silence: a line is a record, another
event, a comment, part of a stack trace, or it is counted as not understood.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from attrs import define, field

from racecheck.observe.records import KINDS, WITH_RESULT, Event, Record, actor_of, flag_bits, pid_of

_TIME: Final = r"(?: \S{3,6})?) +(\d+(?:\.\d+)?): +"  # the column of flags, which may lack, and the clock
_FIELDS: Final = (
    r"(page_ref_\w+): +pfn=0x([\da-f]+) flags=(\S+) count=(-?\d+) mapcount=(-?\d+) "
    r"mapping=(\S+) mt=-?\d+ val=(-?\d+)(?: ret=(-?\d+))?$"
)
# Who runs and where is taken in one piece, and looked up: a name without "[" has it before the CPU's.
_RECORD: Final = re.compile(r"^ *(\S[^\[\n]*\[\d+\]" + _TIME + _FIELDS, re.MULTILINE)
_ANY_RECORD: Final = re.compile(r"^ *(\S.*\[\d+\]" + _TIME + r"(?:\w+:)?" + _FIELDS)
# A name may hold dashes, spaces and brackets; record-tgid adds a column, irq-info takes one away.
_HEAD: Final = re.compile(r"(.*)-(\d+) +(?:\([ \d-]+\) *)?\[(\d+)\] ?(\S*)$")
_EVENT: Final = re.compile(
    r"^ *(\S.*?-\d+ +(?:\([ \d-]+\) *)?\[\d+\]" + _TIME + r"(?:(\w[\w:.-]*): *)?(.*)$"
)
_WRITTEN: Final = re.compile(r"entries-in-buffer/entries-written: (\d+)/(\d+)")
_CPUS: Final = re.compile(r"(?:#P:|^cpus=)(\d{1,9})\b")
_LOST: Final = re.compile(r"^CPU:\d+ \[(?:LOST )?(\d+)? ?EVENTS(?: DROPPED)?\]$")
_STACK: Final = re.compile(r"^ *=> ")

FOLLOWED: Final = re.compile(
    r"mm_compaction_|mm_migrate_|tracing_mark_write$|print$|(?:page|folio)_(?:add|remove)_\w*rmap"
)
"""Other events that tell something of the page or of who works on it."""
EXAMPLES: Final = 5
MOST_CPUS: Final = 8192
"""NR_CPUS of the largest configurations; no line of a kernel has more."""


@define
class Log:
    """What a log holds besides its records; complete when all of it was read.

    ``cpus`` were ``told`` by the log, or seen in it. ``lost`` is what it says was lost. ``events`` counts
    the other events by name. ``compactors`` compact now; ``compacts`` is whether events tell who does.
    ``reclaimers`` are kernel threads that reclaim. ``raw`` is 1 where
    mapcounts are raw, as since 6.10, and -1 is unmapped; records have them as users see them. ``damage`` is
    why the rest cannot be read, or "".
    """

    records: int = 0
    lines: int = 0
    unparsed: int = 0
    examples: list[tuple[int, str]] = field(factory=list)
    events: Counter[str] = field(factory=Counter)
    names: dict[int, str] = field(factory=dict)
    cpus: int = 0
    told: bool = False
    compactors: set[int] = field(factory=set)
    compacts: bool = False
    reclaimers: set[int] = field(factory=set)
    raw: int = 0
    overwritten: int = 0
    dropped: int = 0
    damage: str = ""
    unended: Record | None = None
    """The last record, where its line lacks the end and may have lost digits."""

    @property
    def lost(self) -> int:
        """The events lost: what the header says and what the lines say are the same losses."""
        return max(self.overwritten, self.dropped)

    def name_of(self, actor: int) -> str:
        """The command's name and pid of who runs, and whether it is an interrupt."""
        pid = pid_of(actor)
        kind = {" ": "", "h": " (hard interrupt)", "H": " (hard interrupt)"}
        level = " sShHzZ"[actor & 7]
        where = f" on CPU {-(actor >> 3) - 1}" if actor < 0 else ""
        return f"{self.names.get(pid, '?')}-{pid}{where}{kind.get(level, ' (soft interrupt)')}"

    def not_understood(self, line: int, text: str) -> None:
        """Count a line, and keep the first few."""
        self.unparsed += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append((line, text[:200]))


def parsed(pieces: Iterable[str], log: Log) -> Iterator[Record | Event]:
    """The records, and the events that are followed, in the order of the log; ``log`` is filled on the way.

    A record takes some two microseconds. Raises what ``pieces`` raises.
    """
    reader = _Reader(log)
    for text in pieces:
        yield from reader.read(text)


class _Reader:
    """The tables that make texts to numbers once, and the state of the log's reading."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.heads: dict[str, tuple[int, int]] = {}
        self.flags: dict[str, int] = {}

    def read(self, text: str) -> Iterator[Record | Event]:
        """The records of a piece of whole lines."""
        log, at = self.log, 0
        if " mapcount=-1 " in text:
            log.raw = 1
        for match in _RECORD.finditer(text):
            start, end = match.span()
            if start != at:
                yield from self.others(text[at : start - 1])
            at = end + 1
            log.lines += 1
            record = self.record(match)
            if record is None:
                continue
            if end == len(text) and record[-1] < 0:
                log.unended = record
            else:
                log.records += 1
                yield record
        if at < len(text):
            yield from self.others(text[at:].removesuffix("\n"))

    def record(self, match: re.Match[str]) -> Record | None:
        """The record of a line that has the fields of one; None after it was counted as not understood."""
        head, time, event, pfn, flags, count, mapcount, mapping, val, ret = match.groups()
        kind, line = KINDS.get(event), self.log.lines
        if kind is not None and (ret is not None or kind not in WITH_RESULT):
            with suppress(ValueError):  # numbers of thousands of digits, a head that names nobody
                actor, cpu = self.heads.get(head) or self.head(head)
                bits = self.flags.get(flags)
                if bits is None:
                    bits = self.flags[flags] = flag_bits(flags)
                fields = (
                    line, actor, cpu, float(time), kind, int(pfn, 16), bits, int(count),
                    int(mapcount) + self.log.raw,
                    mapping, int(val), -1 if ret is None else int(ret),
                )  # fmt: skip
                return _new(Record, fields)
        self.log.not_understood(line, match.group())
        return None

    def head(self, text: str) -> tuple[int, int]:
        """Who runs and on which CPU, entered into the tables; ValueError if the text does not tell."""
        match = _HEAD.match(text)
        if match is None:
            raise ValueError
        name, pid, cpu, log = match[1], int(match[2]), int(match[3]), self.log
        if cpu >= MOST_CPUS:
            raise ValueError
        if name != "<...>" or pid not in log.names:
            log.names[pid] = name
        log.cpus = max(log.cpus, cpu + 1)
        found = self.heads[text] = actor_of(pid, cpu, match[4]), cpu
        if name.startswith("kcompactd"):
            log.compactors.add(found[0])
        elif name.startswith("kswapd"):
            log.reclaimers.add(found[0])
        return found

    def others(self, text: str) -> Iterator[Record | Event]:
        """The lines that have not the plain form of a record."""
        for line in text.split("\n"):
            self.log.lines += 1
            if match := _ANY_RECORD.match(line):
                record = self.record(match)
                self.log.records += record is not None
                event: Record | Event | None = record
            else:
                event = self.other(line)
            if event is not None:
                yield event

    def other(self, text: str) -> Event | None:
        """A line that is no record: an event to follow, or None after it was counted."""
        log = self.log
        match = _EVENT.match(text)
        if match is None or match[3] in KINDS:
            self.remark(text)
            return None
        head, time, name, rest = match.groups()
        name = name or ("<stack trace>" if rest.startswith("<stack trace") else "function")
        log.events[name] += 1
        if not FOLLOWED.match(name):
            return None
        with suppress(ValueError):
            return Event(log.lines, *(self.heads.get(head) or self.head(head)), float(time), name, rest)
        return None

    def remark(self, text: str) -> None:
        """A line that is no event: a comment, a part of a stack, or not understood."""
        log = self.log
        if cpus := _CPUS.search(text):
            log.cpus, log.told = max(log.cpus, min(int(cpus[1]), MOST_CPUS)), True
        if written := _WRITTEN.search(text):
            log.overwritten += max(0, int(written[2]) - int(written[1]))
        elif lost := _LOST.match(text):
            log.dropped += int(lost[1] or 1)
        elif text and not (text.startswith("#") or cpus or _STACK.match(text)):
            log.not_understood(log.lines, text)


_new = tuple.__new__  # a quarter of what Record(...) takes
