"""The terminal: how wide it is, Ctrl-C, and how far a search is."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


def columns() -> int:
    """The width to write for."""
    return max(40, shutil.get_terminal_size((80, 24)).columns)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks the search to stop and report; a second one ends at once."""
    pressed: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[tuple[Callable[[Any], None], Callable[[], None]]]:
    """A bar on stderr, if that is a terminal: how far the present search is, and one more is done."""
    if not sys.stderr.isatty():
        yield lambda _: None, lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    look = TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
    with Progress(*look, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield (
            lambda space: bar.update(task, description=f"{space.states:,} states"),
            lambda: bar.advance(task),
        )


@contextmanager
def progress_line() -> Iterator[Callable[[Any], None]]:
    """A function that shows how far a search is, on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("searching")

        def watch(space: Any) -> None:
            elapsed = bar.tasks[0].elapsed or 0
            bar.update(
                task,
                description=f"{space.states:,} states, {space.states / max(elapsed, 0.001):,.0f}/s, "
                f"depth {space.depth}, frontier {len(space.frontier):,}",
            )

        yield watch
