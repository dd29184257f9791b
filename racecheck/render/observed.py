"""What a kernel log tells, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from racecheck.observe import lexicon as names
from racecheck.observe.attempts import FAILED, MIGRATED, PUT_BACK, SKIPPED, Attempt
from racecheck.observe.chronicle import ROWS, Row, merged
from racecheck.observe.page import Page
from racecheck.observe.parse import Log
from racecheck.observe.watch import Observation
from racecheck.render.columns import count, filled, printed

PAGES = 30
"""Pages in the table; --json has all."""
LINES = 12
"""Line numbers, gaps and findings that are told of a page."""
WHO = 4
"""Holders that are named of an attempt."""
DID = {SKIPPED: "s", MIGRATED: "m", FAILED: "f", PUT_BACK: "f"}
TOLD = 60
"""Rows of a timeline in a terminal."""


def render_observation(seen: Observation, name: str, width: int, policies: bool) -> str:
    """What a log tells of itself, its pages, compaction's attempts and, if asked for, the policies."""
    pages = sorted(seen.pages.values(), key=lambda page: -page.records)
    parts = ["\n".join(filled(line, width) for line in _head(seen.log, name, len(pages)))]
    if len(pages) == 1:
        parts += _detail(seen, pages[0], width)
    elif pages:
        parts += [_pages(pages, width), *_odd(pages, width)]
    parts += [_attempts(seen, width)] if seen.attempts else []
    parts += [_policies(seen, width)] if policies else []
    return "\n\n".join(filter(None, parts)) + "\n"


def _head(log: Log, name: str, pages: int) -> Iterator[str]:
    cpus = f"{count(log.cpus, 'CPU')}{'' if log.told else ' seen'}"
    yield f"{name}: {count(log.records, 'record')} of {count(pages, 'page')}, {cpus}"
    others = sum(log.events.values())
    if others:
        most = ", ".join(f"{event} {number:,}" for event, number in log.events.most_common(4))
        yield f"{count(others, 'other event')}: {most}{', ...' * (len(log.events) > 4)}"
    lost = (
        f"{count(log.lost, 'event')} lost, says the log" if log.lost else "the log tells of no lost events"
    )
    yield f"{count(log.unparsed, 'line')} not understood; {lost}"
    for line, text in log.examples:
        yield f"  line {line}: {text[:48]!r}"
    if not log.records:
        yield "no record of a refcount: docs/kernel-traces.md tells how to record one"
    if log.damage:
        yield f"the rest cannot be read: {log.damage}"
    if log.raw:
        yield "mapcounts are raw in this log (-1 is unmapped); here they are numbers of mappings"


def _pages(pages: Sequence[Page], width: int) -> str:
    """A row for each page, those with the most records first."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("page", "records", "reordered", "gaps", "unexplained", "broken"):
        table.add_column(head, justify="left" if head == "page" else "right", no_wrap=True)
    table.add_column("operations", overflow="fold", ratio=1)
    for page in pages[:PAGES]:
        numbers = (
            page.records,
            page.reordered,
            len(page.missing),
            len(page.unexplained),
            len(page.findings),
        )
        table.add_row(f"{page.pfn:#x}", *(f"{number:,}" for number in numbers), _operations(page))
    rest = pages[PAGES:]
    more = f"\nand {count(len(rest), 'page')} more; --json has all, --pfn shows one" if rest else ""
    return printed(table, width) + more


def _operations(page: Page) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in page.operations.items())


def _odd(pages: Sequence[Page], width: int) -> Iterator[str]:
    """What is not explained, and what broke a rule, on all pages."""
    lines = [
        f"page {page.pfn:#x}: no model explains lines {_lines(page.unexplained)}"
        for page in pages
        if page.unexplained
    ]
    lines += [f"page {page.pfn:#x}: {text}" for page in pages for text in _findings(page)]
    if lines:
        more = [f"and {len(lines) - LINES} more; --json has all"] if len(lines) > LINES else []
        yield "\n".join(filled(line, width) for line in [*lines[:LINES], *more])


def _lines(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:LINES])) + ", ..." * (len(numbers) > LINES)


def _findings(page: Page) -> Iterator[str]:
    for rule, line, judged, why in page.findings[:LINES]:
        yield f"line {line}: {judged}: {rule}: {why}"


def _detail(seen: Observation, page: Page, width: int) -> Iterator[str]:
    """Everything of one page."""
    lines = [f"page {page.pfn:#x}: {_operations(page) or 'no operation'}"]
    lines.append(f"order: {_skew(page)}; {count(len(page.missing), 'gap')}")
    lines += [
        f"  gap before line {gap.line}: refcount {gap.expected} expected, {gap.found} found"
        for gap in page.missing[:LINES]
    ]
    if page.unexplained:
        lines.append(f"no model explains lines {_lines(page.unexplained)}")
    else:
        other = [name for name in names.OF_NO_MODEL if name in page.operations]
        known = f", or of one that none has: {', '.join(other)}" if other else ""
        lines.append(f"each record is of an operation of the models{known}")
    lines += [*_findings(page)] or ["no invariant is broken"]
    yield "\n".join(filled(line, width) for line in lines)
    if page.chronicle is not None:
        yield _timeline(seen.log, merged(page.chronicle.rows, ROWS), width)


def _skew(page: Page) -> str:
    """How far the order of the changes is from that of the log."""
    if not page.reordered and not page.late:
        return "the log's"
    moved = f"{count(page.moved, 'record')} moved up, by at most {page.farthest:,}" if page.moved else ""
    read = f"{page.late:,} read up to {count(page.latest, 'change')} late" if page.late else ""
    late = (
        f"{len(page.strays):,} written later than the window of {page.order.window}" if page.strays else ""
    )
    return ", ".join(filter(None, (moved, read, late)))


def _timeline(log: Log, rows: Sequence[Row], width: int) -> str:
    """What happened, in the order of the log."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=1)
    table.add_column("refcount", no_wrap=True)
    table.add_column("mapcount", no_wrap=True)
    for row in merged(rows, TOLD):
        refs, maps = range_text(row.refs), range_text(row.maps)
        table.add_row(str(row.line), time_text(row.time), row_text(log, row), refs, maps)
    return printed(table, width)


