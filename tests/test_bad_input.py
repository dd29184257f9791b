"""What is outside the language is refused with the line, the text, why, and what to write instead."""

import json
import subprocess
import sys
import textwrap

import pytest

from racecheck.api import report_on
from racecheck.errors import ModelError
from racecheck.load import load_model

MODEL = """
from racecheck import *

class Page(Shared):
    x = Atomic(1)
    y = Atomic(0)
    gap = Flag()
    z = Atomic(0)
    lock = Lock()
    row = Array(Atomic(0), 3)
    pins = Ghost(0)

def again(page):
    page.x.inc()
    again(page)

def two(page):
    if page.x.read():
        return 1

def worker(page):
    {body}

@model
def page(n=2, flag=False, way=one_of("a", "b")):
    page = Page()
    return Model(Process("worker", worker, page, role={role}), always("p", lambda: page.pins >= 0))
"""
LINE = 22
KERNEL = {
    "try:\n    pass\nexcept ValueError:\n    pass": "there are no exceptions",
    "raise ValueError": "there are no exceptions",
    "a = [1, 2]": "list",
    "a = {1: 2}": "dict",
    "a = page.x.read() / 2": "//",
    "a = page.x.read() ** 2": "**",
    "global a": "globals do not change",
    "import os": "import at the top",
    "a = f'{page}'": "f-string",
    "(a := 1)": ":=",
    "def f(): pass": "outside",
    "with open('x'): pass": "with atomic():",
    "a = page.x": "write .read()",
    "if page.x > 1: page.x.inc()": "write .read()",
    "page.x.add(page.y)": "write .read()",
    "a = page.pins": "a ghost is read only by",
    "page.x.increment()": "no operation 'increment'",
    "page.x.add()": "takes 1 argument",
    "page.x.add(1, 2)": "takes 1 argument",
    "page.x = 3": "changes by its methods",
    "again(page)": "recursion",
    "a = two(page)\npage.x.add(a)": "int on one way",
    "page.row[3].inc()": "index 3 is outside 0 to 2",
    "page.row[page.x.read() + 2].inc()": "index 3 is outside 0 to 2",
    "page.row[page.x.read() - 2].inc()": "index -1 is outside 0 to 2",
    "a = 1 // page.y.read()": "division by zero",
    "a = 1 << (page.y.read() - 1)": "shift by -1",
    "while choose(): pass": "without a step",
    "while True: pass": "more than 10,000 local operations",
    "for i in range(20000): pass": "more than 10,000 local operations",
    "rest()": "only a HOSTILE process rests",
    "event('early')": "before the first step",
    "page.pins += 1": "belongs to the step before it",
    "page.x.inc()\nif choose():\n    page.pins += 1": "belongs to the step before it",
    "page.x.inc()\npage.pins += page.x.inc_return() + page.pins": "on a line before",
    "a = read_together(page.x, page.z)": "next to each other",
    "a = read_together(page.x, page.lock)": "not values or locks",
    "wait_until(lambda: page.x == page.z)": "next to each other",
    "wait_until(lambda: 1 > 0)": "reads no shared word",
    "wait_until(lambda: page.x.read() == 1)": "without a method",
    "with atomic():\n    page.x.inc()\n    page.lock.lock()": "only the first operation",
    "with atomic():\n    choose()\n    page.lock.lock()": "only the first operation",
    "with atomic():\n    while page.x.read(): pass": "range()",
    "page.x.inc()\nevent(page.x.read())": "constant",
    "assert page.x == 1, page.x": "constant string",
    "assert page.x.read() == 1": "without a method",
    "page.x.inc()\nif choose():\n    a = 1\npage.x.add(a)": "before it is assigned",
    "page.x.add(a)": "not defined",
    "for i in page.row: i.inc()": "range()",
    "a = page.x.read() if page.lock.trylock() else page": "int",
    "print(page.x.read())": "outside the language",
}
HOSTILE = {
    "while True: page.x.inc()": "must pass a rest()",
    "with atomic():\n    rest()": "rest before it or after it",
}


