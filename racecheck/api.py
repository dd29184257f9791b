"""``check``: compile a model, search it, judge its properties, and report."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from racecheck.blame import kind_of
from racecheck.compiler.compile import compile_model
from racecheck.compiler.program import Program
from racecheck.errors import PropertyError, UsageError
from racecheck.explore.automatic import search
from racecheck.explore.limits import Limits
from racecheck.explore.search import Space, Watch
from racecheck.harness import harness
from racecheck.model import Model, ModelFunction
from racecheck.render.text import render_report
from racecheck.report import BROKEN, Report, build_report
from racecheck.verdicts.safety import judge, property_names

UNFINISHED = ": give it more, check less, or mark the test with racecheck_unfinished_ok"


def state_space(
    model: Model | ModelFunction,
    *,
    symmetry: bool = True,
    engine: str = "auto",
    limits: Limits | None = None,
    watch: Watch = lambda _: None,
) -> Space:
    """Reach every state of a model, or as many as the limits allow; ``racecheck.graph`` shows it."""
    return search(engine, compiled(model), symmetry=symmetry, limits=limits or Limits(), watch=watch)


def report_on(
    model: Model | ModelFunction,
    *,
    only: str | None = None,
    symmetry: bool = True,
    engine: str = "auto",
    limits: Limits | None = None,
    watch: Watch = lambda _: None,
    checkpoint: Path | None = None,
    beside: bool = True,
) -> Report:
    """Check a model, and return the report whatever the verdicts are.

    ``only`` names the one property to check; UsageError if there is none of that name. Errors of the
    model raise ModelError. Memory grows with the number of states: some 200 bytes each in plain Python, 30
    and more in machine code. A ``checkpoint`` is a folder to save the search in, and to go on from. Without
    ``beside`` no stalls, attempts or chances are sought beside a rung, which may take longer than the rung.
    """
    program = compiled(model, only)
    limits = limits or Limits()
    start = time.monotonic()
    space = search(engine, program, symmetry=symmetry, limits=limits, watch=watch, checkpoint=checkpoint)
    findings = judge(space, only, lambda: limits.reason(0), beside)
    return build_report(space, findings, time.monotonic() - start)


def check(
    model: Model | ModelFunction,
    *,
    only: str | None = None,
    symmetry: bool = True,
    engine: str = "auto",
    max_states: int | None = None,
    max_seconds: float | None = None,
) -> Report:
    """Check every property of a model, for use in a test: ``racecheck.check(folio(mappers=2))``.

    The options are those of the command line; ``only`` names one property. Returns the report if all holds
    under sequential consistency; else raises PropertyError, an AssertionError whose text is the report.
    Under pytest, limits that are not given are those of the session.
    """
    __tracebackhide__ = True
    around = harness.get()
    limits = Limits(
        around.max_states if max_states is None else max_states,
        around.max_seconds if max_seconds is None else max_seconds,
    )
    report = report_on(model, only=only, symmetry=symmetry, engine=engine, limits=limits)
    saved = around.told(report)
    if report.verdicts() - ({"holds", "unfinished"} if around.unfinished_ok else {"holds"}):
        lines = [f"saved: racecheck replay {shlex.quote(path)}\n" for path in saved.values()]
        advice = "" if report.verdicts() & set(BROKEN) else UNFINISHED
        text = render_report(report, width=100)
        raise PropertyError(f"{report.outcome()}{advice}\n\n{text}{''.join(lines)}")
    return report


def compiled(model: Model | ModelFunction, only: str | None = None) -> Program:
    """The program of a model; UsageError if it is none, or has no property named ``only``."""
    built = model() if isinstance(model, ModelFunction) else model
    if not isinstance(built, Model):
        raise UsageError(f"this takes a model, or a function with @racecheck.model, not {kind_of(model)}")
    program = compile_model(built)
    if only is not None and only not in (names := property_names(program)):
        raise UsageError(f"no property {only!r}; name one of {', '.join(map(repr, names))}", built.file)
    return program
