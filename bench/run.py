"""Measure racecheck beside SPIN, and beside TLC and Harmony where they are installed, in one run.

Each search runs in a process of its own; the tools take turns, and the best of the repeats counts. On
one core the time is the processor's, on two the clock's. What is not installed is skipped by name.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import searches
import sizes
import spin
from processes import ROOT
from rows import Ratio, Section, markdown
from setting import Setting

SECTIONS = {
    "agree": searches.agree,
    "one-core": searches.one_core,
    "two-cores": searches.two_cores,
    "verdict": searches.verdict,
    "memory": sizes.memory,
    "mappers": sizes.mappers,
    "compare": sizes.compare,
    "tune": searches.tune,
}
USUAL = [name for name in SECTIONS if name != "tune"]
START, END = "<!-- results -->\n", "<!-- end of results -->\n"


def machine(setting: Setting) -> list[str]:
    """Where, when and with what it was measured."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = {line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")}
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return [
        f"{time.strftime('%Y-%m-%d')}, {cores} cores, {', '.join(models) or platform.machine()},"
        f" Linux {platform.release().split('-')[0]}, load {load:.1f}, Python {platform.python_version()}",
        *([spin.version()] if setting.has("SPIN") else []),
        *setting.skipped,
    ]


def asked(engine: str, ratios: list[Ratio]) -> Section:
    cells = [ratio.cells() for ratio in ratios]
    values = [{"name": r.name, "value": r.value, "must": r.must, "aim": r.aim} for r in ratios]
    return Section(
        f"What is asked for, of the {engine} engine", ["ratio", "value", "must", "aim"], cells, values
    )


def write(file: Path, text: str) -> None:
    """Put the results between their marks."""
    before, _, rest = file.read_text().partition(START)
    after = rest.partition(END)[2]
    file.write_text(f"{before}{START}{text}\n{END}{after}")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)} (default: all but tune)")
    parser.add_argument("--quick", action="store_true", help="small models: to see whether it works")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, taken in turn (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--write", action="store_true", help="put the results into docs/performance.md")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}")
    return options


def main() -> None:
    options = parsed()
    found: dict[str, Section] = {}
    ratios: list[Ratio] = []
    with TemporaryDirectory() as folder:
        setting = Setting(Path(folder), options.quick, options.repeat)
        head = machine(setting)
        for name in options.sections or USUAL:
            print(f"{name}...", file=sys.stderr)
            found[name], more = SECTIONS[name](setting)
            ratios += more
    found["asked"] = asked(setting.engines[0], ratios)
    if options.json:
        print(json.dumps({"machine": head, **{name: one.values for name, one in found.items()}}))
        return
    shown = [one for one in found.values() if one.cells]
    text = "\n\n".join(["\n".join(head), *map(markdown, shown)])
    print(text)
    if options.write:
        write(ROOT / "docs" / "performance.md", text)


if __name__ == "__main__":
    main()
