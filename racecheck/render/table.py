"""The table of a comparison: a row for each policy."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Literal

from rich.table import Table

from racecheck.compare import Refused, Row
from racecheck.render.columns import count, filled, printed
from racecheck.render.progress import NEEDS, rung_text
from racecheck.verdicts.progress import NO_ATTACKER, Progress

HEADS: dict[str, Literal["left", "right"]] = {
    "reads": "left",
    "rung": "left",
    "way in": "left",
    "stall": "right",
    "attempts": "right",
    "best attacker": "left",
    "tries excused": "left",
    "states": "right",
    "s": "right",
}
WIDE = 130
"""Columns that a table needs."""
MEANINGS = (
    "reads: the words that the victim loads, in this order; a+b is one load",
    "way in: the least that the attacker must spend, and the number of steps that lead to the block",
    "stall: the number of hostile processes that block while stopped in mid-operation; - if none can",
    "attempts: that the victim needs at most once the attacker rests; none: no number is enough",
    "best attacker: under a random scheduler, the probability p that it comes to block for good, or the "
    "number of attempts expected until the victim succeeds in spite of it",
    "tries excused: whether the victim tries where it is excused, too: what a policy fails to save",
)


def render_comparison(all_rows: Sequence[Row | Refused], width: int) -> str:
    """The table, what its rungs and columns mean, and what was the same in all rows."""
    rows = [row for row in all_rows if isinstance(row, Row)]
    refused = [row for row in all_rows if isinstance(row, Refused)]
    left_out = "\n".join(filled(f"{_name(row)}: not run: {row.error.message}", width) for row in refused)
    if not rows:
        return left_out + "\n"
    parts = [_head(rows, width), _table(rows, width)]
    parts += ["\n".join(filled(f"{rung}: {NEEDS[rung]}", width) for rung in _rungs(rows))]
    parts += ["\n".join(filled(text, width) for text in MEANINGS)]
    parts += [text for text in (left_out, _small(rows, width), _others(rows, width)) if text]
    return "\n\n".join(parts) + "\n"


def _head(rows: Sequence[Row], width: int) -> str:
    report, names = rows[0].report, rows[0].values
    same = ", ".join(f"{k}={v}" for k, v in report.parameters.items() if k not in names)
    goal = rows[0].progress.property
    lines = [
        f"{report.model}: what an attacker needs to keep the victim from {goal!r} for ever",
        f"in every row: {same}" if same else "",
        "sequential consistency; a fair scheduler; hostile processes may stay at a rest() for ever",
    ]
    return "\n".join(filled(line, width) for line in lines if line)


def _table(rows: Sequence[Row], width: int) -> str:
    if width < WIDE:
        return "\n".join(_listed(row, width) for row in rows)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=True)
    for name in rows[0].values:
        table.add_column(name, no_wrap=True)
    for name, justify in HEADS.items():
        table.add_column(name, justify=justify)
    for row in rows:
        table.add_row(*(str(value) for value in row.values.values()), *_cells(row))
    return printed(table, width)


def _listed(row: Row, width: int) -> str:
    """A row as a paragraph, for a narrow terminal."""
    cells = dict(zip(HEADS, _cells(row), strict=True))
    name, rung = _name(row), cells.pop("rung")
    details = "; ".join(f"{head} {cell}" for head, cell in cells.items())
    return f"{name}: {rung}\n" + textwrap.indent(textwrap.fill(details, width - 4), "    ")


def _cells(row: Row) -> list[str]:
    result, report = row.progress, row.report
    found = result.progress
    assert found is not None
    return [
        ", ".join(row.reads) or "-",
        _rung(row, found),
        _way(found),
        "-" if found.stall is None else str(found.stall),
        *_numbers(found),
        "yes" if found.tried_while_excused else "no",
        f"{report.states:,}",
        f"{report.seconds:.1f}",
    ]


def _rung(row: Row, found: Progress) -> str:
    if not found.at_least:
        return rung_text(found)
    text = f"unfinished ({rung_text(found)})" if found.rung else "unfinished"
    if row.scaled is not None:
        text += f"; {row.scaled.rung} when scaled"
    return text


def _way(found: Progress) -> str:
    if NO_ATTACKER in found.notes:
        return NO_ATTACKER
    costs = [f"{name} {cost.least:,}, {count(cost.length, 'step')}" for name, cost in found.costs.items()]
    return "; ".join(costs) or ("-" if found.way is None else count(found.way, "step"))


def _numbers(found: Progress) -> tuple[str, str]:
    """Attempts, and what the best attacker gets."""
    if found.block_probability is None:
        return "?", "?"
    attempts = "none" if found.attempts is None else str(found.attempts)
    if found.expected_attempts is None:
        return attempts, f"blocks, p = {found.block_probability:.3g}"
    number = f"{found.expected_attempts:.3g}"
    return attempts, f"{number} attempt{'s' * (number != '1')}"


def _rungs(rows: Sequence[Row]) -> list[str]:
    seen = {row.progress.progress.rung for row in rows if row.progress.progress}
    seen |= {row.scaled.rung for row in rows if row.scaled}
    return [rung for rung in NEEDS if rung in seen]


def _small(rows: Sequence[Row], width: int) -> str:
    """Where the scaled rungs come from."""
    lines = []
    for row in rows:
        if row.scaled is not None:
            at, below = (_given(p) for p in (row.scaled.parameters, row.scaled.below))
            lines.append(f"{_name(row)}: {row.scaled.rung} at {at}; {row.scaled.rung_below} at {below}")
    if not lines:
        return ""
    head = (
        "scaled, never a row's verdict: the same with small constants, where the rung changes just where "
        "the model predicts"
    )
    return "\n".join([filled(head, width), *(textwrap.indent(filled(x, width - 2), "  ") for x in lines)])


def _name(row: Row | Refused) -> str:
    return ", ".join(str(value) for value in row.values.values())


def _given(parameters: dict[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def _others(rows: Sequence[Row], width: int) -> str:
    """Other properties that do not hold."""
    lines = []
    for row in rows:
        for result in row.report.results:
            if result.progress is None and result.verdict in ("violated", "stuck"):
                lines.append(
                    filled(f"{_name(row)}: {result.verdict} {result.kind} {result.property!r}", width)
                )
    return "\n".join(lines)