def row_text(log: Log, row: Row) -> str:
    """The operations of a row, and who made them."""
    made = [f"{number:,} x {name}" if number > 1 else name for name, number in row.operations.most_common()]
    odd = [count(row.gaps, "gap")] * bool(row.gaps)
    odd += [f"{count(row.late, 'record')} written late"] * bool(row.late)
    if row.gaps + row.late == 1:
        odd = [row.detail]
    who = [log.name_of(actor) for actor in list(row.who)[:3]] + ["others"] * (len(row.who) > 3)
    told = f"{', '.join(made)} by {', '.join(who)}" if made else ""
    return "; ".join(filter(None, (row.note, *odd, told)))


def time_text(time: float) -> str:
    """A time stamp of any clock: seconds, or what it counts."""
    return f"{time:.0f}" if time >= 1e9 or time.is_integer() else f"{time:.6f}"


def range_text(ends: tuple[int, int] | None) -> str:
    """The lowest and highest value, or the only one."""
    if ends is None:
        return ""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _attempts(seen: Observation, width: int) -> str:
    """A row for each attempt of compaction, the last ones left out where there are too many."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("compaction", "page", "refcount", "mapcount", "held", "pins", "outcome"):
        table.add_column(head, justify="left" if head in ("page", "outcome") else "right", no_wrap=True)
    attempts = seen.attempts
    for page, attempt in attempts[:PAGES]:
        record = attempt.record
        numbers = (record.refcount, record.mapcount, attempt.references, attempt.pins)
        table.add_row(f"line {record.line}", f"{page.pfn:#x}", *map(str, numbers), _outcome(attempt))
    rest = seen.judge.heard - min(PAGES, len(attempts))
    more = f"\nand {count(rest, 'attempt')} more" if rest > 0 else ""
    what = (
        "held: references of others, but for mappings and the page cache; refcount with the scanner's own"
    )
    parts = [printed(table, width) + more, filled(what, width)]
    parts += [filled(line, width) for line in _holders(seen)]
    return "\n".join(parts)


def _holders(seen: Observation) -> Iterator[str]:
    """Who held the page at an attempt, as far as the log has it."""
    held = [attempt for _, attempt in seen.attempts if attempt.references]
    for attempt in held[:LINES]:
        known = ", ".join(holders_text(seen.log, attempt)) or "by somebody before the log began"
        yield f"line {attempt.record.line}: held {known}"


def holders_text(log: Log, attempt: Attempt) -> list[str]:
    """Some of those who held the page, and since which line."""
    return [f"by {log.name_of(record.actor)} since line {record.line}" for record in attempt.holders[:WHO]]


def _outcome(attempt: Attempt) -> str:
    if not attempt.passes:
        return attempt.outcome
    return (
        f"{attempt.outcome} in pass {attempt.passes}"
        if attempt.outcome == MIGRATED
        else (f"{attempt.outcome}, passes: {attempt.passes}")
    )


def _policies(seen: Observation, width: int) -> str:
    """How each policy would have done, in all and at each attempt, below what was true and was done."""
    total, held = seen.judge.heard, seen.judge.held
    if not total:
        return "no attempt of compaction is in this log: no policy can be judged"
    first = ["others held the page", "the kernel did"]
    room = max(8, width - max(map(len, [*first, *seen.judge.scores])) - 29)
    attempts = [attempt for _, attempt in seen.attempts][:room]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("policy", "right\nskips", "false\nskips", "missed", "each"):
        table.add_column(head, justify="left" if head in ("policy", "each") else "right", no_wrap=True)
    truth = "".join("y" if attempt.references else "-" for attempt in attempts)
    table.add_row(first[0], "", "", "", truth)
    table.add_row(first[1], "", "", "", "".join(DID.get(attempt.outcome, "?") for attempt in attempts))
    answers = [seen.judge.answers(attempt) for attempt in attempts]
    for name, score in seen.judge.scores.items():
        said = [_said(answer[name], attempt) for answer, attempt in zip(answers, attempts, strict=True)]
        numbers = (f"{number:,}" for number in (score.right, score.false_skips, score.missed))
        table.add_row(name, *numbers, "".join(said))
    what = (
        f"At {count(total, 'attempt')}, others held the page at {held}. Right skips (s) are of held pages,"
    )
    why = "false ones (F) of pages that nobody held; missed (M) are held pages that it would have tried;"
    each = (
        f"a dot is a right try. The kernel skipped (s), migrated (m), failed (f). At most {room} are shown."
    )
    return f"{printed(table, width)}\n{filled(f'{what} {why} {each}', width)}"


def _said(skips: bool, attempt: Attempt) -> str:
    """A policy's answer to an attempt, as a letter."""
    held = attempt.references > 0
    return ("s" if held else "F") if skips else ("M" if held else ".")
