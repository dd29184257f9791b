"""What a log tells, as JSON."""

from __future__ import annotations

from typing import Any

from racecheck.observe.page import Page
from racecheck.observe.watch import Observation


def observation_json(seen: Observation) -> dict[str, Any]:
    """What ``racecheck observe --json`` prints; lines are those of the log, from 1."""
    return {
        "records": seen.log.records,
        "unparsed": seen.log.unparsed,
        "lost": seen.log.lost,
        "pages": [_page(page) for page in sorted(seen.pages.values(), key=lambda page: page.pfn)],
        "policies": {
            name: {"right": score.right, "false_skips": score.false_skips, "missed": score.missed}
            for name, score in seen.judge.scores.items()
        },
    }


def _page(page: Page) -> dict[str, Any]:
    return {
        "pfn": f"{page.pfn:#x}",
        "records": page.records,
        "reordered": page.reordered,
        "gaps": len(page.missing),
        "operations": page.operations,
        "unexplained": page.unexplained,
        "invariants": [
            {"rule": finding.rule, "line": finding.line, "judged": finding.judged}
            for finding in page.findings
        ],
    }
