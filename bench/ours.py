"""Measure a search of racecheck in a process of its own: ``python bench/ours.py SPECIFICATION``.

The specification and the answer, which is the last line printed, are JSON. A first search of a few
states loads the kernels, or compiles them; neither its time nor its memory counts.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from by_hand import by_hand
from cases import Case
from processes import ROOT, ran

from racecheck.api import state_space
from racecheck.compiler.compile import compile_model
from racecheck.compiler.program import Program
from racecheck.explore.automatic import GLANCE
from racecheck.explore.compiled import CompiledEngine
from racecheck.explore.limits import Limits
from racecheck.explore.python import PythonEngine
from racecheck.explore.search import explore
from racecheck.explore.sweep import Sweep, sweep
from racecheck.load import load_model

WARM = 1000
"""States of the first search."""
Search = Callable[[Limits], tuple[int, int, bool]]
"""Returns how many states and transitions there are, and whether that is all of them."""


def search_of(engine: str, file: str, options: list[str], symmetry: bool, alone: bool) -> Search:
    if engine == "by hand":
        n = int(options[0].partition("=")[2])
        return lambda _: (*by_hand(n), True)
    model = load_model(str(ROOT / file), options)
    if engine == "compiled" and alone:
        return compiled_search(compile_model(model), symmetry)

    def search(limits: Limits) -> tuple[int, int, bool]:
        space = state_space(model, engine=engine, symmetry=symmetry, limits=limits)
        return space.states, space.transitions, space.complete

    search(Limits(max_states=WARM))
    return search


def compiled_search(program: Program, symmetry: bool) -> Search:
    """The search alone, as pan's is: the first one finds how wide the fields are, and compiles the step."""
    like = PythonEngine(program, symmetry)
    explore(like, Limits(max_seconds=GLANCE))
    engine = CompiledEngine(like)
    sweep(engine, Limits())
    ready = [Sweep(engine, Limits(), lambda _: None)]

    def search(limits: Limits) -> tuple[int, int, bool]:
        now = ready.pop()
        now.limits, now.store.may_take = limits, limits.allows
        space = now.run()
        return space.states, space.transitions, space.complete

    return search


def memory(name: str) -> int:
    """A line of /proc/self/status, in bytes: VmRSS is what is in memory now, VmHWM was the most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def processor() -> float:
    """Processor seconds of this process and of those that it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def measure(specification: dict[str, Any]) -> dict[str, Any]:
    limits = specification.pop("limits")
    search = search_of(**specification)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the most starts anew
    before, cpu, start = memory("VmRSS"), processor(), time.monotonic()
    states, transitions, complete = search(Limits(**limits))
    wall = time.monotonic() - start
    row = {"states": states, "transitions": transitions, "complete": complete, "wall": wall}
    return {**row, "cpu": processor() - cpu, "memory": memory("VmHWM") - before}


def measured(
    case: Case,
    engine: str,
    cores: int | None = None,
    symmetry: bool = False,
    alone: bool = False,
    **limits: float | None,
) -> dict[str, Any]:
    """The answer of a new process."""
    specification = {
        "engine": engine,
        "file": case.file,
        "options": case.options(),
        "symmetry": symmetry,
        "alone": alone,
        "limits": limits,
    }
    done = ran([sys.executable, __file__, json.dumps(specification)], cores)
    row: dict[str, Any] = json.loads(done.out.splitlines()[-1])
    return {**row, "process": done.wall, "peak": done.peak}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
