"""When a search must stop early: counts, time, memory, or somebody's wish."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

GRANTED = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processors in each period of so many."""
SHARE_OF_MEMORY = 0.6
"""How much of the memory that is free at the start a search may use."""


@define
class Limits:
    """The limits of one search; None is no limit. Memory is always limited by the machine.

    ``interrupted`` is asked now and then whether to stop, as Ctrl-C does.
    """

    max_states: int | None = None
    max_seconds: float | None = None
    interrupted: Callable[[], bool] = lambda: False
    max_memory: int | None = None
    memory: int = field(init=False)
    """Bytes that the search may take."""
    _start: float = field(factory=time.monotonic)
    _resident: int = field(factory=lambda: resident_memory())  # noqa: PLW0108 - defined below

    def __attrs_post_init__(self) -> None:
        self.memory = self.max_memory or int(free_memory() * SHARE_OF_MEMORY)

    def reason(self, states: int) -> str | None:
        """Why the search must stop now, or None."""
        if self.max_states is not None and states > self.max_states:
            return f"--max-states {self.max_states}"
        if self.max_seconds is not None and self.seconds() >= self.max_seconds:
            return f"--max-seconds {self.max_seconds:g}"
        if self.interrupted():
            return "interrupted"
        used = resident_memory() - self._resident
        if used > self.memory:
            return f"memory: {used >> 20:,} MiB used of the {self.memory >> 20:,} MiB that it may take"
        return None

    def allows(self, more: int) -> bool:
        """Whether so many bytes more may be used."""
        return resident_memory() - self._resident + more <= self.memory

    def seconds(self) -> float:
        """Seconds since the search began."""
        return time.monotonic() - self._start


def cores() -> int:
    """How many cores this process may use: those that it is bound to, or what its control group grants."""
    bound = len(os.sched_getaffinity(0))
    try:
        quota, period = GRANTED.read_text().split()
        return max(1, min(bound, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no control groups, or "max"
        return bound


def resident_memory() -> int:
    """Bytes of this process that are in memory now."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_memory() -> int:
    """Bytes that this process may still take: the machine's, its control group's, its own limit's."""
    found = [_available()]
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        found.append(limit - _virtual())
    found.append(_control_group())
    return max(0, min(found))


def _available() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def _virtual() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _control_group() -> int:
    for limit, usage in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        root = Path("/sys/fs/cgroup")
        try:
            return int((root / limit).read_text()) - int((root / usage).read_text())
        except (OSError, ValueError):
            continue
    return 1 << 62
