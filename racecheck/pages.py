"""What goes into the page of a model, or of a trace: searched, judged and drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from racecheck.atlas import UNREACHED, Atlas
from racecheck.compiler.program import Program
from racecheck.diagram import (
    RUNG,
    TRACE,
    VALUES,
    WHOLE,
    Diagram,
    count_groups,
    diagram_of,
    readable_diagram,
)
from racecheck.explore.engine import Key
from racecheck.explore.limits import Limits
from racecheck.explore.path import Run
from racecheck.explore.python import PythonEngine
from racecheck.explore.search import Space, Watch, explore
from racecheck.marks import Marks, marks_of
from racecheck.render.columns import count
from racecheck.render.page import Contents, Shown, page_html
from racecheck.render.progress import rung_text
from racecheck.render.story import story_of
from racecheck.replay import follow
from racecheck.report import Report, build_report
from racecheck.semantics import State, initial, steps
from racecheck.trace import Trace
from racecheck.verdicts.safety import judge
from racecheck.vicinity import vicinity_of

MOST_STATES = 2000
"""States that a page holds: all of them, or beside those of its traces those around them."""
MOST_NODES = 250
"""Nodes of a graph that one can pan and zoom."""


def model_page(program: Program, by: str, limits: Limits, watch: Watch = lambda _: None) -> str:
    """The page of a model: every property's verdict, and a chart for each trace."""
    space = explore(PythonEngine(program, symmetry=True), limits, watch)
    return space_page(space, by, lambda: limits.reason(0))


def space_page(space: Space, by: str = "", give_up: Callable[[], str | None] = lambda: None) -> str:
    """The page of a model that was searched."""
    report = build_report(space, judge(space, None, give_up), space.seconds)
    traces = [result.trace for result in report.results if result.trace is not None]
    return _page(space, report, traces, by)


def trace_page(program: Program, trace: Trace, run: Run, by: str) -> str:
    """The page of a trace: of the whole model where that is small, else of what is around the trace."""
    space = explore(PythonEngine(program, symmetry=True), Limits(MOST_STATES, None))
    if space.complete and by != TRACE:
        return _page(space, build_report(space, judge(space), space.seconds), [trace], by)
    atlas = Atlas(program)
    _add_around(atlas, [run])
    diagram = vicinity_of(program, trace, run)
    nodes = [diagram.members.get(state, UNREACHED) for state in atlas.states]
    marks = [tuple(diagram.nodes[node].marks) if node >= 0 else () for node in nodes]
    verdict = (trace.verdict, trace.kind, trace.property, trace.rung or "")
    summary = f"{count(len(atlas.states), 'state')} along the trace and one move away from it"
    shown = [Shown(story_of(program, trace, run), run)]
    return page_html(Contents(program.model, summary, [verdict], atlas, nodes, marks, diagram, shown))


def _page(space: Space, report: Report, traces: Sequence[Trace], by: str) -> str:
    program, marks = space.program, marks_of(space)
    runs = [follow(program, trace)[0] for trace in traces]
    atlas = Atlas(program)
    whole = space.complete and space.states <= MOST_STATES
    if whole:
        atlas.add(map(space.engine.decode, space.parents))
    else:
        _add_around(atlas, runs)
        room = max(0, MOST_STATES - len(atlas.states))
        atlas.add(map(space.engine.decode, islice(space.parents, room)))
    diagram = _diagram(space, marks, by)
    shown = [Shown(story_of(program, *pair), pair[1]) for pair in zip(traces, runs, strict=True)]
    placed = _placed(space, marks, atlas, diagram)
    return page_html(
        Contents(program.model, _summary(space, atlas), _verdicts(report), atlas, *placed, diagram, shown)
    )


def _summary(space: Space, atlas: Atlas) -> str:
    extent = "every interleaving" if space.complete else f"STOPPED by {space.stopped}"
    searched = f"{extent}: {count(space.states, 'state')}, {count(space.transitions, 'transition')}"
    here = len(atlas.states)
    return searched if here == space.states else f"{searched}; {here:,} of the states are in this page"


def _verdicts(report: Report) -> list[tuple[str, str, str, str]]:
    return [
        (r.verdict, r.kind, r.property, rung_text(r.progress) if r.progress else r.reason)
        for r in report.results
    ]


def _add_around(atlas: Atlas, runs: Sequence[Run]) -> None:
    """The initial state, those of the runs, and where one other move leads: from the runs' ends first."""
    program = atlas.program
    atlas.add([initial(program)])
    for run in runs:
        atlas.add(run.states)
    most = len(atlas.states) + MOST_STATES
    for number in range(len(atlas.states) - 1, -1, -1):
        if len(atlas.states) > most:
            return
        atlas.add(move.target for move in steps(program, atlas.states[number], by_place=True))


def _diagram(space: Space, marks: Marks, by: str) -> Diagram | None:
    """The one that was asked for; else the first that can be read; None if none can."""
    if by:
        return readable_diagram(space, marks, by, MOST_NODES)
    fitting = (
        by for by in (WHOLE, VALUES, RUNG) if count_groups(space, marks, by, MOST_NODES) <= MOST_NODES
    )
    found = next(fitting, None)
    return None if found is None else diagram_of(space, marks, found)


def _placed(
    space: Space, marks: Marks, atlas: Atlas, diagram: Diagram | None
) -> tuple[list[int], list[tuple[str, ...]]]:
    """The node and the marks of each state of the atlas."""
    keys = [_key(space, state) for state in atlas.states]
    wanted = set(keys)
    numbers = {key: number for number, key in enumerate(space.parents) if key in wanted}
    nodes = [diagram.members.get(key, UNREACHED) if diagram else UNREACHED for key in keys]
    return nodes, [marks.of.get(numbers.get(key, UNREACHED), ()) for key in keys]


def _key(space: Space, state: State) -> Key | None:
    """The engine's; None for a state with values that the search has not come to."""
    key = space.engine.encode(state)
    return key if space.engine.decode(key) == state else None
