"""SPIN: its options, and a verifier that is built once and run again and again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from attrs import frozen
from cases import Case
from processes import ROOT, FailedError, Ran, ran


@frozen
class Options:
    """How the verifier is made and run; ``flat`` takes the model that is written as one process."""

    compiler: str
    flat: bool = False
    model: str = ""
    run: str = ""

    @property
    def deep(self) -> bool:
        """Whether the search is depth-first, and needs a stack of its own."""
        return "BFS" not in self.compiler

    @property
    def label(self) -> str:
        return " ".join(filter(None, [self.compiler, self.model, self.run, "(one process)" * self.flat]))


WHOLE = "-O2 -march=native -DSAFETY -DNOREDUCE"
"""Without partial-order reduction: every state."""
ONE_CORE = [Options(f"{WHOLE} -DNOCOMP -DBFS"), Options(f"{WHOLE} -DNOCOMP"), Options(WHOLE)]
NCORE = f"{WHOLE} -DNCORE=2 -DMEMLIM=16000"
TWO_CORES = [
    Options(f"{WHOLE} -DBFS_PAR"),
    Options(f"{NCORE} -DNOCOMP -DVMAX=128", run="-z1000"),
]
VERDICT = [
    Options("-O1 -DSAFETY -DNOREDUCE -DBFS"),
    Options("-O1 -DSAFETY -DBFS"),
    Options("-O1 -DSAFETY"),
    Options("-O2 -DSAFETY"),
]
MORE = [
    "-DBFS",
    "-DBFS -DSFH",
    "-DBFS -DMURMUR",
    "-DBFS -DVECTORSZ=128",
    "-DBFS -DNOBOUNDCHECK -DNOFAIR",
    "-DBFS -DNOCOMP -DNOVSZ",
    "-DSFH",
    "-DHASH32",
    "-DNOVSZ",
    "-DSPACE",
    "-DTRIX",
    "-DCOLLAPSE",
    "-DBFS_PAR",
]
TRIED_ON_ONE = [
    *ONE_CORE,
    *(Options(f"{WHOLE} {more}") for more in MORE),
    Options("-O2 -DSAFETY -DNOREDUCE -DNOCOMP -DBFS"),
    Options("-O2 -DSAFETY -DNOREDUCE -DNOCOMP"),
    Options("-O3 -march=native -DSAFETY -DNOREDUCE -DNOCOMP -DBFS"),
    Options("-O2 -march=native -DSAFETY -DBFS"),
    Options("-O2 -march=native -DSAFETY"),
    Options(f"{WHOLE} -DBFS", model="spin -o3"),
]
TRIED_ON_TWO = [
    *TWO_CORES,
    Options(f"{WHOLE} -DBFS_PAR -DNO_TDH"),
    Options(f"{WHOLE} -DBFS_PAR -DNOCOMP"),
    Options(f"{WHOLE} -DBFS_PAR -DNO_HC"),
    Options(NCORE),
    Options(f"{NCORE} -DNOCOMP"),
    Options(NCORE, run="-z100"),
    Options(NCORE, run="-z1000"),
]
"""All that was tried; ``run.py tune`` measures it again, and the model that is written as one process."""


@frozen
class Pan:
    """A verifier for a case; its hash table and its stack get the size for so many ``states``."""

    folder: Path
    options: Options
    states: int

    def search(self, cores: int | None) -> tuple[int, int, Ran]:
        """States, transitions and cost of one run.

        ``stored + matched`` counts the initial state, too. What pan calls elapsed is the search alone;
        with -DBFS_PAR it takes a second more to end.
        """
        command = ["./pan", "-n", f"-w{max(18, self.states.bit_length() + 1)}", *self.options.run.split()]
        if self.options.deep:
            command.append(f"-m{self.states + 1000}")
        if "BFS_PAR" in self.options.compiler:
            command.append(f"-u{cores or 2}")
        done = ran(command, cores, self.folder)
        if "errors: 0" not in done.out or "search depth too small" in done.out:
            raise FailedError(f"{self.options.label}:\n{done.out}")
        states, transitions = (self._number(what, done) for what in ("states, stored", "transitions"))
        return states, transitions - 1, done

    def _number(self, what: str, done: Ran) -> int:
        found = re.search(rf"^\s*(\S+) {what}", done.out, re.MULTILINE)
        if not found:
            raise FailedError(f"no {what!r} in what pan printed:\n{done.out}")
        return int(float(found[1]))


def elapsed(done: Ran) -> float:
    """Seconds of the search, as pan has them by the clock."""
    found = re.search(r"elapsed time (\S+) seconds", done.out)
    assert found, done.out
    return max(float(found[1]), 0.01)


def missing() -> str | None:
    """Why it can't run, if it can't."""
    names = [name for name in ("spin", "gcc") if not shutil.which(name)]
    return f"{names[0]} is not installed" if names else None


def version() -> str:
    first = [ran([name, flag]).out.splitlines()[0] for name, flag in (("spin", "-V"), ("gcc", "--version"))]
    return ", ".join(first)


def build(case: Case, options: Options, folder: Path, states: int) -> tuple[Pan, float]:
    """Write the verifier and compile it; how long both took."""
    folder.mkdir(parents=True)
    file = ROOT / "bench" / "spin" / f"{case.name}{'_flat' * options.flat}.pml"
    constants = [f"-D{name}={value}" for name, value in case.constants.items()]
    generated = ran(["spin", *options.model.split()[1:], *constants, "-a", str(file)], folder=folder)
    compiled = ran(["gcc", "-w", *options.compiler.split(), "-o", "pan", "pan.c"], folder=folder)
    return Pan(folder, options, states), generated.wall + compiled.wall


def same(ours: int, theirs: int) -> bool:
    """pan prints eight digits."""
    return f"{ours:.8g}" == f"{theirs:.8g}"
