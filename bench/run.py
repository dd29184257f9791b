"""Time the generated engine, and a search written by hand for the same model, on mapunmap.

Each search runs in a process of its own, so that the peak of its memory is its own. Times are those of
the processor: what else the machine does should not count. The best of the repeats is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "bench" / "models" / "mapunmap.py"
Search = Callable[[], tuple[int, int]]
"""Returns how many states and transitions there are."""


def generated(n: int, symmetry: bool) -> Search:
    """What `racecheck check` runs: generating the code counts, reading the model does not."""
    from racecheck.compiler.compile import compile_model
    from racecheck.explore.limits import Limits
    from racecheck.explore.python import PythonEngine
    from racecheck.explore.search import explore
    from racecheck.load import load_model

    program = compile_model(load_model(str(MODEL), [f"n={n}"]))

    def search() -> tuple[int, int]:
        space = explore(PythonEngine(program, symmetry), Limits())
        assert space.complete and not space.found, "the property holds everywhere"
        return space.states, space.transitions

    return search


def by_hand(n: int) -> tuple[int, int]:
    """The same protocol as a packed breadth-first search that is written for this model only.

    A state, from the lowest bit: refcount, mapcount, the scanner's place, the mapcount that it has read,
    and two bits for the place of each mapper.
    """
    width = (n + 2).bit_length()
    mask = (1 << width) - 1
    mapcount, scanner, seen, first = width, 2 * width, 2 * width + 2, 3 * width + 2
    ref, mapped, step = 1, 1 << mapcount, 1 << scanner
    seen_mask = mask << seen
    mappers = []
    for shift in range(first, first + 2 * n, 2):
        place = 1 << shift
        mappers.append((shift, (ref + place, mapped + place, place - mapped, -ref - 3 * place)))
    initial = 1
    parents = {initial: initial}
    level = [initial]
    transitions = 0
    while level:
        following = []
        for state in level:
            for shift, changes in mappers:
                target = state + changes[state >> shift & 3]
                if target not in parents:
                    parents[target] = state
                    following.append(target)
                    if target & mask < target >> mapcount & mask:
                        raise AssertionError("refcount >= mapcount")
            place = state >> scanner & 3
            if place == 0:
                target = state + ref + step
            elif place == 1:
                target = state + step + ((state >> mapcount & mask) << seen)
            elif place == 2:
                target = state + step - (state & seen_mask)
            else:
                target = state - ref - 3 * step
            if target not in parents:
                parents[target] = state
                following.append(target)
                if target & mask < target >> mapcount & mask:
                    raise AssertionError("refcount >= mapcount")
        transitions += (n + 1) * len(level)
        level = following
    return len(parents), transitions


def measure(engine: str, n: int, symmetry: bool) -> dict[str, Any]:
    """Run one search in this process."""
    search = partial(by_hand, n) if engine == "by hand" else generated(n, symmetry)
    start = time.process_time()
    states, transitions = search()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"engine": engine, "states": states, "transitions": transitions, "seconds": seconds}
    return {**row, "states_per_second": states / seconds, "peak_mib": peak}


def measure_apart(engine: str, n: int, symmetry: bool) -> dict[str, Any]:
    """Run one search in a new process."""
    kind = "--symmetry" if symmetry else "--no-symmetry"
    command = [sys.executable, __file__, "--only", engine, "-n", str(n), kind]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=path)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """The rows for a person."""
    lines = [
        f"{'engine':<10}{'states':>12}{'transitions':>14}{'CPU s':>10}{'states/s':>12}{'peak MiB':>10}"
    ]
    for row in rows:
        counts = f"{row['engine']:<10}{row['states']:>12,}{row['transitions']:>14,}"
        lines.append(
            f"{counts}{row['seconds']:>10.2f}{row['states_per_second']:>12,.0f}{row['peak_mib']:>10,.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=8, help="mappers (default 8)")
    parser.add_argument("--symmetry", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, taken in turn (default 3)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options.n, options.symmetry)))
        return
    engines = ["generated"] if options.symmetry else ["generated", "by hand"]
    runs = [
        [measure_apart(engine, options.n, options.symmetry) for engine in engines]
        for _ in range(options.repeat)
    ]
    rows = [min(of_engine, key=lambda row: row["seconds"]) for of_engine in zip(*runs, strict=True)]
    counts = {(row["states"], row["transitions"]) for run in runs for row in run}
    assert len(counts) == 1, f"the searches disagree: {counts}"
    ratio = None if options.symmetry else rows[0]["states_per_second"] / rows[1]["states_per_second"]
    if options.json:
        print(json.dumps({"n": options.n, "symmetry": options.symmetry, "runs": rows, "ratio": ratio}))
        return
    print(f"mapunmap n={options.n}, {'with' if options.symmetry else 'without'} symmetry\n")
    print(table(rows))
    if ratio:
        print(f"\ngenerated / by hand: {ratio:.2f}")


if __name__ == "__main__":
    main()
