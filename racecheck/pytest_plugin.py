"""Collects ``*.trace.json`` files as tests: a trace must still do what it records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A trace file is a test file with one test."""
    if file_path.name.endswith(".trace.json"):
        return TraceFile.from_parent(parent, path=file_path)
    return None


class TraceFile(pytest.File):
    """A trace file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Its one test."""
        yield TraceItem.from_parent(self, name="replay")


class TraceItem(pytest.Item):
    """Replays the trace; what is needed for that is imported only now."""

    def runtest(self) -> None:
        """Fail if the trace is malformed, or no longer does what it records."""
        from racecheck.render.text import render_replay
        from racecheck.replay import model_of, replay
        from racecheck.trace import load

        trace = load(self.path)
        replayed = replay(trace, model_of(trace, self.path))
        if not replayed.as_recorded:
            raise TraceFailure(render_replay(replayed, self.path.name))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The message alone: a traceback into racecheck tells nobody anything."""
        from racecheck.errors import RacecheckError

        if isinstance(excinfo.value, (TraceFailure, RacecheckError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """How the test is named in reports."""
        return self.path, None, self.path.name


class TraceFailure(AssertionError):
    """A trace that no longer does what it records."""
