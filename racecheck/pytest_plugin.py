"""The pytest plugin: traces are tests, and ``racecheck.check`` in a test knows that it is in one.

Every pytest run imports this, so it imports almost nothing: what a test needs comes when it is needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from racecheck.errors import PropertyError, RacecheckError
from racecheck.harness import Harness, harness

if TYPE_CHECKING:
    from racecheck.report import Report

SUFFIX = ".trace.json"
UNFINISHED_OK = "racecheck_unfinished_ok"
PREFIX = "racecheck "
"""Of a property of a test's report, before the model's name: JUnit files have it, and xdist sends it."""
BROKEN = ("violated", "stuck")
WORST = (*BROKEN, "unfinished", "holds")
COLOURS = {"violated": "red", "stuck": "red", "unfinished": "yellow", "holds": "green"}
OPTIONS = {
    "save_traces": ("DIR", "write the trace of each violation into this folder, named by its content"),
    "max_states": ("N", "stop a racecheck.check that has no max_states of its own after so many states"),
    "max_seconds": (
        "S",
        "stop a racecheck.check that has no max_seconds of its own after so many seconds",
    ),
}

defaults = pytest.StashKey[Harness]()
folder = pytest.StashKey[Path | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option also as a setting of the ini file."""
    group = parser.getgroup("racecheck", "model checking with racecheck")
    for name, (metavar, text) in OPTIONS.items():
        option = f"--racecheck-{name.replace('_', '-')}"
        group.addoption(option, dest=f"racecheck_{name}", metavar=metavar, help=text)
        parser.addini(f"racecheck_{name}", f"{text}; as {option}", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and read the settings; UsageError for one that does not fit."""
    config.addinivalue_line(
        "markers", f"{UNFINISHED_OK}(reason=''): racecheck.check may end unfinished: it hits a limit"
    )
    config.stash[defaults] = Harness(
        _number(config, "max_states", int), _number(config, "max_seconds", float)
    )
    config.stash[folder] = _folder(config)


def _number(config: pytest.Config, name: str, kind: Callable[[str], Any]) -> Any:
    text = config.getoption(f"racecheck_{name}") or config.getini(f"racecheck_{name}")
    if not text:
        return None
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not value > 0:
        raise pytest.UsageError(f"racecheck_{name} is {text!r}: write a number above 0")
    return value


def _folder(config: pytest.Config) -> Path | None:
    """As seen from where pytest was called, or from the ini file if that names it."""
    if given := config.getoption("racecheck_save_traces"):
        return Path(config.invocation_params.dir, given)
    given = config.getini("racecheck_save_traces")
    return Path(config.rootpath, given) if given else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let each check of the test know where it is."""
    limits = item.config.stash[defaults]
    unfinished_ok = item.get_closest_marker(UNFINISHED_OK) is not None
    around = Harness(limits.max_states, limits.max_seconds, unfinished_ok, partial(_told, item))
    token = harness.set(around)
    try:
        return (yield)
    finally:
        harness.reset(token)


def _told(item: pytest.Item, report: Report) -> dict[str, str]:
    """Note the verdicts, and save the traces; the files by property."""
    item.user_properties.append(_row(item, report))
    where = item.config.stash[folder]
    if where is None:
        return {}
    broken = [result for result in report.results if result.verdict in BROKEN]
    return {r.property: _save(report, r.trace, where) for r in broken if r.trace is not None}


def _row(item: pytest.Item, report: Report) -> tuple[str, str]:
    """A model, and its verdict; states; seconds; what is broken, or what has stopped the search."""
    from racecheck.render.columns import count

    given = ", ".join(f"{name}={value}" for name, value in report.given.items())
    verdict = min(report.verdicts(), key=WORST.index)
    marker = item.get_closest_marker(UNFINISHED_OK)
    reason = marker.kwargs.get("reason") if marker and verdict == "unfinished" else ""
    what = f"{report.outcome()} ({reason})" if reason else report.outcome()
    states, seconds = count(report.states, "state"), f"{report.seconds:.2f} s"
    return f"{PREFIX}{report.model}({given})", "; ".join([verdict, states, seconds, what])


def _save(report: Report, trace: Any, where: Path) -> str:
    from racecheck.trace import file_stem, save, to_json

    content = json.dumps(to_json(trace), sort_keys=True).encode()
    path = where / f"{file_stem(trace, report.given)}-{hashlib.sha256(content).hexdigest()[:8]}{SUFFIX}"
    try:
        save(trace, path)
    except OSError as error:
        why = f"--racecheck-save-traces: the trace is not saved: {error.strerror}"
        raise RacecheckError(why, str(path)) from error
    return _shown(path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A check that fails shows its report: the lines of Python that led to it tell nobody anything."""
    report = yield
    if report.failed and call.excinfo is not None and isinstance(call.excinfo.value, PropertyError):
        report.longrepr = shown = call.excinfo.getrepr(style="value", chain=False)
        if shown.reprcrash:
            shown.reprcrash.message = str(call.excinfo.value)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The verdicts of all models that were checked, on whatever worker; nothing if none was, or with -q."""
    if terminalreporter.config.get_verbosity() < 0:
        return
    rows = {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, value in getattr(report, "user_properties", ()):
            if name.startswith(PREFIX):
                verdict, states, seconds, what = value.split("; ", 3)
                rows[name.removeprefix(PREFIX), verdict, states, what] = seconds
    if rows:
        terminalreporter.section("racecheck verdicts")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for (name, verdict, states, what), seconds in sorted(rows.items()):
        terminalreporter.write(f"{verdict:{widths[1]}}", **{COLOURS[verdict]: True})
        line = f"  {name:{widths[0]}}  {states:>{widths[2]}}  {seconds:>8}  {what}"
        terminalreporter.write(f"{line.rstrip()}\n")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A trace file is a test file with one test."""
    if file_path.name.endswith(SUFFIX):
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
        from racecheck.render.columns import render_trace
        from racecheck.render.text import render_replay
        from racecheck.replay import model_of, replay
        from racecheck.trace import load

        trace = load(self.path)
        replayed = replay(trace, model_of(trace, self.path))
        if not replayed.as_recorded:
            told = render_replay(replayed, self.path.name)
            raise TraceFailure(f"{told}\n\nas recorded:\n\n{render_trace(trace, 100)}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The message alone: a traceback into racecheck tells nobody anything."""
        if isinstance(excinfo.value, (TraceFailure, RacecheckError)):
            style = "value"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """How the test is named in reports."""
        return self.path, None, self.path.name


class TraceFailure(AssertionError):
    """A trace that no longer does what it records."""


def _shown(path: Path) -> str:
    """The file as it is written from here, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
