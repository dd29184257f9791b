"""The ``racecheck`` command."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from racecheck.console import (
    BROKEN,
    FILE,
    JSON,
    MEMORY,
    OK,
    PARAMETERS,
    UNFINISHED,
    USAGE,
    exit_status,
    print_json,
)
from racecheck.errors import RacecheckError, UsageError
from racecheck.logs import observe
from racecheck.pictures import export, render, step_through
from racecheck.surveys import claims, compare
from racecheck.terminal import columns, interruptible, progress_line

if TYPE_CHECKING:
    from racecheck.model import Model
    from racecheck.report import Report
    from racecheck.trace import Trace


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
    type=click.Choice(["auto", "reference", "python", "compiled"]),
    default="auto",
    help="auto is Python, and machine code when it pays; reference interprets the definition.",
)
@MEMORY
@click.option(
    "--checkpoint",
    type=click.Path(file_okay=False, path_type=Path),
    help="Save the search in a folder, and go on from there when run again.",
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
    max_memory: int | None,
    checkpoint: Path | None,
    save_traces: Path | None,
    as_json: bool,
) -> int:
    """Check the properties of a model in every reachable state."""
    from racecheck.api import report_on
    from racecheck.explore.limits import Limits
    from racecheck.load import load_model
    from racecheck.render.text import render_report
    from racecheck.report import report_json

    with redirect_stdout(sys.stderr):  # what the file itself prints is not the report
        model = load_model(where, parameters)
    if save_traces:
        _make_folder(save_traces)
    with interruptible() as interrupted, progress_line() as watch:
        report = report_on(
            model,
            only=only,
            symmetry=not no_symmetry,
            engine=engine,
            limits=Limits(max_states, max_seconds, interrupted, max_memory),
            watch=watch,
            checkpoint=checkpoint,
        )
    saved, problem = _save_traces(report, save_traces) if save_traces else ([], None)
    if as_json:
        print_json(report_json(report))
    else:
        click.echo(render_report(report, columns(), saved), nl=False)
    if problem:  # the report comes first: the search may have been a long one
        click.echo(f"racecheck: {problem}", err=True)
        return USAGE
    return exit_status(report.verdicts())


def _save_traces(report: Report, folder: Path) -> tuple[list[str], RacecheckError | None]:
    """The files that were written, and why not all were."""
    from racecheck.report import trace_files
    from racecheck.trace import save

    saved: list[str] = []
    names = trace_files(report)
    for trace in filter(None, (result.trace for result in report.results)):
        path = folder / names[trace.property]
        try:
            save(trace, path)
        except OSError as error:
            return saved, RacecheckError(f"the trace is not saved: {error.strerror}", str(path))
        saved.append(str(path))
    return saved, None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"--save-traces: this is no folder, and none can be made: {error.strerror}"
        raise UsageError(why, str(folder)) from error


@cli.command()
@FILE
@PARAMETERS
@JSON
def show(where: str, parameters: tuple[str, ...], as_json: bool) -> int:
    """Print what was understood: each process as numbered steps, with source lines and orderings."""
    from racecheck.compiler.compile import compile_model
    from racecheck.load import load_model
    from racecheck.render.graph import graph_json, render_program

    with redirect_stdout(sys.stderr):
        program = compile_model(load_model(where, parameters))
    if as_json:
        print_json(graph_json(program))
    else:
        click.echo(render_program(program, columns()), nl=False)
    return OK


@cli.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("--model", "override", metavar="FILE", help="Replay against the model in this file.")
@click.option("--native", is_flag=True, help="Run the functions as ordinary Python, too.")
@click.option("--pdb", "debug", is_flag=True, help="Step through the functions in the debugger.")
@click.option("--step", "by_hand", is_flag=True, help="Go through the states, and leave the trace at will.")
@JSON
def replay(
    traces: tuple[str, ...], override: str | None, native: bool, debug: bool, by_hand: bool, as_json: bool
) -> int:
    """Run saved traces again, and tell whether each still does what it records."""
    if by_hand:
        return step_through(traces, override)
    from racecheck.render.text import render_replay
    from racecheck.replay import model_of, replay_json, with_native
    from racecheck.replay import replay as run
    from racecheck.trace import load

    replays, errors = [], []
    for path in map(Path, traces):
        try:
            trace = load(path)
            with redirect_stdout(sys.stderr):
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
        print_json([replay_json(replayed, str(path)) for path, replayed in replays])
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


cli.add_command(compare)
cli.add_command(claims)
cli.add_command(observe)
cli.add_command(render)
cli.add_command(export)


def main() -> None:
    """Entry point: errors of the user's become one message, never a traceback."""
    as_json = "--json" in sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = cli.main(prog_name="racecheck", standalone_mode=False)
        click.echo(nl=False)  # flushes
    except RacecheckError as error:
        status = _fail(error.message, error.file, error.line, as_json)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        more = f" (see {context.command_path} --help)" if context else ""
        status = _fail(error.format_message() + more, None, None, as_json)
    except (click.Abort, KeyboardInterrupt):
        status = _fail("interrupted", None, None, as_json, 128 + signal.SIGINT)
    except BrokenPipeError:
        _drop(sys.stdout)
        status = 128 + signal.SIGPIPE
    except OSError as error:
        if error.filename is None:
            _drop(sys.stdout)
            as_json = False
        status = _fail(f"{error.strerror}: {error.filename or 'output'}", None, None, as_json)
    except MemoryError:
        status = _fail(
            "out of memory: nothing is claimed; set --max-states", None, None, as_json, UNFINISHED
        )
    except RecursionError:
        status = _fail("the model nests too deeply: split its longest expression", None, None, as_json)
    sys.exit(status)


def _drop(stream: TextIO) -> None:
    """What is still to be written goes nowhere, or Python would end with a status of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(message: str, file: str | None, line: int | None, as_json: bool, status: int = USAGE) -> int:
    from racecheck.report import relative

    file = file and relative(file)
    try:
        if as_json:
            print_json({"error": RacecheckError(message, file, line).as_json()})
        else:
            click.echo(f"racecheck: {RacecheckError(message, file, line)}", err=True)
    except OSError:  # there is nowhere left to write; the status tells
        _drop(sys.stdout if as_json else sys.stderr)
    return status
