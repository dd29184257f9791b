"""The table of a comparison: a row for each policy."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Literal

from attrs import frozen
from rich.table import Table

from racecheck.compare import Refused, Row
from racecheck.model import RUNGS
from racecheck.render.columns import count, filled, printed
from racecheck.render.progress import NEEDS, rung_text
from racecheck.verdicts.answer import NO_ATTACKER, Progress

WIDE = 130
"""Columns that the whole table needs; a narrower one has the most telling columns."""


def render_comparison(all_rows: Sequence[Row | Refused], width: int) -> str:
    """The table, what its rungs and columns mean, and what was the same in all rows."""
    rows = [row for row in all_rows if isinstance(row, Row)]
    refused = [row for row in all_rows if isinstance(row, Refused)]
    left_out = "\n".join(filled(f"{_name(row)}: not run: {row.error.message}", width) for row in refused)
    if not rows:
        return left_out + "\n"
    parts = [_head(rows, width), _table(rows, width)]
    parts += ["\n".join(filled(f"{rung}: {NEEDS[rung]}", width) for rung in _rungs(rows))]
    parts += ["\n".join(filled(f"{c.head}: {c.meaning}", width) for c in _shown(width) if c.meaning)]
    parts += [] if width >= WIDE else [filled(HIDDEN, width)]
    parts += [left_out, _small(rows, width), _others(rows, width)]
    return "\n\n".join(filter(None, parts)) + "\n"


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
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=True)
    shown = _shown(width)
    for name in rows[0].values:
        table.add_column(name, no_wrap=True)
    for column in shown:
        table.add_column(column.head, justify=column.justify)
    for row in rows:
        names = [_folded(str(value), width // 3) for value in row.values.values()]
        table.add_row(*names, *(column.cell(row, _found(row)) for column in shown))
    return printed(table, width)


def _shown(width: int) -> list[Column]:
    return [column for column in COLUMNS if width >= WIDE or not column.wide]


def _folded(name: str, width: int) -> str:
    """A name in lines of this width, broken behind underscores and plus signs."""
    lines = [""]
    for part in re.findall(r"[^_+]*[_+]?", name):
        if len(lines[-1]) + len(part) > width and lines[-1]:
            lines.append("  ")
        lines[-1] += part
    return "\n".join(lines)


def _found(row: Row) -> Progress:
    assert row.progress.progress is not None
    return row.progress.progress


def _rung(row: Row, found: Progress) -> str:
    if not found.at_least:
        return rung_text(found)
    if row.scaled is None:
        return f"unfinished ({rung_text(found)})" if found.rung else "unfinished"
    vary = next(name for name, value in row.scaled.parameters.items() if row.scaled.below[name] != value)
    real, small = row.report.parameters[vary], row.scaled.parameters[vary]
    least = f" ({rung_text(found)})" if found.rung else ""
    return f"unfinished{least} at {vary}={real}; scaled: {row.scaled.rung} at {vary}={small}"


def _way(_: Row, found: Progress) -> str:
    if NO_ATTACKER in found.notes:
        return NO_ATTACKER
    costs = [f"{name} {cost.least:,}, {count(cost.length, 'step')}" for name, cost in found.costs.items()]
    return "; ".join(costs) or ("-" if found.way is None else count(found.way, "step"))


def _attempts(_: Row, found: Progress) -> str:
    if found.block_probability is None:
        return "?"
    hangs = found.attempts is None or found.rung == RUNGS[-1]
    return "none" if hangs else str(found.attempts)


def _attacker(_: Row, found: Progress) -> str:
    """What the best attacker gets."""
    if found.block_probability is None:
        return "?"
    if found.expected_attempts is None:
        return f"blocks, p = {found.block_probability:.3g}"
    number = f"{found.expected_attempts:.3g}"
    return f"{number} attempt{'s' * (number != '1')}"


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


@frozen
class Column:
    """A column of the table, what stands in it for a row, and what that means."""

    head: str
    cell: Callable[[Row, Progress], str]
    meaning: str = ""
    justify: Literal["left", "right"] = "left"
    wide: bool = False


COLUMNS = (
    Column(
        "reads",
        lambda row, _: ", ".join(row.reads) or "-",
        "the words that the victim loads, in this order; a+b is one load",
        wide=True,
    ),
    Column("rung", _rung),
    Column(
        "way in",
        _way,
        "the least that the attacker must spend, and the number of steps that lead to the block",
    ),
    Column(
        "stall",
        lambda _, found: "-" if found.stall is None else str(found.stall),
        "the number of hostile processes that block while stopped in mid-operation; - if none can",
        "right",
        wide=True,
    ),
    Column(
        "attempts",
        _attempts,
        "that the victim needs at most once the attacker rests; none: no number is enough; ?: not known, "
        "the search did not end within its limits",
        "right",
    ),
    Column(
        "best attacker",
        _attacker,
        "under a random scheduler, the probability p that it comes from the start to block for good, or "
        "the number of attempts expected, from the worst quiet state, until the victim succeeds or is "
        "excused",
    ),
    Column(
        "tries excused",
        lambda _, found: "yes" if found.tried_while_excused else "no",
        "whether the victim tries where it is excused, too: what a policy fails to save",
        wide=True,
    ),
    Column("states", lambda row, _: f"{row.report.states:,}", justify="right", wide=True),
    Column("s", lambda row, _: f"{row.report.seconds:.1f}", justify="right", wide=True),
)
HIDDEN = f"{', '.join(c.head for c in COLUMNS if c.wide)}: on a terminal of {WIDE} columns, and with --json"
