"""A searched space as a networkx graph, for algorithms and drawings on small ones, and as files of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from racecheck.diagram import operation_text
from racecheck.explore.search import Space
from racecheck.marks import Marks
from racecheck.places import place_text
from racecheck.semantics import State, steps

if TYPE_CHECKING:
    import networkx as nx

    from racecheck.diagram import Diagram

MOST_STATES = 200_000
"""States of a file of a whole graph."""


def to_networkx(space: Space, marks: Marks | None = None) -> nx.MultiDiGraph[int]:
    """The states as nodes, numbered as they were reached; an edge for each place that can move.

    All attributes are strings and ints, so that every writer of networkx takes them. A node has the value
    of each shared word by its name, where the processes stand ("at mapper"), its ``depth``, whether it is
    ``initial``, and its ``marks`` if they are given; an edge its ``process`` (the entry's name), ``role``,
    ``function``, ``line``, ``operation``, ``choices``, ``events``, and how many ``processes`` stand there.
    Costs 1 to 2 KB a state.
    """
    import networkx as nx

    numbers = {key: number for number, key in enumerate(space.parents)}
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(model=space.program.model.name)
    depths: list[int] = []
    for key, number in numbers.items():
        parent = numbers[space.parents[key]]
        depths.append(depths[parent] + 1 if parent != number else 0)
        extra = {} if marks is None else {"marks": ", ".join(marks.of.get(number, ()))}
        initial = {"depth": depths[number], "initial": int(number == 0)}
        graph.add_node(number, **_node(space, space.engine.decode(key)), **initial, **extra)
    unseen = set(space.frontier)
    for key in numbers:
        if key not in unseen:
            _add_edges(space, graph, numbers, key)
    return graph


def _node(space: Space, state: State) -> dict[str, int | str]:
    words = {slot.label: v for slot, v in zip(space.program.slots, state.shared, strict=True)}
    places = {
        f"at {entry.process.name}": ", ".join(place_text(entry.graph, place) for place in own)
        for entry, own in zip(space.program.entries, state.places, strict=True)
    }
    return words | places


def _add_edges(space: Space, graph: nx.MultiDiGraph[int], numbers: dict[object, int], key: object) -> None:
    state = space.engine.decode(key)
    for move in steps(space.program, state, by_place=space.engine.symmetry):
        places, site = state.places[move.entry], move.outcome.site
        process = space.program.entries[move.entry].process
        graph.add_edge(
            numbers[key],
            numbers[space.engine.encode(move.target)],
            process=process.name,
            role=process.role.value,
            function=site.function,
            line=site.line,
            operation=operation_text(move),
            choices=", ".join(map(str, move.outcome.choices)),
            events=", ".join(move.outcome.events),
            processes=places.count(places[move.number]),
        )


def diagram_graph(diagram: Diagram) -> nx.MultiDiGraph[int]:
    """A quotient, or the states along a trace, with plain attributes."""
    import networkx as nx

    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(model=diagram.program.model.name, by=diagram.by)
    for number, node in enumerate(diagram.nodes):
        marks = ", ".join(f"{mark} {times}" for mark, times in node.marks.items())
        about = {"label": node.label, "places": node.places}
        shown = {name: text for name, text in about.items() if text}
        graph.add_node(number, **node.values, **shown, states=node.states, marks=marks)
    for link, operations in diagram.links.items():
        graph.add_edge(
            link.source,
            link.target,
            process=link.process,
            role=link.role.value,
            goal=int(link.goal),
            taken=int(link.taken),
            operations="; ".join(operations),
        )
    return graph


def node_link(graph: nx.MultiDiGraph[int]) -> str:
    """As JSON that ``networkx.node_link_graph(data, edges="edges")`` reads."""
    import networkx as nx

    return json.dumps(nx.node_link_data(graph, edges="edges"), indent=1, ensure_ascii=False) + "\n"


def graphml(graph: nx.MultiDiGraph[int]) -> str:
    """As GraphML."""
    import networkx as nx

    buffer = BytesIO()
    nx.write_graphml(graph, buffer)
    return buffer.getvalue().decode() + "\n"


def dot(graph: nx.MultiDiGraph[int]) -> str:
    """As Graphviz reads it: each name and value is quoted."""
    lines = [f"digraph {_quoted(graph.graph['model'])} {{"]
    lines += [f"  {number} [{_attributes(data)}];" for number, data in graph.nodes(data=True)]
    lines += [f"  {a} -> {b} [{_attributes(data)}];" for a, b, data in graph.edges(data=True)]
    return "\n".join([*lines, "}"]) + "\n"


def _attributes(data: Mapping[str, Any]) -> str:
    """With a label made of the others, for a picture of it."""
    shown = "\n".join(f"{key} {value}" for key, value in data.items() if value != "")
    pairs = {"label": shown} | {k: v for k, v in data.items() if k != "label"}
    return ", ".join(f"{_quoted(key)}={_quoted(value)}" for key, value in pairs.items())


def _quoted(text: object) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
