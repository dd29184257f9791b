"""Options, parameters and files that do not fit: one message, status 2, and no traceback."""

import json
import subprocess
import sys

import pytest

from racecheck.errors import ModelError
from racecheck.load import load_model

MODEL = """
from racecheck import *

class Page(Shared):
    x = Atomic(1)

def worker(page):
    page.x.inc()

@model
def page(n=2, flag=False, way=one_of("a", "b")):
    page = Page()
    return Model(Process("worker", worker, page))
"""


def command(tmp_path, *arguments):
    """Exit status, stdout and stderr of the ``racecheck`` command in a folder with a model."""
    tmp_path.joinpath("page.py").write_text(MODEL)
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
    assert caught.value.line == MODEL[: MODEL.index("page = Page()")].count("\n") + 1
