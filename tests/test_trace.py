"""Traces: saved, read, run again, and refused when they no longer fit."""

import json
import textwrap

import pytest

from racecheck.api import report_on
from racecheck.errors import TraceError
from racecheck.load import load_model
from racecheck.replay import model_of, replay, replay_native
from racecheck.trace import load, save

MODEL = """
from racecheck import *

class Page(Shared):
    refcount = Atomic(1)
    lock = Lock()
    other = Lock()

def put(page):
    page.refcount.dec()

def first(page):
    page.lock.lock()
    page.other.lock()

def second(page):
    page.other.lock()
    page.lock.lock()

def guess(page):
    taken = choose(1, 2)
    page.refcount.add(taken)
    assert page.refcount != 3, "three"

@model
def page():
    page = Page()
    return Model(
        Process("a", first, page), Process("b", second, page), Process("c", guess, page),
        Process("d", put, page), always("refcount is positive", lambda: page.refcount > 0),
    )
"""


@pytest.fixture
def traces(tmp_path, monkeypatch):
    """The model's three traces, saved in a folder below the model's; by property."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("page.py").write_text(MODEL)
    folder, paths = tmp_path / "traces", {}
    for result in report_on(load_model("page.py")).results:
        if result.trace:
            paths[result.property] = folder / f"{result.kind}.trace.json"
            save(result.trace, paths[result.property])
    return paths


def run(path):
    """Replay a trace file."""
    trace = load(path)
    return replay(trace, model_of(trace, path))


def edit(path, change):
    """Rewrite a trace file."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_traces_are_shortest_and_replay(traces):
    """An always, an assert and a deadlock; as ordinary Python, too."""
    lengths = {name: len(load(path).steps) for name, path in traces.items()}
    assert lengths == {"refcount is positive": 1, "guess: three": 1, "deadlock": 2}
    for path in traces.values():
        trace = load(path)
        assert run(path).reproduced
        assert replay_native(trace, model_of(trace, path)) == ""


def test_model_is_found_from_the_trace_upwards(traces, tmp_path, monkeypatch):
    """From another current folder, the trace's own parents lead to the model."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run(traces["deadlock"]).reproduced


def test_line_numbers_only_inform(traces):
    """Another line in the model leaves the trace as it is."""
    edit(traces["deadlock"], lambda data: data["steps"][0].update(line=999))
    assert run(traces["deadlock"]).reproduced


@pytest.mark.parametrize(
    "change",
    [
        {"process": "e"},
        {"function": "other"},
        {"operation": "page.lock.unlock()"},
        {"choices": [3]},
        {"result": 7},
        {"changed": {"page.lock": 0}},
        {"events": ["never"]},
    ],
    ids=str,
)
def test_every_part_of_a_step_matters(traces, change):
    """A step that is not possible, or does something else, is named with what was enabled instead."""
    edit(traces["deadlock"], lambda data: data["steps"][1].update(change))
    replayed = run(traces["deadlock"])
    assert not replayed.reproduced
    assert replayed.step == 1
    assert any("page.other.lock()" in name for name in replayed.enabled)


def test_a_trace_that_stops_early_does_not_reproduce(traces):
    """The verdict is checked again in the last state."""
    for path in traces.values():
        edit(path, lambda data: data["steps"].pop())
        replayed = run(path)
        assert (replayed.reproduced, replayed.step) == (False, None)


def test_fixed_turns_the_verdict_round(traces):
    """A fixed trace is as recorded when it does not reproduce."""
    path = traces["deadlock"]
    edit(path, lambda data: data.update(fixed=True))
    assert run(path).reproduced
    assert not run(path).as_recorded
    edit(path, lambda data: data["steps"].pop())
    assert run(path).as_recorded


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ('{"racecheck": 1, "model"', "is not JSON"),
        ("[]", 'has no "racecheck" version'),
        ('{"racecheck": 2}', "is of version 2; this one reads 1"),
        ('{"racecheck": 1}', "is malformed"),
        ("[" * 100_000, "is not"),
    ],
)
def test_malformed_files_are_refused_in_one_line(tmp_path, text, message):
    """Not JSON, cut short, of another version, without its parts."""
    path = tmp_path / "x.trace.json"
    path.write_text(text)
    with pytest.raises(TraceError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_wrong_types_and_names_are_refused(traces):
    """A string for a number is not taken for one."""
    edit(traces["deadlock"], lambda data: data["steps"][0].update(line="12"))
    with pytest.raises(TraceError, match="is malformed: expected int, not '12'"):
        load(traces["deadlock"])


def test_a_trace_of_a_changed_model_names_it(traces, tmp_path):
    """A parameter or a model that is gone is an error, not a failed replay."""
    edit(traces["deadlock"], lambda data: data.update(parameters={"maps": 2}))
    with pytest.raises(TraceError, match="no parameter 'maps'"):
        run(traces["deadlock"])
    tmp_path.joinpath("page.py").unlink()
    with pytest.raises(TraceError, match="give --model FILE"):
        run(traces["deadlock"])


def test_saving_is_all_or_nothing(traces, monkeypatch):
    """A full disk leaves the old file, and no other."""
    path = traces["deadlock"]
    before = path.read_bytes()
    monkeypatch.setattr(json, "dump", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        save(load(path), path)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.tmp"))


pytest_plugins = ["pytester"]


def test_trace_files_are_tests(pytester):
    """pytest collects them, and shows the message alone when one no longer reproduces."""
    pytester.makepyfile(page=textwrap.dedent(MODEL))
    report = report_on(load_model(str(pytester.path / "page.py")))
    for result in report.results:
        if result.trace:
            save(result.trace, pytester.path / "traces" / f"{result.kind}.trace.json")
    edit(pytester.path / "traces" / "always.trace.json", lambda data: data["steps"].pop())
    outcome = pytester.runpytest("-p", "no:cacheprovider", "traces")
    outcome.assert_outcomes(passed=2, failed=1)
    outcome.stdout.fnmatch_lines(["*always.trace.json: NOT reproduced: every step is possible*"])
    outcome.stdout.no_fnmatch_line("*Traceback*")
