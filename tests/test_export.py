"""Traces for other tools: what is written says the same as the trace."""

import json
import subprocess
import sys

from attrs import evolve
from drawn import GUARD, MODEL, traced, written

from racecheck.explore.path import Run
from racecheck.export import to_itf, to_pytest
from racecheck.semantics import State
from racecheck.trace import parse


def test_itf(tmp_path):
    """A state for each of the run's; the values are those of the steps, and the cycle is the loop."""
    _, program, trace, run = traced(written(tmp_path, GUARD), tmp_path)
    data = json.loads(to_itf(program, trace, run))
    assert data["#meta"]["format"] == "ITF"
    assert data["vars"] == ["page.refs", "watcher", "mapper", "step"]
    assert [state["#meta"]["index"] for state in data["states"]] == [0, 1]
    assert [state["page.refs"] for state in data["states"]] == [1, 2]
    assert all(set(state) == {"#meta", *data["vars"]} for state in data["states"])
    assert data["loop"] == 1
    assert data["states"][1]["step"] == "mapper: page.refs.inc() in mapper()"


def test_itf_without_a_loop(tmp_path):
    """The trace of a safety property has every state, and no loop."""
    _, program, trace, run = traced(written(tmp_path, MODEL), tmp_path)
    data = json.loads(to_itf(program, trace, run))
    assert (len(data["states"]), "loop" in data) == (len(trace.steps) + 1, False)


def test_large_ints(tmp_path):
    """Beyond what JavaScript holds exactly, as ITF writes them."""
    _, program, trace, run = traced(written(tmp_path, MODEL), tmp_path)
    shared = (2**53, 0, -(2**60))
    states = (State(shared, run.states[0].places), *run.states[1:])
    first = json.loads(to_itf(program, trace, Run(states, run.moves)))["states"][0]
    values = [first[slot.label] for slot in program.slots]
    assert values == [{"#bigint": "9007199254740992"}, 0, {"#bigint": "-1152921504606846976"}]


def run_test(folder, text):
    """The exit status and the output of pytest on this file."""
    folder.joinpath("test_it.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


def test_pytest(tmp_path):
    """The file passes while the schedule is possible, and fails with the report when it is not."""
    _, _, trace, _ = traced(written(tmp_path, GUARD), tmp_path)
    short = evolve(trace, model="page.py::guard")
    assert run_test(tmp_path, to_pytest(short))[0] == 0
    written(tmp_path, GUARD.replace("page.refs.inc()", "page.refs.add(1)"))
    status, out = run_test(tmp_path, to_pytest(short))
    assert status == 1
    assert f"NOT reproduced: step 1 of {len(short.steps + short.cycle)} is not possible" in out
    assert run_test(tmp_path, to_pytest(evolve(short, fixed=True)))[0] == 0


def test_pytest_trusts_no_name(tmp_path):
    """A property's name is data in the file: it reads back as it was."""
    _, _, trace, _ = traced(written(tmp_path, MODEL), tmp_path)
    names = {}
    trace = evolve(trace, property='"""\nimport os #')
    exec(compile(to_pytest(trace), "t", "exec"), names)
    assert parse(names["TRACE"], "t") == trace


def test_the_command(tmp_path):
    """It writes the file and prints its name; a trace that is none is one message."""
    path, *_ = traced(written(tmp_path, GUARD), tmp_path)
    command = [sys.executable, "-c", "from racecheck.cli import main; main()", "export"]
    for kind in ("pytest", "itf"):
        out = tmp_path / f"out.{kind}"
        done = subprocess.run(
            [*command, str(path), "--to", kind, "-o", str(out)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{out}\n", "")
        assert out.stat().st_size > 500
    done = subprocess.run(
        [*command, str(tmp_path / "page.py"), "--to", "itf", "-o", "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
