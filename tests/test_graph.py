"""The networkx view has the states and transitions that the search counted."""

from pathlib import Path

import networkx as nx
import pytest

from racecheck import state_space
from racecheck.graph import to_networkx
from racecheck.load import load_model

MODELS = Path(__file__).parents[1] / "models"


@pytest.mark.parametrize("symmetry", [False, True])
def test_graph_counts_what_the_search_counted(symmetry):
    """Nodes are states, edges are transitions, and all is reached from the first."""
    space = state_space(load_model(str(MODELS / "snapshot.py")), symmetry=symmetry)
    graph = to_networkx(space)

    assert (len(graph), graph.size()) == (space.states, space.transitions)
    assert nx.descendants(graph, 0) | {0} == set(graph)
    assert max(nx.single_source_shortest_path_length(graph, 0).values()) == space.depth
