"""The commands that run many models: ``compare`` and ``claims``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from racecheck.console import FILE, JSON, MEMORY, OK, PARAMETERS, UNFINISHED, USAGE, exit_status, print_json
from racecheck.terminal import columns, interruptible, progress_bar

if TYPE_CHECKING:
    from racecheck.claims import Settled


@click.command()
@FILE
@PARAMETERS
@click.option("--over", multiple=True, metavar="NAME", help="Run over the values of this one_of parameter.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0),
    default=200,
    show_default=True,
    help="Stop a row after this many seconds.",
)
@click.option("--max-states", type=click.IntRange(min=1), help="Stop a row beyond this many states.")
@click.option("--no-symmetry", is_flag=True, help="Tell identical processes apart.")
@MEMORY
@JSON
def compare(
    where: str,
    parameters: tuple[str, ...],
    over: tuple[str, ...],
    max_seconds: float,
    max_states: int | None,
    no_symmetry: bool,
    max_memory: int | None,
    as_json: bool,
) -> int:
    """Print what an attacker needs under each value of a model's one_of parameters: a row for each."""
    from racecheck import compare as comparison
    from racecheck.explore.limits import Limits
    from racecheck.load import chosen, find_model
    from racecheck.render.table import render_comparison

    with redirect_stdout(sys.stderr):
        function = find_model(where)
        given = chosen(function, parameters)
        total = len(comparison.choices(function, comparison.compared(function, given, over)))
    rows = []
    with interruptible() as interrupted, progress_bar("policies", total) as (watch, done):
        for row in comparison.compare(
            function,
            given,
            over,
            limits=lambda: Limits(max_states, max_seconds, interrupted, max_memory),
            symmetry=not no_symmetry,
            watch=watch,
        ):
            rows.append(row)
            done()
            if interrupted():
                break
    if as_json:
        print_json([comparison.row_json(row) for row in rows])
    else:
        click.echo(render_comparison(rows, columns()), nl=False)
        if len(rows) < total:
            click.echo(f"racecheck: interrupted after {len(rows)} of {total} rows", err=True)
    verdicts = {v for row in rows if isinstance(row, comparison.Row) for v in row.report.verdicts()}
    if rows and not verdicts:  # the model allows none of these choices
        return USAGE
    return exit_status(verdicts | ({"unfinished"} if len(rows) < total else set()))


@click.command()
@click.argument("file", default="models/claims.py", metavar="[FILE]")
@click.option("--only", multiple=True, metavar="ID", help="Settle this claim only; repeatable.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0),
    default=200,
    show_default=True,
    help="Stop a case after this many seconds.",
)
@click.option(
    "--save-traces",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the counterexamples into a folder.",
)
@click.option("--markdown", is_flag=True, help="Print the argument as a page, with deciding schedules.")
@JSON
def claims(
    file: str,
    only: tuple[str, ...],
    max_seconds: float,
    save_traces: Path | None,
    markdown: bool,
    as_json: bool,
) -> int:
    """Settle statements by running their cases: confirmed, refuted, or depends on what.

    Without --save-traces the counterexamples are named as they stand in the folder traces/ next to the
    file's. Exit status: 0 when every claim is settled, whatever the verdicts, 3 if one is unfinished.
    """
    from racecheck import claims as statements
    from racecheck import settling
    from racecheck.explore.limits import Limits
    from racecheck.render.claims import render_claims
    from racecheck.render.thread import thread_page
    from racecheck.report import relative

    with redirect_stdout(sys.stderr):
        chosen = statements.chosen(statements.claims_in(file), only)
    settled = []
    with interruptible() as interrupted, progress_bar("claims", len(chosen)) as (watch, done):
        runs = settling.Runs(lambda: Limits(None, max_seconds, interrupted), watch)
        for one in settling.settled(chosen, runs):
            settled.append(one)
            done()
            if interrupted():
                break
    folder = save_traces or Path(file).resolve().parents[1] / "traces"
    if save_traces:
        _save(settled, folder)
    names = [[relative(str(path)) for path in _traces(one, folder)] for one in settled]
    if as_json:
        print_json([statements.claims_json(*pair) for pair in zip(settled, names, strict=True)])
    elif markdown:
        click.echo(thread_page(settled, names), nl=False)
    else:
        click.echo(render_claims(settled, names, columns()), nl=False)
    unfinished = len(settled) < len(chosen) or any(one.verdict == statements.UNFINISHED for one in settled)
    return UNFINISHED if unfinished else OK


def _save(settled: Sequence[Settled], folder: Path) -> None:
    from racecheck.trace import SUFFIX, save

    for one in settled:
        for stem, trace in one.traces().items():
            save(trace, folder / (stem + SUFFIX))


def _traces(settled: Settled, folder: Path) -> list[Path]:
    """The counterexamples of a claim that are in the folder."""
    from racecheck.trace import SUFFIX

    paths = [folder / (stem + SUFFIX) for stem in settled.traces()]
    return [path for path in paths if path.exists()]
