"""A compiled model: shared slots, and a graph for each process and each condition."""

from __future__ import annotations

from attrs import frozen

from racecheck.compiler.ir import Fail, Node
from racecheck.model import Model, Process, Property


@frozen
class Slot:
    """A shared word or ghost: its name, C width (0: a ghost), kind and initial value."""

    label: str
    bits: int
    kind: str
    initial: int
    owner: str


@frozen(eq=False)
class Graph:
    """Nodes from ``entry`` on; ``names`` of the registers; the registers live at each place."""

    nodes: tuple[Node, ...]
    entry: int
    names: tuple[str, ...]
    live: dict[int, tuple[int, ...]]
    asserts: tuple[Fail, ...]
    line: int


@frozen(eq=False)
class Entry:
    """A ``Process`` entry of the model with its graph."""

    process: Process
    graph: Graph


@frozen(eq=False)
class Claim:
    """A property with the graphs of its condition, or of what it excuses and counts."""

    property: Property
    condition: Graph | None
    unless: Graph | None
    cost: tuple[Graph, ...]

    def graphs(self) -> list[Graph]:
        """All of its graphs."""
        return [graph for graph in (self.condition, self.unless, *self.cost) if graph is not None]


@frozen(eq=False)
class Program:
    """A compiled model."""

    model: Model
    slots: tuple[Slot, ...]
    entries: tuple[Entry, ...]
    claims: tuple[Claim, ...]

    def asserts(self) -> list[str]:
        """The names of the asserts, in the order of the source."""
        return _names([node for entry in self.entries for node in entry.graph.asserts])

    def failures(self) -> list[str]:
        """The asserts, then what else can fail: the unlock of a lock that is not held."""
        nodes = [node for entry in self.entries for node in entry.graph.nodes]
        failing = _names([node for node in nodes if isinstance(node, Fail)])
        return list(dict.fromkeys([*self.asserts(), *failing]))


def _names(nodes: list[Fail]) -> list[str]:
    ordered = sorted(nodes, key=lambda node: (node.site.file, node.site.line))
    return list(dict.fromkeys(node.name for node in ordered))
