"""A page of a kernel log as HTML: its timeline, operations, attempts and what broke a rule."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

from racecheck.observe.chronicle import ROWS, Row, merged
from racecheck.observe.page import Page
from racecheck.observe.watch import Observation
from racecheck.render.columns import count
from racecheck.render.observed import holders_text, range_text, row_text, time_text
from racecheck.render.palette import style
from racecheck.render.svg import clean

CSS = """\
body{font-family:ui-sans-serif,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;color-scheme:light dark}
body{max-width:1040px;margin:1em auto;padding:0 1em}
table{border-collapse:collapse;font-size:13px}
td,th{padding:2px 10px 2px 0;text-align:left;vertical-align:top}
.scroll{overflow-x:auto}
"""


def timeline_html(seen: Observation, page: Page, picture: str, name: str) -> str:
    """The page: picture, what happened, attempts and what each policy would have said. No script."""
    looks = style() + CSS
    digest = base64.b64encode(hashlib.sha256(looks.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    assert page.chronicle is not None
    rows = merged(page.chronicle.rows, ROWS)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>page {page.pfn:#x}</title><style>{looks}</style></head><body>",
        f"<h1>page {page.pfn:#x}</h1><p>{clean(name)}: {page.records:,} records; {_summary(page)}</p>",
        f'<div class="scroll">{picture.replace(f"<style>{style()}</style>", "")}</div>',
        "<h2>operations</h2>",
        _table(("operation", "times"), [(name, f"{n:,}") for name, n in page.operations.items()]),
        "<h2>what happened</h2>",
        _table(("line", "time", "what", "refcount", "mapcount"), [_row(seen, row) for row in rows]),
        *_judged(page),
        *_attempted(seen, page),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _summary(page: Page) -> str:
    gaps, unexplained = count(len(page.missing), "gap"), f"{len(page.unexplained):,} unexplained"
    return f"{page.reordered:,} were written in another order, {gaps}, {unexplained}"


def _row(seen: Observation, row: Row) -> tuple[str, ...]:
    return (
        f"{row.line}",
        time_text(row.time),
        row_text(seen.log, row),
        range_text(row.refs),
        range_text(row.maps),
    )


def _judged(page: Page) -> list[str]:
    if not page.findings:
        return ["<h2>invariants</h2><p>none is broken</p>"]
    rows = [(f"{line}", judged, rule, why) for rule, line, judged, why in page.findings]
    return ["<h2>invariants</h2>", _table(("line", "judged", "rule", "why"), rows)]


def _attempted(seen: Observation, page: Page) -> list[str]:
    """The attempts, and which policies would have skipped the page at each."""
    if not page.attempts:
        return []
    rows = []
    for attempt in page.attempts:
        skips = [name for name, skip in seen.judge.answers(attempt).items() if skip]
        held = ": ".join(
            filter(None, (f"{attempt.references}", ", ".join(holders_text(seen.log, attempt))))
        )
        counts = f"{attempt.record.refcount}", f"{attempt.record.mapcount}", held
        rows.append((f"{attempt.record.line}", *counts, attempt.outcome, ", ".join(skips) or "none"))
    head = (
        "line",
        "refcount",
        "mapcount",
        "held by others",
        "outcome",
        "policies that would have skipped it",
    )
    return ["<h2>attempts of compaction</h2>", _table(head, rows)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    heads = "".join(f"<th>{clean(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{clean(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{heads}</tr>{body}</table></div>'
