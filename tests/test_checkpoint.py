"""A search that is killed goes on from its checkpoint; a checkpoint that is not its own is refused."""

import errno
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from racecheck.api import report_on
from racecheck.errors import UsageError
from racecheck.explore import checkpoint as checkpoints
from racecheck.explore.limits import Limits
from racecheck.load import load_model
from racecheck.report import report_json

MODEL = str(Path(__file__).parents[1] / "bench" / "models" / "mapunmap.py")
COUNTS = {"states": 180_224, "transitions": 1_441_792, "depth": 37}


def check(folder, max_states=None, n=7, **options):
    """Search with a checkpoint; what came out."""
    model = load_model(MODEL, [f"n={n}"])
    limits = Limits(max_states=max_states)
    return report_json(
        report_on(model, engine="compiled", symmetry=False, limits=limits, checkpoint=folder, **options)
    )


def counts(found):
    return {name: found[name] for name in COUNTS}


def test_a_stopped_search_goes_on(tmp_path):
    """Stopped twice, in the middle of a depth, and run again: the same answer, and once more."""
    for most in (30_000, 90_000):
        found = check(tmp_path, max_states=most)
        assert (found["complete"], found["states"] > most) == (False, True)
    assert counts(check(tmp_path)) == COUNTS
    assert counts(check(tmp_path)) == COUNTS
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.NAME]


SCRIPT = """
import sys
from pathlib import Path
from racecheck.explore import checkpoint, sweep
checkpoint.OFTEN = checkpoint.SHARE = 0
sweep.MOMENT = 0.001
sys.path.insert(0, sys.argv[1])
from test_checkpoint import check
check(Path(sys.argv[2]), n=8)
"""


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
def test_kill_at_any_moment(tmp_path, delay):
    """Even while the file is being written."""
    folder = tmp_path / "saved"
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(folder)])
    while not (folder / checkpoints.NAME).exists() and child.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert counts(check(folder, n=8)) == {"states": 786_432, "transitions": 7_077_888, "depth": 42}


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9, 0.999])
def test_a_damaged_file_is_refused(tmp_path, at):
    """A byte that has changed anywhere."""
    check(tmp_path, max_states=30_000)
    path = tmp_path / checkpoints.NAME
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"damaged .*delete it to begin anew"):
        check(tmp_path)


def test_a_cut_file_is_refused(tmp_path):
    check(tmp_path, max_states=30_000)
    path = tmp_path / checkpoints.NAME
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UsageError, match="damaged"):
        check(tmp_path)


def test_a_file_of_other_parameters_is_refused(tmp_path):
    check(tmp_path, max_states=30_000)
    with pytest.raises(UsageError, match="of another model, other parameters"):
        check(tmp_path, n=6)


def test_a_file_of_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / checkpoints.NAME, told=np.array(json.dumps({"version": 99})))
    with pytest.raises(UsageError, match="of version 99"):
        check(tmp_path)


def test_less_memory_than_it_takes(tmp_path):
    """It is kept, for one who gives more."""
    check(tmp_path, max_states=30_000)
    model = load_model(MODEL, ["n=7"])
    little = Limits(max_memory=1000)
    with pytest.raises(UsageError, match="more memory"):
        report_on(model, engine="compiled", symmetry=False, limits=little, checkpoint=tmp_path)
    assert counts(check(tmp_path)) == COUNTS


def test_a_full_disk(tmp_path, monkeypatch):
    """The old file still stands, and nothing is left of the new one."""
    check(tmp_path, max_states=30_000)
    before = (tmp_path / checkpoints.NAME).read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UsageError, match="No space left on device; free some space"):
        check(tmp_path, max_states=60_000)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize("engine", ["python", "reference"])
def test_other_engines_have_none(tmp_path, engine):
    with pytest.raises(UsageError, match=f"leave out --engine {engine}"):
        report_on(load_model(MODEL, ["n=2"]), engine=engine, checkpoint=tmp_path)
