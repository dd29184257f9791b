"""The command that reads real kernels' logs: ``observe``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from racecheck.console import BROKEN, JSON, OK, print_json
from racecheck.errors import UsageError
from racecheck.terminal import columns

if TYPE_CHECKING:
    from racecheck.observe.page import Page
    from racecheck.observe.watch import Observation

SUFFIXES = (".svg", ".html")
PAGES = 200
"""So many pages are followed closely enough to be drawn."""


class PageFrame(click.ParamType[int]):
    """A page frame number, as logs print it (0x1808) or decimal."""

    name = "pfn"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; fails for what is none."""
        try:
            return int(str(value), 0)
        except ValueError:
            self.fail(f"{value!r} is no page frame number; write it as the log does: 0x1808", param, ctx)


@click.command()
@click.argument("log", metavar="LOG")
@click.option("--pfn", type=PageFrame(), help="Look at this page only, and print its timeline.")
@click.option("--policies", is_flag=True, help="Print what each policy would have said at each attempt.")
@click.option(
    "-o", "out", type=click.Path(dir_okay=False, path_type=Path), help="Draw a page: .svg or .html."
)
@click.option("--models", metavar="DIR", help="The folder of the models.  [default: that of racecheck]")
@JSON
def observe(  # noqa: PLR0917 - click passes options by position
    log: str, pfn: int | None, policies: bool, out: Path | None, models: str | None, as_json: bool
) -> int:
    """Hold a kernel's log of refcount changes (page_ref tracepoints) against the models.

    LOG is tracefs' trace file or what trace-cmd report prints, as it is or compressed (.xz, .gz), or - for
    standard input. Each page's changes are put in order, named as operations of the models, and checked.
    Exit status: 0 no invariant was violated (torn reads are none), 1 one was.
    """
    from racecheck.observe.invariants import VIOLATION
    from racecheck.observe.lexicon import lexicon_of, models_folder
    from racecheck.observe.report import observation_json
    from racecheck.observe.source import opened, pieces
    from racecheck.observe.watch import Watch
    from racecheck.render.observed import render_observation

    if out is not None and out.suffix not in SUFFIXES:
        raise UsageError(
            f"no timeline is drawn as {out.suffix or 'a file without suffix'}: write .svg or .html",
            str(out),
        )
    with redirect_stdout(sys.stderr):
        words = lexicon_of(models_folder(models))
    told = PAGES if out is not None else int(not as_json)
    with opened(log) as stream:
        seen = Watch(words, pfn, told).follow(pieces(stream))
    if pfn is not None and not seen.pages:
        raise UsageError(f"no record of page {pfn:#x} among {seen.log.records:,}", log)
    if out is not None:
        _draw(seen, out, log)
    if as_json:
        print_json(observation_json(seen))
    else:
        click.echo(render_observation(seen, log, columns(), policies), nl=False)
    violated = any(f.judged == VIOLATION for page in seen.pages.values() for f in page.findings)
    return BROKEN if violated else OK


def _draw(seen: Observation, out: Path, log: str) -> None:
    from racecheck.render.dossier import timeline_html
    from racecheck.render.files import write
    from racecheck.render.timeline import timeline_svg

    page = _busiest(seen, log)
    if len(seen.pages) > 1:
        click.echo(f"{out} has page {page.pfn:#x}, of {len(seen.pages):,}: --pfn draws another", err=True)
    picture = timeline_svg(seen, page)
    write(out, (picture if out.suffix == ".svg" else timeline_html(seen, page, picture, log)).encode())


def _busiest(seen: Observation, log: str) -> Page:
    """The page with the most records, one of those with attempts if there are any."""
    drawn = [page for page in seen.pages.values() if page.chronicle is not None]
    if not drawn:
        raise UsageError("no record of a page: there is nothing to draw", log)
    return max(drawn, key=lambda page: (bool(page.attempts), page.records))
