"""The ``racecheck`` command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from racecheck.errors import RacecheckError

if TYPE_CHECKING:
    from racecheck.model import Model
    from racecheck.trace import Trace

OK, BROKEN, USAGE, UNFINISHED = 0, 1, 2, 3

FILE = click.argument("where", metavar="FILE[::MODEL]")
PARAMETERS = click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the model; repeatable.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on stdout.")


@click.group(name="racecheck", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="racecheck")
def cli() -> None:
    """Run every interleaving of a lock-free counter protocol.

    Exit status: 0 all properties hold (or all traces replay), 1 something is violated or stuck,
    2 a usage or model error, 3 unfinished: a limit was hit, so nothing is claimed.
    """


@cli.command()
@FILE
@PARAMETERS
@click.option("--property", "only", metavar="NAME", help="Check this property only.")
@click.option("--max-states", type=click.IntRange(min=1), help="Stop beyond this many states.")
@click.option("--max-seconds", type=click.FloatRange(min=0), help="Stop after this many seconds.")
@click.option("--no-symmetry", is_flag=True, help="Tell identical processes apart.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "reference", "python"]),
    default="auto",
    help="auto is the fastest; reference interprets the definition.",
)
@click.option(
    "--save-traces",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write traces into a folder.",
)
@JSON
def check(
    where: str,
    parameters: tuple[str, ...],
    only: str | None,
    max_states: int | None,
    max_seconds: float | None,
    no_symmetry: bool,
    engine: str,
    save_traces: Path | None,
    as_json: bool,
) -> int:
    """Check the properties of a model in every reachable state."""
    from racecheck.api import report_on
    from racecheck.explore.limits import Limits
    from racecheck.load import load_model
    from racecheck.render.text import render_report
    from racecheck.report import report_json, trace_files
    from racecheck.trace import save

    model = load_model(where, parameters)
    with interruptible() as interrupted, progress_line() as watch:
        report = report_on(
            model,
            only=only,
            symmetry=not no_symmetry,
            engine=engine,
            limits=Limits(max_states, max_seconds, interrupted),
            watch=watch,
        )
    saved = []
    names = trace_files(report)
    for trace in (result.trace for result in report.results):
        if save_traces and trace:
            path = save_traces / names[trace.property]
            save(trace, path)
            saved.append(str(path))
    if as_json:
        _print_json(report_json(report))
    else:
        click.echo(render_report(report, columns(), saved), nl=False)
    return exit_status(report.verdicts())


@cli.command()
@FILE
@PARAMETERS
@JSON
def show(where: str, parameters: tuple[str, ...], as_json: bool) -> int:
    """Print what was understood: each process as numbered steps, with source lines and orderings."""
    from racecheck.compiler.compile import compile_model
    from racecheck.load import load_model
    from racecheck.render.graph import graph_json, render_program

    program = compile_model(load_model(where, parameters))
    if as_json:
        _print_json(graph_json(program))
    else:
        click.echo(render_program(program, columns()), nl=False)
    return OK


@cli.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("--model", "override", metavar="FILE", help="Replay against the model in this file.")
@click.option("--native", is_flag=True, help="Run the functions as ordinary Python, too.")
@click.option("--pdb", "debug", is_flag=True, help="Step through the functions in the debugger.")
@JSON
def replay(traces: tuple[str, ...], override: str | None, native: bool, debug: bool, as_json: bool) -> int:
    """Run saved traces again, and tell whether each still does what it records."""
    from racecheck.render.text import render_replay
    from racecheck.replay import model_of, replay_json, with_native
    from racecheck.replay import replay as run
    from racecheck.trace import load

    replays, errors = [], []
    for path in map(Path, traces):
        try:
            trace = load(path)
            model = model_of(trace, path, override)
            replayed = run(trace, model)
            if native and replayed.reproduced:
                replayed = with_native(replayed, model)
            replays.append((path, replayed))
        except RacecheckError as error:
            errors.append(error)
            continue
        if debug and not _debug(trace, model):
            break
    if as_json and errors:
        raise errors[0]
    if as_json:
        _print_json([replay_json(replayed, str(path)) for path, replayed in replays])
    for path, replayed in [] if as_json else replays:
        click.echo(render_replay(replayed, str(path)))
    for problem in errors:
        click.echo(f"racecheck: {problem}", err=True)
    if errors:
        return USAGE
    return OK if all(replayed.as_recorded for _, replayed in replays) else BROKEN


def _debug(trace: Trace, model: Model) -> bool:
    """Step through the functions in pdb; False if the user quits."""
    from racecheck.debug import debug_steps

    def announced() -> Iterator[tuple[str, list[int | bool]]]:
        for number, step in enumerate(trace.steps, 1):
            click.echo(f"step {number} of {len(trace.steps)}, {step}", err=True)
            yield step.process, step.choices

    return debug_steps(model, announced())


def exit_status(verdicts: set[str]) -> int:
    """Violated or stuck over unfinished over ok."""
    if verdicts & {"violated", "stuck"}:
        return BROKEN
    return UNFINISHED if "unfinished" in verdicts else OK


def columns() -> int:
    """The width to write for."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


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


def main() -> None:
    """Entry point: errors of the user's become one message, never a traceback."""
    as_json = "--json" in sys.argv[1:]
    try:
        status = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except RacecheckError as error:
        status = _fail(error.message, error.file, error.line, as_json)
    except click.ClickException as error:
        status = _fail(error.format_message(), None, None, as_json)
    except (click.Abort, KeyboardInterrupt):
        status = _fail("interrupted", None, None, as_json, 128 + signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = USAGE
    except OSError as error:
        status = _fail(f"{error.strerror}: {error.filename or 'output'}", None, None, as_json)
    except MemoryError:
        status = _fail("out of memory: nothing is claimed; set --max-states", None, None, as_json, 3)
    sys.exit(status)


def _fail(message: str, file: str | None, line: int | None, as_json: bool, status: int = USAGE) -> int:
    from racecheck.report import relative

    file = file and relative(file)
    if as_json:
        _print_json({"error": {"message": message, "file": file, "line": line}})
    else:
        click.echo(f"racecheck: {RacecheckError(message, file, line)}", err=True)
    return status
