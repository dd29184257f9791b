"""Peers that may be on the machine: TLC, if there is a ``tla2tools.jar`` and Java, and Harmony."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cases import Case
from processes import ROOT, Ran, ran

JARS = [
    Path(os.environ.get("TLA2TOOLS", "tla2tools.jar")),
    *(Path(folder) / "tla2tools.jar" for folder in (ROOT / "build", "/usr/share/java", "/usr/local/lib")),
]


def jar() -> Path | None:
    """TLA2TOOLS names it, or it lies in one of the usual places."""
    return next((path for path in JARS if path.is_file()), None)


def missing_tlc() -> str | None:
    if not jar():
        return "no tla2tools.jar; TLA2TOOLS may name one"
    return None if shutil.which("java") else "java is not installed"


def missing_harmony() -> str | None:
    return None if shutil.which("harmony") else "harmony is not installed"


@contextmanager
def copied(file: Path) -> Iterator[Path]:
    """A model in an empty folder, which the peer may fill."""
    with TemporaryDirectory() as folder:
        yield Path(shutil.copy(file, folder))


def tlc(case: Case, cores: int | None = None) -> tuple[int, int, Ran]:
    """Its "states generated" are the transitions, and the initial state."""
    with copied(ROOT / "bench" / "tlc" / f"{case.name}.tla") as spec:
        constants = "\n".join(f"CONSTANT {name} = {value}" for name, value in case.constants.items())
        spec.with_suffix(".cfg").write_text(f"{constants}\nINIT Init\nNEXT Next\nINVARIANT Holds\n")
        java = ["java", "-XX:+UseParallelGC", "-cp", str(jar()), "tlc2.TLC"]
        workers = str(cores or len(os.sched_getaffinity(0)))
        done = ran([*java, "-workers", workers, "-deadlock", spec.name], cores, spec.parent)
    found = re.findall(r"(\d+) states generated.*?(\d+) distinct states found, 0 states left", done.out)
    generated, distinct = map(int, found[-1])
    return distinct, generated - 1, done


def harmony(case: Case, cores: int | None = None) -> tuple[int, Ran]:
    """How many states it has with identical threads being one, without the one before threads start."""
    constants = [text for name, value in case.constants.items() for text in ("-c", f"{name}={value}")]
    with copied(ROOT / "bench" / "harmony" / f"{case.name}.hny") as program:
        command = ["harmony", "--noweb", *constants, program.name]
        done = ran(command, cores, program.parent, fine=(0, 1))
    states = re.search(r"\* (\d+) states", done.out)
    assert states, done.out
    return int(states[1]) - 1, done
