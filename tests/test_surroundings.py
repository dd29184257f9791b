"""Odd surroundings: broken trace files, closed streams, plain ASCII, little memory, and too much of all."""

import copy
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from racecheck.errors import TraceError
from racecheck.trace import load

COMMAND = [sys.executable, "-c", "from racecheck.cli import main; main()"]
MODEL = """
from racecheck import *

class Page(Shared):
    x = Atomic(0)

def p(page):
    page.x.inc()
    page.x.dec()

@model
def page(n=2):
    page = Page()
    return Model(Process("läufer", p, page, count=n), always("größer → 1", lambda: page.x < 2))
"""
GOOD = {
    "racecheck": 1,
    "model": "page.py::page",
    "parameters": {"n": 2},
    "memory": "sc",
    "property": "größer → 1",
    "kind": "always",
    "verdict": "violated",
    "fixed": False,
    "steps": [
        {"process": f"läufer {n}", "function": "p", "line": 8, "operation": "page.x.inc()",
         "choices": [], "result": None, "changed": {"page.x": n}, "events": []}
        for n in (1, 2)
    ],
    "cycle": [],
}  # fmt: skip
STEPS = GOOD["steps"]
# What of a trace is changed, and why it is refused then.
CHANGES = {
    "version": ({"racecheck": 2}, "is of version 2; this one reads 1"),
    "true": ({"racecheck": True}, "expected int, not True"),
    "memory": ({"memory": "tso"}, "its memory is 'tso'; this version has 'sc' only"),
    "kind": ({"kind": "hope"}, "its kind is 'hope'; this version replays always, assert, deadlock, pro"),
    "verdict": ({"verdict": "holds"}, "its verdict is 'holds'; a trace of kind always shows 'violated'"),
    "cycle": ({"cycle": STEPS}, "it has a cycle"),
    "fixed": ({"fixed": "yes"}, "expected bool, not 'yes' @ the trace.fixed"),
    "model": ({"model": 3}, "expected str, not 3 @ the trace.model"),
    "parameters": ({"parameters": [2]}, "expected a mapping @ the trace.parameters"),
    "more": ({"more": 1}, "extra fields found (more)"),
    "steps": ({"steps": "many"}, "expected a list, not 'many' @ the trace.steps"),
    "mapping": ({"steps": {}}, "expected a list, not a dict @ the trace.steps"),
    "step": ({"steps": ["inc"]}, "expected an object, not 'inc' @ the trace.steps[0]"),
    "empty step": ({"steps": [{}]}, "required field missing @ the trace.steps[0].process (and 3 more)"),
    "line": ({"steps": [STEPS[0] | {"line": 8.5}]}, "expected int, not 8.5 @ the trace.steps[0].line"),
    "choices": ({"steps": [STEPS[0] | {"choices": "a"}]}, "expected a list, not 'a'"),
    "choice": (
        {"steps": [STEPS[0] | {"choices": ["a"]}]},
        "expected a whole number, true or false, not 'a'",
    ),
    "changed": ({"steps": [STEPS[0] | {"changed": {"x": None}}]}, "expected int, not None"),
}
TEXTS = {
    "nothing": ("", "is not JSON, or cut short: it is empty"),
    "cut": (json.dumps(GOOD)[:-9], "is not JSON, or cut short"),
    "trailing": (json.dumps(GOOD) + "}", "is not JSON, or cut short: Extra data"),
    "deep": ("[" * 99999, "is not a trace: maximum recursion depth exceeded"),
    "digits": ('{"racecheck": ' + "1" * 5000 + "}", "is not a trace: Exceeds the limit"),
    "list": ("[]", 'is not a trace: it has no "racecheck" version'),
    "other": ('{"racecheck": 1}', "it has no steps; the file is cut short, or not a trace"),
}


@pytest.fixture
def folder(tmp_path):
    """A folder with a model and a trace of it."""
    tmp_path.joinpath("page.py").write_text(MODEL, encoding="utf-8")
    tmp_path.joinpath("good.trace.json").write_text(json.dumps(GOOD), encoding="utf-8-sig")
    return tmp_path


