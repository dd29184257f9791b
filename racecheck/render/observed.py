"""What a kernel log tells, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from racecheck.observe.attempts import MIGRATED, Attempt
from racecheck.observe.chronicle import ROWS, Row, merged
from racecheck.observe.parse import Log
from racecheck.observe.watch import Observation, Page
from racecheck.render.columns import count, filled, printed

PAGES = 30
"""Pages in the table; --json has all."""
LINES = 12
"""Line numbers, gaps and findings that are told of a page."""
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
        f"{count(log.lost, 'event')} lost, says the log" if log.lost else "the log says of no lost events"
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
    moved = (
        f"{page.moved:,} moved, {page.late:,} read late, {len(page.strays):,} written later than the window"
    )
    lines.append(f"order: {moved}; {count(len(page.missing), 'gap')}")
    lines += [
        f"  gap before line {gap.line}: refcount {gap.expected} expected, {gap.found} found"
        for gap in page.missing[:LINES]
    ]
    if page.unexplained:
        lines.append(f"no model explains lines {_lines(page.unexplained)}")
    else:
        lines.append("each record is of an operation of the models")
    lines += [*_findings(page)] or ["no invariant is broken"]
    yield "\n".join(filled(line, width) for line in lines)
    if page.chronicle is not None:
        yield _timeline(seen.log, merged(page.chronicle.rows, ROWS), width)


def _timeline(log: Log, rows: Sequence[Row], width: int) -> str:
    """What happened, in the order of the log."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=1)
    table.add_column("refcount", no_wrap=True)
    table.add_column("mapcount", no_wrap=True)
    for row in merged(rows, TOLD):
        refs, maps = _range(row.refs), _range(row.maps)
        table.add_row(
            str(row.line), f"{row.time:.6f}".rstrip("0").rstrip("."), row_text(log, row), refs, maps
        )
    return printed(table, width)


def row_text(log: Log, row: Row) -> str:
    """The operations of a row, and who made them."""
    made = [f"{number:,} x {name}" if number > 1 else name for name, number in row.operations.most_common()]
    who = [log.name_of(actor) for actor in list(row.who)[:3]] + ["others"] * (len(row.who) > 3)
    told = f"{', '.join(made)} by {', '.join(who)}" if made else ""
    return "; ".join(filter(None, (row.note, told)))


def _range(ends: tuple[int, int] | None) -> str:
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
    return f"{printed(table, width)}{more}\n{filled(what, width)}"


def _outcome(attempt: Attempt) -> str:
    if not attempt.passes:
        return attempt.outcome
    return (
        f"{attempt.outcome} in pass {attempt.passes}"
        if attempt.outcome == MIGRATED
        else (f"{attempt.outcome}, passes: {attempt.passes}")
    )


def _policies(seen: Observation, width: int) -> str:
    """How each policy would have done at these attempts."""
    total, held = seen.judge.heard, seen.judge.held
    if not total:
        return "no attempt of compaction is in this log: no policy can be judged"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("policy", "right skips", "false skips", "missed"):
        table.add_column(head, justify="left" if head == "policy" else "right", no_wrap=True)
    for name, score in seen.judge.scores.items():
        table.add_row(name, *(f"{number:,}" for number in (score.right, score.false_skips, score.missed)))
    what = f"At {count(total, 'attempt')}, others held the page at {held}: right skips are of held pages,"
    why = "false skips of pages that nobody held; missed are held pages that the policy would have tried."
    return f"{printed(table, width)}\n{filled(f'{what} {why}', width)}"