def source(body, role="KERNEL"):
    """The text of a model whose worker has this body, from line LINE on."""
    return MODEL.format(body=textwrap.indent(body, "    ").lstrip(), role=role)


def refusal(tmp_path, body, role):
    """The error that checking the model gives."""
    path = tmp_path / "bad.py"
    path.write_text(source(body, role))
    with pytest.raises(ModelError) as caught:
        report_on(load_model(str(path)))
    return caught.value


@pytest.mark.parametrize("body", [*KERNEL, *HOSTILE])
def test_refused(body, tmp_path):
    """One line of message with what to do, at a line of the body or of what it calls."""
    error = refusal(tmp_path, body, "HOSTILE" if body in HOSTILE else "KERNEL")

    assert {**KERNEL, **HOSTILE}[body] in error.message
    assert error.file.endswith("bad.py")
    assert 13 <= error.line < LINE + len(body.splitlines())
    assert "\n" not in error.message


def command(tmp_path, *arguments):
    """Exit status, stdout and stderr of the ``racecheck`` command in a folder with a model."""
    tmp_path.joinpath("page.py").write_text(source("page.x.inc()"))
    run = [sys.executable, "-c", "from racecheck.cli import main; main()", *arguments]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


USAGE = {
    ("check", "page.py", "-p", "m=1"): "no parameter 'm'",
    ("check", "page.py", "-p", "n=x"): "an integer",
    ("check", "page.py", "-p", "flag=2"): "true or false",
    ("check", "page.py", "-p", "way=c"): "one of a, b",
    ("check", "page.py", "-p", "n"): "NAME=VALUE",
    ("check", "page.py", "--property", "q"): "'deadlock'",
    ("check", "page.py::other"): "page",
    ("check", "none.py"): "no such file",
    ("check", "."): "",
    ("check", "page.py", "--engine", "fast"): "reference",
    ("check", "page.py", "--max-states", "0"): "x>=1",
    ("replay", "none.trace.json"): "No such file",
    ("replay",): "TRACE",
    ("fly",): "fly",
}


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_usage_errors(arguments, tmp_path):
    """Exit status 2, one message on stderr, and no traceback; with --json an object on stdout."""
    status, out, err = command(tmp_path, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("racecheck: ")
    assert USAGE[arguments] in err
    assert "Traceback" not in err

    status, out, err = command(tmp_path, *arguments, "--json")
    assert (status, err) == (2, "")
    assert json.loads(out)["error"].keys() == {"message", "file", "line"}


BROKEN_FILES = {
    "syntax": ("def f(:\n", "SyntaxError", 1),
    "import": ("import racecheck\nimport nothing_of_that_name\n", "No module named", 2),
    "raises": ("x = 1\nx / 0\n", "ZeroDivisionError", 2),
    "exits": ("import sys\nsys.exit(0)\n", "SystemExit", 2),
    "empty": ("", "@", None),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_files_that_do_not_import(name, tmp_path):
    """The file and the line are those of the mistake."""
    text, message, line = BROKEN_FILES[name]
    tmp_path.joinpath("broken.py").write_text(text)
    status, out, _ = command(tmp_path, "check", "broken.py", "--json")
    error = json.loads(out)["error"]
    assert status == 2
    assert message in error["message"]
    assert (error["file"], error["line"]) == ("broken.py", line)


def test_an_atomic_outside_a_process(tmp_path):
    """A model function builds; it does not run the protocol."""
    path = tmp_path / "outside.py"
    path.write_text(
        MODEL.format(body="pass", role="KERNEL").replace("page = Page()", "page = Page(); page.x.inc()")
    )
    with pytest.raises(ModelError, match="outside a process") as caught:
        load_model(str(path))
    assert caught.value.line == LINE + 4
