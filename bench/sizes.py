"""The sections on size: bytes a state, many identical mappers, and all policies of compaction."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from typing import Any

from cases import mapunmap
from ours import measured
from processes import ran
from rows import Ratio, Section
from setting import Setting

LADDER = (10, 20, 30, 40, 60, 80, 100, 125, 150, 175, 200, 250, 300, 400)
SECONDS = 60
MEMORY = 8 << 30
POLICIES = 27
MINUTE = 60


def memory(setting: Setting) -> tuple[Section, list[Ratio]]:
    """A whole search, and searches that stop at sizes from one doubling of a table to the next."""
    engine = setting.engines[0]
    compiled = engine == "compiled" and not setting.quick
    case, doubling = (mapunmap(10), 1 << 22) if compiled else (mapunmap(8), 1 << 18)
    sizes = [None, *(doubling * i // 8 for i in range(8, 16))]
    rows = [measured(case, engine, 1, max_states=size) for size in sizes]
    values = [{"states": row["states"], "bytes_per_state": row["memory"] / row["states"]} for row in rows]
    worst = max(row["bytes_per_state"] for row in values)
    cells = [[case.label, f"{row['states']:,}", f"{row['bytes_per_state']:.1f}"] for row in values]
    note = (
        f"{engine}, one core: the most memory during the search, less what was in use before, over states."
    )
    found = Section("Bytes a state", ["model", "states", "bytes/state"], cells, values, [note])
    return found, [Ratio("bytes a state, at the worst size", worst, 32, 18, at_most=True)]


def mappers(setting: Setting) -> tuple[Section, list[Ratio]]:
    """More and more identical mappers, with symmetry, until one search takes too long or too much."""
    engine, rows = setting.engines[0], []
    for n in LADDER[:2] if setting.quick else LADDER:
        row = {"n": n, **measured(mapunmap(n), engine, symmetry=True, max_seconds=SECONDS)}
        rows.append(row)
        if not _within(row):
            break
    done = [row for row in rows if _within(row)]
    head = ["mappers", "states", "transitions", "seconds", "MiB", "states grow as", "seconds grow as"]
    cells = [
        [*_size(row), *_powers(done, i)] if row in done else [*_size(row), "too much", ""]
        for i, row in enumerate(rows)
    ]
    notes = [
        f"{engine}, all cores, symmetry. Within {SECONDS} s for the whole process and 8 GiB.",
        "The last columns: the power of n by which the number has grown since the row before.",
    ]
    most = max((row["n"] for row in done), default=None)
    found = Section("Identical mappers", head, cells, rows, notes)
    return found, [Ratio("identical mappers in 60 s and 8 GB", most, 100, 200)]


def _within(row: dict[str, Any]) -> bool:
    return bool(row["complete"] and row["process"] < SECONDS and row["peak"] < MEMORY)


def _size(row: dict[str, Any]) -> list[str]:
    counts = f"{row['states']:,}", f"{row['transitions']:,}"
    return [str(row["n"]), *counts, f"{row['process']:.1f}", f"{row['peak'] / 2**20:,.0f}"]


def _powers(rows: Sequence[dict[str, Any]], i: int) -> list[str]:
    """How states, and seconds of search, have grown since the row before."""
    if i == 0:
        return ["", ""]
    before, now = rows[i - 1], rows[i]
    step = math.log(now["n"] / before["n"])
    return [f"n^{math.log(now[what] / before[what]) / step:.1f}" for what in ("states", "wall")]


def compare(setting: Setting) -> tuple[Section, list[Ratio]]:
    """``racecheck compare`` of all policies with the kernel's constants; with Python, a second each."""
    limit = 300 if setting.has("the compiled engine") and not setting.quick else 1
    command = [sys.executable, "-c", "from racecheck.cli import main; main()", "compare"]
    command += ["models/compaction.py", "--max-seconds", str(limit), "--json"]
    done = ran(command, fine=(0, 1, 3))
    reports = json.loads(done.out)
    unfinished = sum(_unfinished(report) for report in reports)
    largest = max(report["states"] for report in reports)
    cells = [
        [str(len(reports)), str(unfinished), f"{largest:,}", f"{done.wall:.1f}", f"{done.peak >> 20:,}"]
    ]
    head = ["policies", "unfinished", "largest states", "seconds", "MiB"]
    values = [{"policies": len(reports), "unfinished": unfinished, "seconds": done.wall}]
    minutes = None if unfinished else done.wall / MINUTE
    found = Section("All policies of compaction", head, cells, values, [f"At most {limit} s a policy."])
    return found, [Ratio("compare of all policies, minutes", minutes, 5, 1, at_most=True)]


def _unfinished(report: dict[str, Any]) -> bool:
    return any(result["verdict"] == "unfinished" for result in report["results"])
