"""The commands that show models and traces in other ways: ``render``, ``export``, ``replay --step``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import frozen

from racecheck.console import OK, PARAMETERS
from racecheck.errors import TraceError, UsageError
from racecheck.terminal import columns, interruptible, progress_line

if TYPE_CHECKING:
    from racecheck.compiler.program import Program
    from racecheck.diagram import Diagram
    from racecheck.explore.limits import Limits
    from racecheck.explore.path import Run
    from racecheck.explore.search import Watch
    from racecheck.trace import Trace

TRACE_SUFFIX = ".trace.json"


@frozen
class Wish:
    """What file to make, of which groups of states, and how far to search for them."""

    suffix: str
    by: str
    limits: Limits
    watch: Watch


@click.command()
@click.argument("what", metavar="FILE[::MODEL]|TRACE")
@PARAMETERS
@click.option(
    "-o", "out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@click.option(
    "--by",
    metavar="values|rung|trace|EXPR",
    default="",
    help="Draw groups of states: with the same shared values, or in which the same holds, or with the same "
    'value of an expression like "folio.refcount - folio.mapcount"; or the states along the trace.',
)
@click.option("--model", "override", metavar="FILE", help="Take a trace's model from this file.")
def render(what: str, parameters: tuple[str, ...], out: Path, by: str, override: str | None) -> int:
    """Draw the state graph of a model, or a trace (a file named *.trace.json) as a chart.

    The suffix of the file to write decides: .svg and .png are pictures, .html is one page with verdicts,
    graph and traces that works offline, .dot, .graphml and .json (node-link) hold the graph.
    """
    from racecheck.render.files import SUFFIXES, write

    if out.suffix not in SUFFIXES:
        raise UsageError(f"-o {out}: the suffix says what to write; use one of {', '.join(SUFFIXES)}")
    with interruptible() as interrupted, progress_line() as watch:
        from racecheck.explore.limits import Limits

        wish = Wish(out.suffix, by, Limits(None, None, interrupted), watch)
        if what.endswith(TRACE_SUFFIX):
            if parameters:
                raise UsageError(f"-p {parameters[0]}: a trace has its own parameters", what)
            content = _of_trace(Path(what), override, wish)
        else:
            content = _of_model(_program(what, parameters, by), wish)
    write(out, content)
    click.echo(str(out))
    return OK


def _program(where: str, parameters: tuple[str, ...], by: str) -> Program:
    from racecheck.compiler.compile import compile_model
    from racecheck.load import load_model

    if by == "trace":
        raise UsageError("--by trace draws the states along a trace: name a .trace.json file", where)
    with redirect_stdout(sys.stderr):
        return compile_model(load_model(where, parameters))


def _of_model(program: Program, wish: Wish) -> bytes:
    from racecheck.diagram import readable_diagram
    from racecheck.explore.python import PythonEngine
    from racecheck.explore.search import explore
    from racecheck.graph import MOST_STATES, to_networkx
    from racecheck.marks import marks_of
    from racecheck.pages import model_page
    from racecheck.render.files import GRAPHS, graph_bytes

    suffix, by = wish.suffix, wish.by
    if suffix == ".html":
        return model_page(program, by, wish.limits, wish.watch).encode()
    space = explore(PythonEngine(program, symmetry=True), wish.limits, wish.watch)
    if not space.complete:
        raise UsageError(f"the search was stopped by {space.stopped}: a picture of a part would mislead")
    marks = marks_of(space)
    if by or suffix not in GRAPHS:
        return _drawn(readable_diagram(space, marks, by), suffix)
    if space.states > MOST_STATES:
        raise UsageError(f"{space.states:,} states: at most {MOST_STATES:,} go into a file; use --by")
    return graph_bytes(to_networkx(space, marks), suffix)


def _of_trace(path: Path, override: str | None, wish: Wish) -> bytes:
    from racecheck.pages import trace_page
    from racecheck.render.chart import chart_svg
    from racecheck.render.files import PICTURES, picture_bytes
    from racecheck.render.story import story_of
    from racecheck.vicinity import vicinity_of

    suffix, by = wish.suffix, wish.by
    program, trace, run = followed(path, override)
    if suffix == ".html":
        return trace_page(program, trace, run, by).encode()
    if by not in ("", "trace"):
        return _of_model(program, wish)
    if by == "" and suffix in PICTURES:
        return picture_bytes(chart_svg(story_of(program, trace, run)), suffix)
    return _drawn(vicinity_of(program, trace, run), suffix)


def followed(path: Path, override: str | None) -> tuple[Program, Trace, Run]:
    """A trace with its model and its run; TraceError if a step of it is no longer possible."""
    from racecheck.compiler.compile import compile_model
    from racecheck.replay import follow, model_of
    from racecheck.trace import load

    trace = load(path)
    with redirect_stdout(sys.stderr):
        program = compile_model(model_of(trace, path, override))
    run, failed = follow(program, trace)
    if failed is not None and failed.step is not None:
        what = f"step {failed.step + 1} is not possible in its model: {failed.expected}"
        raise TraceError(f"{what}; racecheck replay says what is", str(path))
    return program, trace, run


def _drawn(diagram: Diagram, suffix: str) -> bytes:
    from racecheck.graph import diagram_graph
    from racecheck.render.files import GRAPHS, graph_bytes, picture_bytes
    from racecheck.render.states import states_svg

    if suffix in GRAPHS:
        return graph_bytes(diagram_graph(diagram), suffix)
    return picture_bytes(states_svg(diagram), suffix)


@click.command()
@click.argument("path", metavar="TRACE", type=click.Path(path_type=Path))
@click.option("--to", "kind", required=True, type=click.Choice(["pytest", "itf"]), help="What to write.")
@click.option(
    "-o", "out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@click.option("--model", "override", metavar="FILE", help="Take the trace's model from this file.")
def export(path: Path, kind: str, out: Path, override: str | None) -> int:
    """Write a trace as a test file for pytest, or in ITF, which Apalache and its viewers read."""
    from racecheck.export import to_itf, to_pytest
    from racecheck.render.files import write

    program, trace, run = followed(path, override)
    write(out, (to_pytest(trace) if kind == "pytest" else to_itf(program, trace, run)).encode())
    click.echo(str(out))
    return OK


def step_through(paths: tuple[str, ...], override: str | None) -> int:
    """Go through one trace by commands from stdin: a terminal is asked for each."""
    from racecheck.stepping import Walk, go

    if len(paths) != 1:
        raise UsageError(f"--step goes through one trace, not {len(paths)}")
    program, trace, run = followed(Path(paths[0]), override)
    go(Walk(program, trace, run, columns()), _commands(), click.echo)
    return OK


def _commands() -> Iterator[str]:
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    while True:
        try:
            yield input("> ")
        except EOFError:
            return
