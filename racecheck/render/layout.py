"""Where Graphviz puts boxes of given sizes and the arrows between them; it draws nothing itself."""

from __future__ import annotations

import json
from collections.abc import Sequence

from attrs import frozen

from racecheck.errors import UsageError

Point = tuple[float, float]
Size = tuple[float, float]
BLANK = '<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{}" HEIGHT="{}"><TR><TD></TD></TR></TABLE>>'
"""A label of a size: so the room is that of our text, whatever fonts Graphviz finds."""


@frozen
class Arrow:
    """From box to box, with room for a label; a ``straight`` one is drawn so if it can be."""

    source: int
    target: int
    room: Size | None = None
    straight: bool = False


@frozen
class Layout:
    """Centres of the boxes; of each arrow a Bezier curve, its tip, and the centre of its label."""

    size: Size
    centres: list[Point]
    curves: list[list[Point]]
    tips: list[Point]
    labels: list[Point | None]


def lay_out(boxes: Sequence[Size], arrows: Sequence[Arrow]) -> Layout:
    """Layers from top to bottom, with few crossings; sizes are in pixels.

    Seconds for some hundred boxes. UsageError where Graphviz cannot be loaded.
    """
    try:
        import pygraphviz
    except ImportError as error:
        raise UsageError(
            f"Graphviz, which lays graphs out, cannot be loaded: {error}; its wheel needs the system's "
            "glib and X11 libraries (Debian: apt install libglib2.0-0 libxrender1 libxext6); charts of "
            "traces, .dot, .graphml and .json do without"
        ) from error
    graph = pygraphviz.AGraph(directed=True, strict=False)
    graph.graph_attr.update(ranksep="0.42", nodesep="0.28")
    graph.node_attr.update(shape="box", fixedsize="true", label="")
    for number, (width, height) in enumerate(boxes):
        graph.add_node(number, width=f"{width / 72:.3f}", height=f"{height / 72:.3f}")
    for number, arrow in enumerate(arrows):
        label = {"label": BLANK.format(*map(round, arrow.room))} if arrow.room else {}
        weight = 50 if arrow.straight else 1
        graph.add_edge(arrow.source, arrow.target, key=number, number=number, weight=weight, **label)
    found = json.loads(graph.draw(format="json0", prog="dot"))
    width, height = map(float, found["bb"].split(",")[2:])

    def points(text: str) -> list[Point]:
        pairs = (pair.split(",")[-2:] for pair in text.split())
        return [(float(x), height - float(y)) for x, y in pairs]

    centres = {int(box["name"]): points(box["pos"])[0] for box in found.get("objects", ())}
    edges = sorted(found.get("edges", ()), key=lambda edge: int(edge["number"]))
    ways = [points(edge["pos"]) for edge in edges]
    return Layout(
        (width, height),
        [centres[number] for number in range(len(boxes))],
        [way[1:] for way in ways],
        [way[0] for way in ways],
        [points(edge["lp"])[0] if "lp" in edge else None for edge in edges],
    )
