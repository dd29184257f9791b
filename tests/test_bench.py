"""The benchmark's peers search the same spaces."""

import json
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

RUN = Path(__file__).parents[1] / "bench" / "run.py"


def test_counts_agree_with_spin():
    """States and transitions of small cases; the benchmark stops if they differ."""
    for program in ("spin", "gcc"):
        if not which(program):
            pytest.skip(f"{program} is not installed")
    done = subprocess.run(
        [sys.executable, RUN, "agree", "--json"], check=True, stdout=subprocess.PIPE, timeout=300
    )
    counts, tools = {}, {}
    for row in json.loads(done.stdout)["agree"]:
        if "symmetry" not in row["model"]:
            counts.setdefault(row["model"].split()[0], set()).add((row["states"], row["transitions"]))
            tools.setdefault(row["model"].split()[0], set()).add(row["tool"].split()[0])
    assert set(counts) == {"mapunmap", "compaction", "locks"}
    assert all(len(found) == 1 for found in counts.values())
    assert all({"python", "SPIN"} <= found for found in tools.values())
