"""What surrounds a check in a test session; ``racecheck.pytest_plugin`` says so, and a check asks.

Here so that a check needs no pytest, and the plugin no compiler: both know only this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from racecheck.report import Report


@frozen
class Harness:
    """The limits of a check that has none of its own, whether it may end unfinished, and who is told of it.

    ``told`` gets each report, and returns the file of each trace that it saved, by property.
    """

    max_states: int | None = None
    max_seconds: float | None = None
    unfinished_ok: bool = False
    told: Callable[[Report], Mapping[str, str]] = lambda _: {}


OUTSIDE = Harness()
harness: ContextVar[Harness] = ContextVar("racecheck harness", default=OUTSIDE)
