"""Dead locals and empty nodes leave the graph: they would multiply states for nothing.

Liveness is strong: a local that only feeds dead locals is dead.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from racecheck.compiler.builder import GraphBuilder
from racecheck.compiler.expr import FALLIBLE, Expr, Op, Reg, walk
from racecheck.compiler.ir import Assign, Branch, Choose, Node, Skip, Step, Undefine, is_place
from racecheck.compiler.program import Graph
from racecheck.errors import ModelError

Live = list[frozenset[int]]


def registers(exprs: Iterable[Expr]) -> set[int]:
    """The indices of the registers in the expressions."""
    return {part.index for expr in exprs for part in walk(expr) if isinstance(part, Reg)}


def _is_needed(node: Node, after: frozenset[int]) -> bool:
    """Whether an assignment does anything that can be seen."""
    if not isinstance(node, Assign):
        return True
    fallible = isinstance(node.value, Op) and node.value.symbol in FALLIBLE
    return fallible or node.target.index in after


def liveness(nodes: list[Node]) -> tuple[Live, Live]:
    """The registers live before and after each node: the least fixed point."""
    before: Live = [frozenset()] * len(nodes)
    after: Live = [frozenset()] * len(nodes)
    changed = True
    while changed:
        changed = False
        for i in range(len(nodes) - 1, -1, -1):
            node = nodes[i]
            after[i] = frozenset().union(*(before[s] for s in node.successors() if s >= 0))
            live = after[i] - {t.index for t in node.targets()}
            if _is_needed(node, after[i]):
                live |= registers(node.uses())
            if live != before[i]:
                before[i], changed = live, True
    return before, after


def refuse_undefined(nodes: list[Node], names: list[str]) -> None:
    """Raise ModelError for a local that may be used before it is assigned."""
    _, after = liveness(nodes)
    for node, live in zip(nodes, after, strict=True):
        if isinstance(node, Undefine):
            for register in node.registers:
                if register.index in live:
                    site = _first_use(nodes, node, register).site
                    raise ModelError(
                        f"{site.text}: {names[register.index]} may be used before it is assigned; give it "
                        f"a value at the start of {node.site.function}()",
                        site.file,
                        site.line,
                    )


def _first_use(nodes: list[Node], start: Node, register: Reg) -> Node:
    """The first node that uses a register before it is assigned."""
    todo, seen = deque(start.successors()), set[int]()
    while todo:
        at = todo.popleft()
        node = nodes[at]
        if at in seen:
            continue
        seen.add(at)
        if register.index in registers(node.uses()):
            return node
        if register not in node.targets():
            todo.extend(node.successors())
    return start


def simplify(draft: GraphBuilder, line: int) -> Graph:
    """Drop what does nothing until nothing more goes, and number the nodes that can be reached."""
    nodes = draft.nodes
    while True:
        _join_copies(nodes, liveness(nodes)[1])
        _, after = liveness(nodes)
        _forget_unused_results(nodes, after)
        empty = {i for i, node in enumerate(nodes) if _is_empty(node, after[i])}
        if not _redirect(nodes, empty):
            break
    kept, live = _numbered(nodes)
    return Graph(tuple(kept), 0, tuple(draft.names), live, tuple(draft.asserts), line)


def _forget_unused_results(nodes: list[Node], after: Live) -> None:
    for node, live in zip(nodes, after, strict=True):
        if isinstance(node, (Step, Choose)) and node.target and node.target.index not in live:
            node.target = None


def _join_copies(nodes: list[Node], after: Live) -> None:
    """``t = f(); x = t`` is ``x = f()`` where t is not used again."""
    ways_in = Counter(successor for node in nodes for successor in node.successors())
    for node in nodes:
        copy = nodes[node.next] if node.next >= 0 else node
        if (
            isinstance(node, (Step, Choose, Assign))
            and isinstance(copy, Assign)
            and isinstance(copy.value, Reg)
            and copy.value == node.target
            and copy.value.index not in after[node.next]
            and ways_in[node.next] == 1
        ):
            node.target, node.next = copy.target, copy.next


def _is_empty(node: Node, after: frozenset[int]) -> bool:
    if isinstance(node, Branch):
        return node.next == node.no
    return isinstance(node, (Skip, Undefine)) or not _is_needed(node, after)


def _redirect(nodes: list[Node], empty: set[int]) -> bool:
    """Let each edge to an empty node lead to what follows it; whether any edge moved."""
    moved = False
    for node in nodes:
        for edge in ("next", "no", "otherwise"):
            at = getattr(node, edge, -1)
            end = _follow(nodes, empty, at)
            if end != at:
                setattr(node, edge, end)
                moved = True
    return moved


def _follow(nodes: list[Node], empty: set[int], at: int) -> int:
    seen: set[int] = set()
    while at in empty and at not in seen:
        seen.add(at)
        at = nodes[at].next
    return min(seen) if at in seen else at  # a loop of nothing stays, for the error when it runs


def _numbered(nodes: list[Node]) -> tuple[list[Node], dict[int, tuple[int, ...]]]:
    """The nodes that can be reached, numbered anew, and what is live at their places."""
    reached, todo = {0}, [0]
    while todo:
        for successor in nodes[todo.pop()].successors():
            if successor not in reached:
                reached.add(successor)
                todo.append(successor)
    number = {old: new for new, old in enumerate(sorted(reached))}
    kept = [nodes[old] for old in sorted(reached)]
    for node in kept:
        for edge in ("next", "no", "otherwise"):
            if getattr(node, edge, -1) >= 0:
                setattr(node, edge, number[getattr(node, edge)])
    before, _ = liveness(kept)
    live = {i: tuple(sorted(before[i])) for i, node in enumerate(kept) if is_place(node)}
    return kept, live
