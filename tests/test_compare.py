"""``racecheck compare``: one model under each value of its one_of parameters."""

import json
import subprocess
import sys

import pytest
from test_output import check_snapshot

from racecheck.cli import main

MODEL = """
from racecheck import *

class Page(Shared):
    refs = Atomic(0)
    maps = Atomic(0)
    taken = Flag()

def never_looks(page, bias):
    return False

def looks(page, bias):
    return page.refs.read() > 0

def looks_at_both(page, bias):
    refs, maps = read_together(page.refs, page.maps)
    return refs > maps

def counts(page, bias):
    return page.refs.read() >= bias

def looks_at_pins(page, bias):
    return True

def scanner(page, policy, bias):
    while True:
        if not policy(page, bias):
            page.taken.set()
            event("isolated")

def mapper(page, maps):
    held = 0
    while True:
        rest()
        if held < maps and choose():
            page.refs.inc()
            page.maps.inc()
            held += 1
        elif held > 0:
            page.maps.dec()
            page.refs.dec()
            held -= 1

def getter(page, maps):
    while True:
        rest()
        page.refs.inc()
        rest()
        page.refs.dec()

POLICIES = never_looks, looks, looks_at_both, counts, looks_at_pins

def small(policy, attacker, maps, bias, guess):
    if policy is counts:
        return dict(maps=guess - 1, bias=3), dict(maps=guess, bias=3)

@model
def page(policy=one_of(POLICIES), attacker=one_of(mapper, getter, compared=False), maps=3, bias=2, guess=3):
    if policy is looks_at_pins:
        raise UsageError("no such word: this page has no pins")
    page = Page()
    return Model(
        Process("scanner", scanner, page, policy, bias, role=VICTIM),
        Process("attacker", attacker, page, maps, role=HOSTILE),
        always("few references", lambda: page.refs < 3),
        progress("isolated", cost=dict(maps=lambda: page.maps)),
    )

page = page.scaled(small)

@model
def plain(maps=3):
    return Model(progress("isolated"))

@model
def safe(policy=one_of(POLICIES)):
    return Model(Process("getter", getter, Page(), 1, role=HOSTILE))
"""
PINS = "no such word: this page has no pins"
LARGE = ["-p", "maps=1100", "-p", "bias=1024", "--max-states", "100"]


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Exit status and output of ``racecheck compare`` on the model, with stderr after stdout."""
    tmp_path.joinpath("page.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.monotonic", lambda: 0.0)  # so that each row takes 0.0 s

    def run(*arguments, columns=100, where="page.py"):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("sys.argv", ["racecheck", "compare", where, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, "".join(capsys.readouterr())

    return run


@pytest.fixture
def rows(compare):
    """The rows of ``compare --json``, by the values of the compared parameters."""

    def run(*arguments):
        _, text = compare(*arguments, "--json")
        return {tuple(row["values"].values()): row for row in json.loads(text)}

    return run


def progress(row):
    """The result of a row's progress property."""
    return next(result for result in row["results"] if result["kind"] == "progress")


def rungs(rows):
    """The rung of each row; the message of one that was refused."""
    return {
        values: row["error"]["message"] if "error" in row else progress(row)["rung"]
        for values, row in rows.items()
    }


def test_rows(rows):
    """A row for each policy, in the order of the one_of; not one for each attacker."""
    assert rungs(rows()) == {
        ("never_looks",): "never",
        ("looks",): "at rest",
        ("looks_at_both",): "by racing",
        ("counts",): "at rest",
        ("looks_at_pins",): PINS,
    }


def test_the_way_in_and_the_words_that_are_read(rows):
    """Two steps for each mapping; what is only stored to is not read, a+b is one load."""
    found = rows()
    assert [row.get("reads") for row in found.values()] == [[], ["refs"], ["refs+maps"], ["refs"], None]
    assert {v[0]: progress(row)["cost_trace_length"] for v, row in found.items() if "error" not in row} == {
        "never_looks": None,
        "looks": 2,
        "looks_at_both": 0,
        "counts": 4,
    }


def test_over(rows):
    """Over other parameters than those that are compared by default, or over both."""
    one = {("mapper",): "by racing", ("getter",): "at rest"}
    assert rungs(rows("--over", "attacker", "-p", "policy=looks_at_both")) == one
    both = rungs(rows("--over", "attacker", "--over", "policy"))
    assert len(both) == 10
    assert both["mapper", "counts"] == "at rest"
    assert both["getter", "counts"] == "never"


def test_a_parameter_that_is_given_has_one_value(rows):
    """It is not compared, and is the same in every row."""
    found = rows("-p", "attacker=getter")
    assert rungs(found)["looks_at_both",] == "at rest"
    assert found["looks",]["parameters"]["attacker"] == "getter"


def test_json_is_that_of_check_and_more(rows, monkeypatch, capsys):
    """Each row is what ``check --json`` prints, with what only a comparison has."""
    row = rows()["counts",]
    monkeypatch.setattr("sys.argv", ["racecheck", "check", "page.py", "-p", "policy=counts", "--json"])
    with pytest.raises(SystemExit):
        main()
    checked = json.loads(capsys.readouterr().out)
    assert row == checked | {"values": {"policy": "counts"}, "reads": ["refs"], "scaled": None}


