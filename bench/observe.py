"""Time the reading of a kernel log: the parser, and all of `racecheck observe`, beside a plain loop.

The plain loop is what one would write in a minute: a regular expression over the lines that converts the
fields that the parser converts, and keeps nothing. Each run is a process of its own, so that the peak of
its memory is its own; times are those of the processor. The log is one log over and over, through a pipe,
never in memory. The best of the repeats is shown.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOG = ROOT / "tests" / "data" / "single.trace.txt"
LINE = re.compile(
    r" *(.+)-(\d+) +\[(\d+)\] (\S+) +([\d.]+): (page_ref_\w+): pfn=(\S+) flags=(\S+) count=(-?\d+) "
    r"mapcount=(-?\d+) mapping=(\S+) mt=(\d+) val=(-?\d+)(?: ret=(-?\d+))?"
)


def plain() -> int:
    """The records of standard input, by a regular expression for each line."""
    number = 0
    for line in sys.stdin:
        if match := LINE.match(line):
            _, pid, cpu, _, stamp, _, pfn, flags, count, mapcount, _, _, val, ret = match.groups()
            int(pid), int(cpu), float(stamp), int(pfn, 16), flags.split("|")
            int(count), int(mapcount), int(val), -1 if ret is None else int(ret)
            number += 1
    return number


def parser() -> int:
    """The records of standard input, by the parser alone."""
    from racecheck.observe.parse import Log, parsed
    from racecheck.observe.source import opened, pieces

    log = Log()
    with opened("-") as stream:
        for _ in parsed(pieces(stream), log):
            pass
    return log.records


def whole() -> int:
    """The records of standard input, by all that `racecheck observe -` does before it prints."""
    from racecheck.observe.lexicon import lexicon_of, models_folder
    from racecheck.observe.source import opened, pieces
    from racecheck.observe.watch import Watch

    words = lexicon_of(models_folder(None))
    with opened("-") as stream:
        return Watch(words, None, 1).follow(pieces(stream)).log.records


WAYS: dict[str, Callable[[], int]] = {"plain": plain, "parser": parser, "whole": whole}


def many(log: Path, records: int) -> Iterator[bytes]:
    """The log's records over and over, until there are so many."""
    from racecheck.observe.source import opened, pieces

    with opened(str(log)) as stream:
        lines = "".join(pieces(stream)).splitlines(keepends=True)
    once = [line for line in lines if ": page_ref_" in line]
    text = "".join(once).encode()
    for _ in range(records // len(once)):
        yield text
    yield "".join(islice(once, records % len(once))).encode()


def measured(way: str, log: Path, records: int) -> tuple[float, int]:
    """Seconds of the processor and kilobytes at the peak, in a process of its own."""
    command = [sys.executable, __file__, "--way", way]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None and run.stdout is not None
        for piece in many(log, records):
            run.stdin.write(piece)
        run.stdin.close()
        number, seconds, peak = run.stdout.read().split()
    assert int(number) == records, "each record is read"
    return float(seconds), int(peak)


def alone(way: str) -> None:
    """Run one way on standard input, and print what it took."""
    begin = time.process_time()
    number = WAYS[way]()
    seconds = time.process_time() - begin
    print(number, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--log", type=Path, default=LOG, help="a page_ref log, compressed or not")
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.way:
        alone(given.way)
        return
    print(f"{given.records:,} records, {given.log.name} over and over, best of {given.repeats}")
    first = None
    for way in WAYS:
        seconds, peak = min(measured(way, given.log, given.records) for _ in range(given.repeats))
        first = first or seconds
        rate = given.records / seconds
        ratio = f"{first / seconds:.2f} of plain"
        print(f"{way:7} {seconds:7.2f} s {rate:10,.0f} a second, {ratio}, {peak >> 10} MB")


if __name__ == "__main__":
    main()
