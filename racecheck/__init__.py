"""Settle arguments about lock-free counter protocols by running every interleaving.

A model is written with the names below; ``check`` and the ``racecheck`` command run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racecheck.errors import ModelError, PropertyError, RacecheckError, TraceError, UsageError
from racecheck.model import (
    HOSTILE,
    KERNEL,
    VICTIM,
    Model,
    Process,
    always,
    model,
    progress,
    sometimes,
)
from racecheck.parameters import one_of
from racecheck.vocabulary import (
    Ghost,
    Shared,
    atomic,
    choose,
    event,
    read_together,
    rest,
    s32,
    s64,
    smp_mb,
    smp_mb__after_atomic,
    smp_mb__before_atomic,
    smp_rmb,
    smp_wmb,
    u32,
    u64,
    wait_until,
)
from racecheck.words import Array, Atomic, Flag, Lock

if TYPE_CHECKING:
    from racecheck.api import check, state_space
    from racecheck.stateful import check_runs

__all__ = [
    "HOSTILE",
    "KERNEL",
    "VICTIM",
    "Array",
    "Atomic",
    "Flag",
    "Ghost",
    "Lock",
    "Model",
    "ModelError",
    "Process",
    "PropertyError",
    "RacecheckError",
    "Shared",
    "TraceError",
    "UsageError",
    "always",
    "atomic",
    "check",
    "check_runs",
    "choose",
    "event",
    "model",
    "one_of",
    "progress",
    "read_together",
    "rest",
    "s32",
    "s64",
    "smp_mb",
    "smp_mb__after_atomic",
    "smp_mb__before_atomic",
    "smp_rmb",
    "smp_wmb",
    "sometimes",
    "state_space",
    "u32",
    "u64",
    "wait_until",
]


def __getattr__(name: str) -> Any:
    """``check`` and its like bring the compiler, the engines and Hypothesis: imported when first used."""
    if name in ("check", "state_space"):
        from racecheck import api

        return getattr(api, name)
    if name == "check_runs":
        from racecheck.stateful import check_runs

        return check_runs
    raise AttributeError(f"module 'racecheck' has no attribute {name!r}")
