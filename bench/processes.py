"""Programs run and measured: seconds, processor seconds, the most memory, and on how many cores."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parents[1]


@frozen
class Ran:
    """What a program has cost and printed; ``peak`` is in bytes."""

    wall: float
    cpu: float
    peak: int
    out: str
    status: int


class FailedError(Exception):
    """A program that should have worked did not; the text is what it printed."""


def ran(
    command: Sequence[str],
    cores: int | None = None,
    folder: Path = ROOT,
    env: Mapping[str, str] | None = None,
    fine: Sequence[int] = (0,),
) -> Ran:
    """Run a program on the first so many cores that this process may use, None being all."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])  # the program inherits it
    start = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        os.sched_setaffinity(0, allowed)
        out = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in fine:
        raise FailedError(f"{' '.join(command)} ended with {process.returncode}:\n{out}")
    cpu = usage.ru_utime + usage.ru_stime
    return Ran(time.monotonic() - start, cpu, usage.ru_maxrss * 1024, out, process.returncode)
