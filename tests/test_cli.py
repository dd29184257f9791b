"""The command: exit status, JSON, interruption, and output that goes nowhere."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUN = [sys.executable, "-c", "from racecheck.cli import main; main()"]
LONG = ["check", "bench/models/mapunmap.py", "-p", "n=12", "--no-symmetry"]
PINNERS = ["check", "models/folio.py", "-p", "size=large", "-p", "page=anon", "-p", "pinners=2"]
BLOCKED = ["check", "models/compaction.py", "-p", "bias=8", "-p", "limit=2", "-p", "mappings=2"]


def run(*arguments, **options):
    """Run the command in the project's folder."""
    return subprocess.run(
        [*RUN, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, **options
    )


STATUS = {
    "all holds": (0, ["check", "bench/models/mapunmap.py"]),
    "violated": (1, [*PINNERS, "-p", "swapped=pin"]),
    "violated over unfinished": (1, ["check", "models/snapshot.py", "--max-states", "100"]),
    "unfinished": (3, ["check", "bench/models/mapunmap.py", "--max-states", "10"]),
    "out of time": (3, [*LONG, "--max-seconds", "0.2"]),
    "never blocked": (0, ["check", "models/compaction.py"]),
    "blocked": (1, [*BLOCKED, "-p", "policy=mainline_check"]),
    "blocked over unfinished": (1, [*BLOCKED, "-p", "policy=mainline_check", "--max-states", "95"]),
    "progress unfinished": (3, ["check", "models/compaction.py", "--max-states", "100"]),
    "compared": (1, ["compare", "models/compaction.py", *BLOCKED[2:], "-p", "attackers=pinner"]),
    "usage over all": (2, ["check", "models/snapshot.py", "--property", "none"]),
    "shown": (0, ["show", "models/compaction.py", "-p", "policy=mainline_check"]),
    "replayed": (0, ["replay", "--native", *map(str, sorted(ROOT.glob("traces/*folio*.trace.json")))]),
    "version": (0, ["--version"]),
}


@pytest.mark.parametrize("name", STATUS)
def test_exit_status(name):
    """2 for usage and model errors, over 1 for broken, over 3 for unfinished, over 0."""
    status, arguments = STATUS[name]
    done = run(*arguments)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_json_of_check():
    """The keys and values that scripts rely on."""
    data = json.loads(run(*PINNERS, "-p", "swapped=pin", "--json").stdout)
    assert (data["model"], data["memory"], data["engine"]) == ("models/folio.py::folio", "sc", "python")
    assert (data["symmetry"], data["complete"]) == (True, True)
    assert data["parameters"]["swapped"] == "pin"
    assert all(type(data[key]) is int for key in ("states", "transitions", "depth"))
    results = {result["property"]: result for result in data["results"]}
    assert results["deadlock"]["kind"] == "deadlock"
    broken = results["pincount never exceeds refcount"]
    assert (broken["kind"], broken["verdict"]) == ("always", "violated")
    assert broken["trace"]["steps"][0].keys() == {
        "process", "function", "line", "operation", "choices", "result", "changed", "events",
    }  # fmt: skip
    assert results["refcount covers mapcount"]["trace"] is None
    assert isinstance(data["never_happened"], list)


def test_json_of_progress():
    """What a progress result has beside the keys of every result, and what its trace has."""
    data = json.loads(
        run(*BLOCKED, "-p", "policy=mainline_check", "--property", "isolated", "--json").stdout
    )
    (result,) = data["results"]
    expected = {
        "property": "isolated", "kind": "progress", "verdict": "violated", "reason": None,
        "rung": "by racing", "at_least": False, "cost": {"mappings": 1}, "attempts": 2,
        "block_probability": 0.0, "tried_while_excused": True,
    }  # fmt: skip
    assert {key: result[key] for key in expected} == expected
    assert result.keys() - expected.keys() == {
        "trace", "stall", "costs", "cost_trace_length", "expected_attempts", "notes",
    }  # fmt: skip
    assert result["costs"]["mappings"].keys() == {"least", "length", "highest"}
    assert result["expected_attempts"] > 1
    trace = result["trace"]
    assert (trace["kind"], trace["verdict"], trace["rung"], trace["strategy"]) == (
        "progress", "violated", "by racing", [],
    )  # fmt: skip
    assert trace["cycle"][0].keys() == {
        "process", "function", "line", "operation", "choices", "result", "changed", "events",
    }  # fmt: skip


def test_json_of_replay():
    """One object for each trace."""
    (trace,) = ROOT.glob("traces/c02*order0*.trace.json")
    (data,) = json.loads(run("replay", "--json", str(trace)).stdout)
    assert data.keys() == {
        "trace", "model", "property", "verdict", "reproduced", "step", "expected", "enabled",
    }  # fmt: skip
    assert (data["reproduced"], data["step"]) == (True, None)


def test_engines_print_the_same():
    """All but the engine's name and the time."""
    outputs = []
    for engine in ("reference", "python"):
        data = json.loads(run("check", "models/snapshot.py", "--engine", engine, "--json").stdout)
        outputs.append({key: data[key] for key in data.keys() - {"engine", "seconds"}})
    assert outputs[0] == outputs[1]


def test_interrupt_reports_what_is_known():
    """Ctrl-C: unfinished, with the counts so far."""
    with subprocess.Popen([*RUN, *LONG], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "STOPPED by interrupted" in output
    assert "unfinished always    refcount >= mapcount (interrupted)" in output


def test_saved_traces_replay(tmp_path):
    """The command that the report ends with does what it says."""
    done = run(*PINNERS, "-p", "swapped=pin", "--save-traces", str(tmp_path))
    (line,) = [line for line in done.stdout.splitlines() if "pincount" in line and "replay: " in line]
    _, _, command = line.partition("racecheck ")
    again = run(*command.split())
    assert (again.returncode, again.stderr) == (0, "")


def test_a_full_disk_is_one_message():
    """Where nothing can be written, status 2 and why."""
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [*RUN, "show", "models/folio.py"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert process.returncode == 2
    assert b"No space left" in process.stderr
    assert b"Traceback" not in process.stderr


def test_a_reader_that_goes_away_is_no_error_message():
    """``racecheck show ... | head -1``."""
    command = (
        f"'{sys.executable}' -c 'from racecheck.cli import main; main()' show models/folio.py | head -1"
    )
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("shared\n", "")


def test_progress_is_shown_on_a_terminal_only():
    """States, rate, depth and frontier, on stderr."""
    assert run(*LONG, "--max-seconds", "0.5").stderr == ""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*RUN, *LONG, "--max-seconds", "1", "--engine", "python"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = b""
        while chunk := _read(leader):
            shown += chunk
    assert process.returncode == 3
    for word in (b"states", b"/s", b"depth", b"frontier"):
        assert word in shown


def test_pdb_stops_at_each_step_in_the_model():
    """``c`` goes from step to step; the prompt is at the line of the user's own source."""
    (trace,) = ROOT.glob("traces/c02*order0*.trace.json")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*RUN, "replay", "--pdb", str(trace)], cwd=ROOT, stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        os.write(leader, b"c\nc\nc\n")
        shown = b""
        while chunk := _read(leader):
            shown += chunk
    assert process.returncode == 0
    assert b"step 2 of 3, mapper 1: folio.pg_locked.lock()" in shown
    assert b"-> folio.pg_locked.lock()" in shown
    assert b"reproduced: violated" in shown


def _read(leader):
    try:
        return os.read(leader, 4096)
    except OSError:  # the other end is closed
        return b""