def test_a_refused_row_does_not_stop_the_others(compare, rows):
    """It says why, and where; and has no results."""
    row = rows()["looks_at_pins",]
    line = MODEL[: MODEL.index("raise UsageError")].count("\n") + 1
    error = {"message": PINS, "file": "page.py", "line": line}
    assert row | {"error": {**row["error"], "file": "page.py"}} == {
        "values": {"policy": "looks_at_pins"},
        "error": error,
    }
    assert f"looks_at_pins: not run: {PINS}" in compare()[1]


def test_a_row_that_hits_a_limit(rows):
    """It says what was found so far, and that more may be; a block at rest cannot be worse."""
    found = rows(*LARGE)
    assert {
        values[0]: (progress(row)["rung"], progress(row)["at_least"])
        for values, row in found.items()
        if "error" not in row
    } == {
        "never_looks": (None, True),
        "looks": ("at rest", False),
        "looks_at_both": ("by racing", True),
        "counts": (None, True),
    }


def test_a_smaller_likeness(compare, rows):
    """Beside an unfinished row, if its rung changes just where the model says."""
    at, below = ({"maps": maps, "bias": 3} for maps in (3, 2))
    scaled = {"parameters": at, "rung": "at rest", "below": {"parameters": below, "rung": "never"}}
    assert rows(*LARGE)["counts",]["scaled"] == scaled
    # Not where it does not change there, or is not known itself; nor beside a row that is finished.
    assert rows(*LARGE, "-p", "guess=4")["counts",]["scaled"] is None
    assert rows(*LARGE[:-1], "10")["counts",]["scaled"] is None
    assert rows("-p", "guess=3")["counts",]["scaled"] is None
    # Nor for a policy of which the model predicts nothing.
    assert rows(*LARGE)["looks_at_both",]["scaled"] is None
    assert "counts: at rest at maps=3 bias=3; never at maps=2 bias=3" in compare(*LARGE)[1]


STATUS = {
    # At rest is violated; so is one row of several.
    (): 1,
    ("-p", "policy=looks", "--over", "attacker"): 1,
    # A search that stopped before it saw more than two references.
    ("-p", "policy=never_looks", "--over", "attacker", "--max-states", "10"): 3,
    # Neither attacker takes more than two references.
    ("-p", "policy=never_looks", "--over", "attacker", "-p", "maps=2"): 0,
}


@pytest.mark.parametrize("arguments", STATUS, ids=" ".join)
def test_exit_status(arguments, compare):
    """Violated over unfinished over ok."""
    assert compare(*arguments)[0] == STATUS[arguments]


ERRORS = {
    ("--over", "maps"): "page.py: --over maps: it is no one_of(...) of model page",
    ("--over", "mapps"): "page.py: --over mapps: it is no parameter of model page",
    (
        "--over",
        "policy",
        "-p",
        "policy=looks",
    ): "--over policy: -p policy=... gives it one value; leave",
    ("-p", "policy=looks"): "model page: name what to compare with --over: attacker",
    ("-p", "policy=sees"): "parameter policy='sees': policy is one of never_looks, looks, looks_at_both",
    ("-p", "map=1"): "model page has no parameter 'map'; did you mean 'maps'?",
    ("::plain",): "model plain: it has no one_of(...) parameter to compare",
    ("::safe",): "model safe: it has no progress(...) property to compare by",
    ("::other",): "no model 'other'",
    ("--max-states", "0"): "0 is not in the range x>=1",
}


@pytest.mark.parametrize("arguments", ERRORS, ids=" ".join)
def test_errors(arguments, compare):
    """One message, and status 2."""
    first, *others = arguments
    if first.startswith("::"):
        status, text = compare(*others, where=f"page.py{first}")
    else:
        status, text = compare(*arguments)
    assert (status, text.count("\n")) == (2, 1)
    assert text.startswith("racecheck: ")
    assert ERRORS[arguments] in text


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("name", ["all", "stopped"])
def test_output(name, columns, compare):
    """Fewer columns on a narrow terminal; what each means, and where scaled rungs come from."""
    _, text = compare(*(LARGE if name == "stopped" else []), columns=columns)
    check_snapshot(f"compare-{name}-{columns}", text)
    assert max(map(len, text.splitlines())) <= columns


def test_a_model_that_breaks_stops_the_comparison(tmp_path):
    """What a model refuses by a UsageError is a row of its own; a model that refuses all is status 2."""
    source = "from racecheck import *\n@model\ndef page(way=one_of('a', 'b')):\n    {body}\n"
    file = tmp_path / "page.py"
    for body, said in (
        ("1 / 0", "ZeroDivisionError"),
        ("raise UsageError('not this way')", "not this way"),
    ):
        file.write_text(source.format(body=body), encoding="utf-8")
        run = [sys.executable, "-c", "from racecheck.cli import main; main()", "compare", str(file)]
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        assert said in done.stdout + done.stderr
