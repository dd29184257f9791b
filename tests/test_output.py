"""The text that users read, compared with saved files; ``UPDATE=1 pytest`` writes them anew."""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from racecheck.cli import cli

HERE = Path(__file__).parent
MODEL = """
from racecheck import *

class Page(Shared):
    refcount = Atomic(1)
    pair = Atomic(-1, bits=64)
    table = Array(Lock(), 2)
    ready = Flag()
    seen = Ghost(0)

def worker(page, first):
    page.table[first].lock()
    smp_mb()
    with atomic():
        page.refcount.inc()
        page.seen += 1
    page.table[1 - first].lock()
    event("both")
    page.table[1 - first].unlock()
    page.table[first].unlock()

def attacker(page):
    while True:
        rest()
        count, other = read_together(page.refcount, page.pair)
        if count > 1 and choose():
            page.pair.cmpxchg_acquire(other, -7)
        wait_until(lambda: page.ready == 1)

def scanner(page):
    while True:
        page.ready.test()
        event("skipped")

@model
def page(ready=False, attackers=1):
    page = Page(ready=ready)
    return Model(
        Process("left", worker, page, 0), Process("right", worker, page, 1),
        Process("attacker", attacker, page, role=HOSTILE, count=attackers),
        always("nobody touches pair", lambda: page.pair == -1),
        sometimes("refcount is three", lambda: page.refcount == 3),
        sometimes("refcount is four", lambda: page.refcount == 4),
        Process("scanner", scanner, page, role=VICTIM),
        progress("skipped", unless=lambda: page.seen > 5, cost={"seen": lambda: page.seen}),
    )
"""
CASES = {
    "check": ["check", "page.py"],
    "check-narrow": ["check", "page.py", "-p", "attackers=3"],
    "check-stopped": ["check", "page.py", "--max-states", "20"],
    "check-one": ["check", "page.py", "--property", "refcount is three"],
    "check-json": ["check", "page.py", "--property", "nobody touches pair", "--json"],
    "show": ["show", "page.py"],
    "show-json": ["show", "page.py", "--json"],
    "help": ["check", "--help"],
}


def check_snapshot(name, output):
    """Assert that the output is the one that was saved."""
    saved = HERE / "snapshots" / f"{name}.txt"
    if os.environ.get("UPDATE"):
        saved.write_text(output)
    assert output == saved.read_text()


@pytest.mark.parametrize("name", CASES)
def test_output(name, tmp_path, monkeypatch):
    """Verdicts, traces, graphs and help, at 100 and at 60 columns."""
    tmp_path.joinpath("page.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60" if "narrow" in name else "100")
    output = CliRunner().invoke(cli, CASES[name], standalone_mode=False).output
    output = re.sub(r"\d+\.\d\d s\b", "0.00 s", output)
    output = re.sub(r'"seconds": [\d.e-]+', '"seconds": 0.0', output)
    check_snapshot(name, output)
    lines = [line for line in output.splitlines() if not line.startswith("replay: ")]
    assert name.endswith("json") or max(map(len, lines)) <= int(os.environ["COLUMNS"])
