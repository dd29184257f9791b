"""SPIN: its options, and a verifier that is built once and run again and again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from attrs import frozen
from cases import Case
from processes import ROOT, FailedError, Ran, ran

COMMON = "-O2 -DSAFETY"


@frozen
class Options:
    """How the verifier is compiled; ``flat`` takes the model that is written as one process."""

    compiler: str
    flat: bool = False
    model: str = ""

    @property
    def deep(self) -> bool:
        """Whether the search is depth-first, and needs a stack of its own."""
        return "BFS" not in self.compiler

    @property
    def label(self) -> str:
        return " ".join(filter(None, [self.compiler, self.model, "(one process)" * self.flat]))


ONE_CORE = [Options(f"{COMMON} -DNOREDUCE -DBFS"), Options(f"{COMMON} -DNOREDUCE")]
TWO_CORES = [
    Options(f"{COMMON} -DNOREDUCE -DBFS_PAR"),
    Options(f"{COMMON} -DNOREDUCE -DNCORE=2 -DMEMLIM=16000"),
]
VERDICT = [
    Options("-O1 -DSAFETY -DNOREDUCE -DBFS"),
    Options("-O1 -DSAFETY -DBFS"),
    Options("-O1 -DSAFETY"),
    Options(f"{COMMON} -DBFS"),
]
"""With partial-order reduction, and without."""
TRIED = [
    *ONE_CORE,
    *(
        Options(f"{COMMON} -DNOREDUCE {more}")
        for more in (
            "-march=native",
            "-DBFS -march=native",
            "-DBFS -DNOCOMP",
            "-DBFS -DSFH",
            "-DBFS -DMURMUR",
            "-DBFS -DVECTORSZ=128",
            "-DBFS -DNOBOUNDCHECK -DNOFAIR",
            "-DNOCOMP",
            "-DSFH",
            "-DHASH32",
            "-DNOVSZ",
            "-DSPACE",
            "-DTRIX",
            "-DCOLLAPSE",
            "-DBFS_PAR",
        )
    ),
    Options("-O3 -DSAFETY -DNOREDUCE -DBFS"),
    Options("-O3 -DSAFETY -DNOREDUCE"),
    Options(f"{COMMON} -DBFS"),
    Options(COMMON),
    Options(f"{COMMON} -DNOREDUCE -DBFS", model="spin -o3"),
    Options(f"{COMMON} -DNOREDUCE -DBFS", flat=True),
    Options(f"{COMMON} -DNOREDUCE", flat=True),
]
"""All that was tried on one core; ``run.py --tune`` measures them again."""


@frozen
class Pan:
    """A verifier for a case; its hash table and its stack get the size for so many ``states``."""

    folder: Path
    options: Options
    states: int

    def search(self, cores: int | None) -> tuple[int, int, Ran]:
        """States, transitions and cost of one run. ``stored + matched`` counts the initial state, too."""
        command = ["./pan", "-n", f"-w{max(18, self.states.bit_length() + 1)}"]
        if self.options.deep:
            command.append(f"-m{self.states + 1000}")
        if "BFS_PAR" in self.options.compiler:
            command.append(f"-u{cores or 2}")
        done = ran(command, cores, self.folder)
        if "errors: 0" not in done.out or "search depth too small" in done.out:
            raise FailedError(f"{self.options.label}:\n{done.out}")
        return self._number("states, stored", done), self._number("transitions", done) - 1, done

    def _number(self, what: str, done: Ran) -> int:
        found = re.search(rf"^\s*(\S+) {what}", done.out, re.MULTILINE)
        if not found:
            raise FailedError(f"no {what!r} in what pan printed:\n{done.out}")
        return int(float(found[1]))


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
