"""Settled claims as text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from racecheck.claims import Settled
from racecheck.render.columns import count, filled

INDENT = " " * 5


def render_claims(settled: Sequence[Settled], traces: Sequence[Sequence[str]], width: int) -> str:
    """A paragraph for each claim: verdict, condition, numbers, the traces that decide it, the scope."""
    parts = [_paragraph(one, names, width) for one, names in zip(settled, traces, strict=True)]
    counts = Counter(one.verdict for one in settled)
    total = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    return "\n\n".join([*parts, filled(f"{count(len(settled), 'claim')}: {total}", width)]) + "\n"


def _paragraph(settled: Settled, traces: Sequence[str], width: int) -> str:
    claim = settled.claim
    head = f"{claim.id}  {settled.verdict:<10} {claim.by}: {claim.claim}"
    lines = [settled.condition] if settled.condition else []
    lines += [f"{name}: {number_text(n)}" for name, n in settled.numbers.items()]
    lines += [f"scope: {claim.scope}"] if claim.scope else []
    rest = [textwrap.indent(filled(line, width - len(INDENT)), INDENT) for line in lines]
    # Names of traces are not wrapped, so that they can be copied.
    return "\n".join([_hanging(head, width), *rest, *(INDENT + name for name in traces)])


def _hanging(text: str, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent=INDENT, break_on_hyphens=False)


def number_text(number: float | None) -> str:
    """A number that was sought: of a chance four digits."""
    return "none found" if number is None else f"{number:,.4g}" if number % 1 else f"{number:,.0f}"
