"""The victim of a progress property: one process that runs for ever, and where its attempts begin."""

from __future__ import annotations

import networkx as nx

from racecheck.compiler.builder import GraphBuilder
from racecheck.compiler.ir import Attempt, End, Event, Fail, Head
from racecheck.errors import ModelError
from racecheck.model import VICTIM, Model, Process


def mark_attempts(model: Model, drafts: list[GraphBuilder]) -> None:
    """Mark the head of each victim's loop; ModelError where a progress property has no proper victim."""
    for claim in model.properties:
        if claim.kind == "progress":
            _mark_heads(drafts[victim_of(model, drafts, claim.name)])


def victim_of(model: Model, drafts: list[GraphBuilder], event: str) -> int:
    """The number of the one VICTIM process that emits the event; it never returns."""
    found = [
        i
        for i, (process, draft) in enumerate(zip(model.processes, drafts, strict=True))
        if process.role is VICTIM and any(_emits(draft, at, event) for at in _reached(draft))
    ]
    if not found:
        raise ModelError(
            f"progress({event!r}): no process with role=VICTIM emits event({event!r}); name the process "
            "that must come to it again and again",
            model.file or None,
            model.line,
        )
    victims = [model.processes[i] for i in found]
    if len(victims) > 1 or victims[0].count > 1:
        names = ", ".join(name for process in victims for name in process.instances())
        raise _error(
            victims[-1],
            f"progress({event!r}) has several victims: {names}; its victim is one process, so make the "
            "others KERNEL",
        )
    draft = drafts[found[0]]
    if any(isinstance(draft.nodes[at], End) for at in _reached(draft)):
        raise _error(
            victims[0],
            f"the victim of progress({event!r}) can return, and would be blocked after its success; put "
            "its attempts in 'while True:', without a way out",
        )
    return found[0]


def _error(process: Process, why: str) -> ModelError:
    code = process.function.__code__
    return ModelError(f"process {process.name!r}: {why}", code.co_filename, code.co_firstlineno)


def _emits(draft: GraphBuilder, at: int, event: str) -> bool:
    node = draft.nodes[at]
    return isinstance(node, Event) and node.name == event


def _flow(draft: GraphBuilder) -> nx.DiGraph[int]:
    edges = ((at, s) for at, node in enumerate(draft.nodes) for s in node.successors() if s >= 0)
    return nx.DiGraph(edges)


def _reached(draft: GraphBuilder) -> set[int]:
    flow = _flow(draft)
    return {0} | (nx.descendants(flow, 0) if 0 in flow else set())


def _mark_heads(draft: GraphBuilder) -> None:
    """The loops that cannot be left but by a failed assert: earlier ones only prepare the attempts."""
    running = {at for at in _reached(draft) if not isinstance(draft.nodes[at], Fail)}
    for part in nx.attracting_components(_flow(draft).subgraph(running)):
        for at in part:
            node = draft.nodes[at]
            if isinstance(node, Head) and node.outermost:
                draft.nodes[at] = Attempt(node.site, next=node.next)
