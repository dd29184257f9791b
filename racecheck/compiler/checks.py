"""Rules of the language that the graph shows: loops, rests, groups, ghosts, events."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import networkx as nx

from racecheck.compiler.ir import (
    Choose,
    End,
    Enter,
    Event,
    Head,
    Leave,
    Node,
    Require,
    Rest,
    SetGhost,
    Step,
    Together,
    is_place,
)
from racecheck.errors import ModelError
from racecheck.model import HOSTILE, Role


def check_graph(nodes: list[Node], role: Role) -> None:
    """Raise ModelError where a process breaks a rule."""
    _refuse_loops_of_choices(nodes)
    if role is HOSTILE:
        _refuse_restless_loops(nodes)
    for start, node in enumerate(nodes):
        if isinstance(node, Enter):
            node.waits = _check_group(nodes, start)
    _refuse_early_ghosts(nodes)
    _refuse_early_events(nodes)


def is_step(node: Node) -> bool:
    """Whether the node starts a step of its own."""
    return isinstance(node, (Step, Together, Enter)) and not node.inside


def _error(node: Node, why: str) -> ModelError:
    return ModelError(f"{node.site.text}: {why}", node.site.file, node.site.line)


def _cycles(nodes: list[Node], without: Callable[[Node], bool]) -> Iterator[list[Node]]:
    """The strongly connected parts that are left when some nodes are taken out."""
    graph = nx.DiGraph(
        (i, successor)
        for i, node in enumerate(nodes)
        for successor in node.successors()
        if successor >= 0 and not without(node) and not without(nodes[successor])
    )
    for part in nx.strongly_connected_components(graph):
        if len(part) > 1 or any(graph.has_edge(i, i) for i in part):
            yield [nodes[i] for i in sorted(part)]


def _refuse_loops_of_choices(nodes: list[Node]) -> None:
    def stops(node: Node) -> bool:
        return is_step(node) or isinstance(node, Rest) or (isinstance(node, Head) and node.bounded)

    for part in _cycles(nodes, stops):
        if any(isinstance(node, Choose) for node in part):
            raise _error(part[0], "this loop can go round without a step or a rest(); take a step in it")


def _refuse_restless_loops(nodes: list[Node]) -> None:
    for part in _cycles(nodes, lambda node: isinstance(node, Rest)):
        for node in part:
            if isinstance(node, Head) and node.outermost:
                raise _error(
                    node,
                    "a HOSTILE process must pass a rest() on each round of its outermost loop; add "
                    "rest(), or write a bounded loop with range()",
                )


def _check_group(nodes: list[Node], start: int) -> bool:
    """Whether the group may wait; raises where a later operation would."""
    waits = False
    seen: set[tuple[int, bool]] = set()
    todo = [(nodes[start].next, False)]
    while todo:
        at, preceded = todo.pop()
        node = nodes[at]
        if (at, preceded) in seen or isinstance(node, Leave):
            continue
        seen.add((at, preceded))
        if isinstance(node, Require) or (isinstance(node, Step) and node.operation.waits):
            waits = True
            if preceded:
                raise _error(node, "only the first operation of an atomic group may wait")
        preceded = preceded or isinstance(node, (Step, Together, Require, Choose))
        todo.extend((successor, preceded) for successor in node.successors())
    return waits


def _local_code(nodes: list[Node], start: int) -> Iterator[Node]:
    """The nodes that can be passed from here before the next step, choice, rest or end."""
    seen: set[int] = set()
    todo = [start]
    while todo:
        at = todo.pop()
        if at in seen or is_place(nodes[at]):
            continue
        seen.add(at)
        yield nodes[at]
        todo.extend(nodes[at].successors())


def _refuse_early_ghosts(nodes: list[Node]) -> None:
    starts = [n.next for n in nodes if isinstance(n, (Rest, Choose)) and not n.inside]
    for start in [0, *starts]:
        for node in _local_code(nodes, start):
            if isinstance(node, SetGhost):
                raise _error(
                    node,
                    "a ghost update belongs to the step before it, and there is none since the start, a "
                    "rest() or a choose(); put it after a step, or with one in 'with atomic():'",
                )


def _refuse_early_events(nodes: list[Node]) -> None:
    if isinstance(nodes[0], End):
        return
    for node in _local_code(nodes, 0):
        if isinstance(node, Event):
            raise _error(node, "an event before the first step belongs to no move; put it after a step")
