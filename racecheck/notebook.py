"""How spaces and traces show themselves in a notebook."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from racecheck.diagram import READABLE, WHOLE, diagram_of
from racecheck.explore.search import Space
from racecheck.marks import marks_of
from racecheck.pages import MOST_STATES, space_page
from racecheck.render.chart import chart_svg
from racecheck.render.states import states_svg
from racecheck.render.story import Story
from racecheck.trace import Trace

HEIGHT = 760
"""Pixels of a page inside a notebook."""


def space_svg(space: Space) -> str | None:
    """The state graph; None if it is too large to read, or the search did not end."""
    if not space.complete or space.states > READABLE:
        return None
    return states_svg(diagram_of(space, marks_of(space), WHOLE))


def space_html(space: Space) -> str | None:
    """The page of the model, in a frame that keeps its style to itself; None if it does not hold all."""
    if not space.complete or space.states > MOST_STATES:
        return None
    page = escape(space_page(space))
    return f'<iframe srcdoc="{page}" style="width:100%;height:{HEIGHT}px;border:0"></iframe>'


def trace_svg(trace: Trace) -> str:
    """The chart. It runs no code of the model, so a lane begins where its word is first written."""
    return chart_svg(Story(trace))


def trace_html(trace: Trace) -> str:
    """The same as an image: its style stays in it."""
    return (
        f'<img alt="trace" src="data:image/svg+xml;base64,{b64encode(trace_svg(trace).encode()).decode()}">'
    )
