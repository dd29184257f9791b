"""The commands that run many models: ``compare``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

import click

from racecheck.console import FILE, JSON, PARAMETERS, exit_status, print_json
from racecheck.terminal import columns, interruptible, progress_bar


@click.command()
@FILE
@PARAMETERS
@click.option("--over", multiple=True, metavar="NAME", help="Run over the values of this one_of parameter.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0),
    default=20,
    show_default=True,
    help="Stop a row after this many seconds.",
)
@click.option("--max-states", type=click.IntRange(min=1), help="Stop a row beyond this many states.")
@click.option("--no-symmetry", is_flag=True, help="Tell identical processes apart.")
@JSON
def compare(
    where: str,
    parameters: tuple[str, ...],
    over: tuple[str, ...],
    max_seconds: float,
    max_states: int | None,
    no_symmetry: bool,
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
            limits=lambda: Limits(max_states, max_seconds, interrupted),
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
    verdicts = {verdict for row in rows for verdict in row.report.verdicts()}
    return exit_status(verdicts | ({"unfinished"} if len(rows) < total else set()))
