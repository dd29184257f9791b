"""A searched space as a networkx graph, for algorithms and drawings on small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racecheck.explore.search import Space
from racecheck.semantics import steps

if TYPE_CHECKING:
    import networkx as nx


def to_networkx(space: Space) -> nx.MultiDiGraph[int]:
    """The states as nodes, numbered as they were reached; an edge for each place that can move.

    A node has its ``state``; an edge its ``process`` (the entry's name), ``place``, ``waiting`` (how many
    processes stand there), ``operation``, ``choices`` and ``events``. Costs 1 to 2 KB a state.
    """
    import networkx as nx

    numbers = {key: number for number, key in enumerate(space.parents)}
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    for key, number in numbers.items():
        graph.add_node(number, state=space.engine.decode(key))
    for key in numbers.keys() - set(space.frontier):
        _add_edges(space, graph, numbers, key)
    return graph


def _add_edges(space: Space, graph: nx.MultiDiGraph[int], numbers: dict[object, int], key: object) -> None:
    state = space.engine.decode(key)
    for move in steps(space.program, state, by_place=space.engine.symmetry):
        places = state.places[move.entry]
        place = places[move.number]
        graph.add_edge(
            numbers[key],
            numbers[space.engine.encode(move.target)],
            process=space.program.entries[move.entry].process.name,
            place=place,
            waiting=places.count(place),
            operation=move.outcome.site.text,
            choices=move.outcome.choices,
            events=move.outcome.events,
        )
