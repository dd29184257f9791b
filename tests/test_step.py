"""Stepping through a trace by commands, one a line."""

import subprocess
import sys

import pytest
from drawn import GUARD, MODEL, traced, written

from racecheck.stepping import Walk, go

WIDTH = 120


def said(folder, *commands, source=GUARD):
    """What is written at the start and after each command."""
    _, program, trace, run = traced(written(folder, source), folder)
    parts = []
    go(Walk(program, trace, run, WIDTH), commands, parts.append)
    return parts


def test_forwards_and_backwards(tmp_path):
    """The state after two steps and one back is that after one."""
    parts = said(tmp_path, "next", "", "back", "first", "last", "n")
    assert parts[1] == parts[3]
    assert parts[0] == parts[4]
    assert parts[2] == parts[5]
    assert parts[6] == "this is the end of the trace"
    assert parts[0].splitlines() == [
        "start: violated progress 'alone'",
        "  values  page.refs 1",
        "  places  watcher: 9a, mapper: rests held=0",
        "        1  watcher: page.refs.read() in watcher()",
        "  next  2  mapper: page.refs.inc() in mapper()",
        "  not excused progress 'alone'",
    ]
    assert parts[1].splitlines()[:2] == [
        "step 1 of 2, mapper: page.refs.inc() in mapper()",
        "  values  page.refs 2 (was 1)",
    ]
    assert parts[2].startswith("step 2 of 2, in the cycle, watcher: ")


def test_leaving_the_trace(tmp_path):
    """Another move may be taken; then there is no next, until one is back."""
    parts = said(tmp_path, "1", "next", "back", "next", "9", "b", "b")
    assert parts[1].startswith("step 1, off the trace, watcher: page.refs.read() in watcher()")
    assert parts[2] == "the trace was left: back leads to it, a number takes another move"
    assert parts[4].startswith("step 1 of 2, mapper: ")
    assert parts[5] == "there is no move 9; there are 2"
    assert parts[7] == "this is the start"


def test_properties_in_the_state(tmp_path):
    """Each with its truth in this very state, not in the whole model."""
    parts = said(tmp_path, "last", source=MODEL)
    assert "  true    always" in parts[0]
    assert "  false   always" in parts[1]
    assert "  false   sometimes 'all'" in parts[0]


@pytest.mark.parametrize("word", ["fly", "-1", "²", "1" * 30, "x y"])
def test_what_is_no_command(word, tmp_path):
    """The message tells what there is."""
    (message,) = said(tmp_path, word, "quit", "next")[1:]
    assert "there is no move" in message or "is no command; there are next" in message


def test_help_and_the_end_of_the_input(tmp_path):
    """The commands by name; the end of the input ends it, and so does quit."""
    assert said(tmp_path, "help")[1].startswith("next (or an empty line), back")
    assert len(said(tmp_path, "q", "n")) == 1


def test_the_command(tmp_path):
    """Commands come from stdin when it is no terminal; one trace at a time."""
    path, *_ = traced(written(tmp_path, GUARD), tmp_path)
    command = [sys.executable, "-c", "from racecheck.cli import main; main()", "replay", "--step"]
    done = subprocess.run(
        [*command, str(path)], input="n\nq\n", capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("  values  ") == 2
    done = subprocess.run([*command, str(path), str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--step goes through one trace, not 2" in done.stderr