def run(folder, *arguments, shell="", **environment):
    """Run the command in the folder, the shell's commands before it; status, stdout and stderr."""
    arguments = ["bash", "-c", f'{shell} exec "$0" "$@"', *COMMAND, *arguments]
    done = subprocess.run(
        arguments,
        cwd=folder,
        capture_output=True,
        env=os.environ | environment,
        check=False,
        timeout=60,
        encoding="utf-8",
        errors="replace",
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", [*CHANGES, *TEXTS])
def test_malformed_traces(name, tmp_path):
    """Each gives one line with the file and what is wrong."""
    path = tmp_path / "bad.trace.json"
    change, message = CHANGES.get(name) or TEXTS[name]
    path.write_text(change if isinstance(change, str) else json.dumps(copy.deepcopy(GOOD) | change))
    with pytest.raises(TraceError) as caught:
        load(path)
    assert message in caught.value.message
    assert (caught.value.file, "\n" in str(caught.value)) == (str(path), False)


def test_replay_of_what_cannot_be_replayed(folder):
    """The good trace does, also with a byte order mark; the others are one message each."""
    folder.joinpath("bytes.trace.json").write_bytes(b"\x80\x81")
    names = ["good.trace.json", "bytes.trace.json", "gone.trace.json", "."]
    status, out, err = run(folder, "replay", *names)
    assert (status, out) == (2, "good.trace.json: reproduced: violated always 'größer → 1', 2 steps\n")
    assert [line.split(": ")[2:4] for line in err.splitlines()] == [
        ["is not JSON", "it is not text in UTF-8"],
        ["cannot be read", "No such file or directory"],
        ["cannot be read", "Is a directory"],
    ]
    status, out, err = run(folder, "replay", "--json", *names)
    assert (status, err) == (2, "")
    assert json.loads(out)["error"]["file"] == "bytes.trace.json"


def test_a_model_that_is_broken_since(folder):
    """The message names the trace, and the line of the model that is wrong."""
    folder.joinpath("page.py").write_text(MODEL.replace("page.x.dec()", "page.x.dec("), encoding="utf-8")
    status, _, err = run(folder, "replay", "good.trace.json")
    assert status == 2
    assert "good.trace.json: its model cannot be built: " in err
    assert "page.py:9: does not import: SyntaxError" in err


PLACES = {
    "file": ("/dev/full", "this is no folder, and none can be made: File exists"),
    "kernel": ("/proc/traces", "this is no folder, and none can be made"),
}


@pytest.mark.parametrize("name", PLACES)
def test_nowhere_to_save(name, folder):
    """Said before the search, which may be a long one."""
    where, message = PLACES[name]
    status, out, err = run(folder, "check", "page.py", "--save-traces", where)
    assert (status, out) == (2, "")
    assert f"racecheck: {where}: --save-traces: {message}" in err
    status, out, err = run(folder, "check", "page.py", "--save-traces", where, "--json")
    assert json.loads(out)["error"]["file"] == where


def test_the_report_is_kept_when_a_trace_is_not(folder):
    """No more room for files: the report is printed, then why the trace was not saved."""
    status, out, err = run(folder, "check", "page.py", "--save-traces", "new", shell="ulimit -f 0;")
    assert (status, "violated   always    größer → 1" in out) == (2, True)
    assert "the trace is not saved: File too large" in err
    assert not any(folder.joinpath("new").iterdir())


def test_streams_that_are_closed_or_full(folder):
    """No traceback, and a status that says no wrong thing."""
    assert run(folder, "check", "page.py", shell="exec >&-;") == (1, "", "")
    assert run(folder, "check", "gone.py", shell="exec 2>&-;") == (2, "", "")
    assert run(folder, "check", "gone.py", shell="exec 2>/dev/full;") == (2, "", "")
    for option in ("--no-symmetry", "--json"):
        status, _, err = run(folder, "check", "page.py", option, shell="exec >/dev/full;")
        assert (status, err) == (2, "racecheck: No space left on device: output\n")


def test_few_characters(folder):
    """Names that the output cannot hold are escaped; JSON has them all the same."""
    status, out, _ = run(folder, "check", "page.py", PYTHONIOENCODING="latin-1")
    assert (status, "er \\u2192 1" in out) == (1, True)
    for encoding in ("ascii", "utf-8"):
        _, out, _ = run(folder, "check", "page.py", "--json", PYTHONIOENCODING=encoding)
        assert json.loads(out)["results"][0]["property"] == "größer → 1"
    status, out, _ = run(folder, "check", "page.py", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert status == 1


@pytest.mark.parametrize("columns", [40, 80])
def test_narrow_terminals(columns, folder):
    """Only the command to copy may be wider than the terminal."""
    for command in ("check", "show"):
        _, out, _ = run(folder, command, "page.py", COLUMNS=str(columns))
        wide = [line for line in out.splitlines() if len(line) > columns]
        assert all(line.startswith("replay: ") for line in wide)


def test_little_memory(folder):
    """The search ends before the memory does, and says what grew."""
    arguments = ["check", "page.py", "-p", "n=30", "--no-symmetry"]
    status, out, err = run(folder, *arguments, shell="ulimit -v 200000;")
    assert (status, err) == (1, "")
    assert "STOPPED by memory: " in out
    assert "largest ranges so far: page.x" in out
    assert "unfinished deadlock" in out


@pytest.mark.parametrize("count", [100_000, 10**25])
def test_too_many_processes(count, folder):
    """At once, and not when the memory is used up."""
    status, _, err = run(folder, "check", "page.py", "-p", f"n={count}")
    assert status == 2
    assert f"page.py:14: {count:,} processes: at most 10,000 can be searched" in err


def test_an_explosion_of_calls(folder):
    """Functions that call each other twice, thirty deep, are refused in short time."""
    calls = "".join(f"def f{n}(page):\n    f{n - 1}(page)\n    f{n - 1}(page)\n" for n in range(1, 30))
    source = MODEL.replace("def p(", f"def f0(page): page.x.inc()\n{calls}def p(")
    folder.joinpath("page.py").write_text(source.replace("page.x.dec()", "f29(page)"), encoding="utf-8")
    status, _, err = run(folder, "check", "page.py")
    assert (status, "the process is too large with every call written out" in err) == (2, True)


def test_interrupted_while_the_model_is_built(folder):
    """Nothing is known yet: one word, and the status of a program that was interrupted."""
    slow = folder / "slow.py"
    slow.write_text("import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(30)\n")
    with subprocess.Popen([*COMMAND, "check", "slow.py"], cwd=folder, stderr=subprocess.PIPE) as process:
        while not folder.joinpath("begun").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err.split()) == (130, [b"racecheck:", b"interrupted"])


USAGE = {
    (): (2, "Usage: racecheck [OPTIONS] COMMAND"),
    ("chekc",): (2, "No such command 'chekc'. Did you mean 'check'? (see racecheck --help)"),
    ("check",): (2, "Missing argument 'FILE[::MODEL]'. (see racecheck check --help)"),
    ("check", "page.py", "--property", "no"): (
        2,
        "racecheck: page.py: no property 'no'; name one of 'größer",
    ),
    ("check", "page.py", "-p", "m=1"): (2, "page.py:12: model page has no parameter 'm'; it has n"),
}


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_usage(arguments, folder):
    """What to do next is in the message."""
    status, message = USAGE[arguments]
    found, out, err = run(folder, *arguments)
    assert (found, out) == (status, "")
    assert message in err


def test_a_model_that_prints(folder):
    """What the file prints is not the report."""
    folder.joinpath("page.py").write_text(f"print('hello')\n{MODEL}", encoding="utf-8")
    for command in ("check", "show"):
        _, out, err = run(folder, command, "page.py", "--json")
        assert (type(json.loads(out)), err) in ((dict, "hello\n"), (list, "hello\n"))
    _, out, err = run(folder, "replay", "good.trace.json", "--json")
    assert (json.loads(out)[0]["reproduced"], err) == (True, "hello\n")
