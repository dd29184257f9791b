"""Building a graph node by node, and the values that the front end computes with."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from attrs import Factory, define, field, frozen

from racecheck.compiler.expr import Const, Expr, Reg, WordRef
from racecheck.compiler.ir import Assign, Branch, Fail, Head, Node, Site, Skip, Undefine
from racecheck.compiler.program import Slot
from racecheck.compiler.source import Source
from racecheck.errors import ModelError
from racecheck.words import Array, Word

Loose = list[tuple[Node, str]]
"""Edges that wait for the node they lead to."""


@frozen
class Static:
    """An object that is known when compiling and is not an int: a function, a Shared, a string..."""

    value: Any


@frozen
class Tuple:
    """A tuple of values."""

    items: tuple[Value, ...]


@frozen
class WordValue:
    """A shared word itself, not what it holds."""

    ref: WordRef
    word: Word = field(eq=False)


@frozen
class ArrayValue:
    """A whole array of words."""

    array: Array
    base: int


@frozen
class GhostValue:
    """A ghost itself."""

    slot: int


@frozen(eq=False)
class Closure:
    """A lambda in a process function, which sees its locals."""

    tree: ast.Lambda
    frame: Frame


@frozen
class Nothing:
    """What an operation without a result gives; ``why`` says what to write instead."""

    why: str = field(eq=False)


@frozen
class Mixed:
    """What is an int on one way and something else on another; its truth, if the others are None."""

    truth: Expr | None = None


Value = Expr | Static | Tuple | WordValue | ArrayValue | GhostValue | Closure | Nothing | Mixed
NONE = Static(None)
LARGEST: Final = 20_000
"""Nodes of one graph: more come of calls in calls in calls."""


@frozen(eq=False)
class SlotTable:
    """The shared words and ghosts of a model, and their index by the object's id."""

    table: tuple[Slot, ...]
    ids: dict[int, int]


@define(eq=False)
class Loop:
    """Where ``break`` and ``continue`` of the innermost loop go."""

    breaks: Loose = Factory(list)
    continues: Loose = Factory(list)
    depth: int = 0


@define(eq=False)
class Frame:
    """One call of a function that is being inlined."""

    source: Source
    lookup: Callable[[str], Any]
    undefine: Undefine
    counts: dict[str, int]
    depth: int
    scope: dict[str, Value] = Factory(dict)
    loops: list[Loop] = Factory(list)
    nesting: int = 0
    returned: list[tuple[Value, Loose]] = Factory(list)

    def is_constant(self, name: str) -> bool:
        """Whether the name is assigned once, on every path: then a constant can stand for it."""
        return self.counts.get(name, 0) == 1 and self.nesting == 0


class GraphBuilder:
    """Nodes so far, and the edges that lead to whatever comes next."""

    def __init__(self, site: Site) -> None:
        self.nodes: list[Node] = []
        self.names: list[str] = []
        self.asserts: list[Fail] = []
        self.loose: Loose = []
        self.depth = 0
        self.whiles = 0
        self.emit(Skip(site))

    def register(self, name: str) -> Reg:
        """A fresh local."""
        self.names.append(name)
        return Reg(len(self.names) - 1)

    def emit(self, node: Node) -> Node:
        """Append the node where the loose edges lead."""
        if len(self.nodes) >= LARGEST:
            raise ModelError(
                f"{node.site.text}: the process is too large with every call written out, more than "
                f"{LARGEST:,} operations; call fewer functions from functions",
                node.site.file,
                node.site.line,
            )
        self.nodes.append(node)
        node.inside = self.depth > 0
        self.land(len(self.nodes) - 1)
        self.loose = [(node, "next")] if node.successors() else []
        return node

    def land(self, index: int) -> None:
        """Let the loose edges lead to this node."""
        for node, edge in self.loose:
            setattr(node, edge, index)
        self.loose = []

    def head(self, site: Site, bounded: bool) -> int:
        """The head of a loop, to which its body leads back."""
        self.emit(Head(site, bounded, outermost=not bounded and not self.whiles))
        return len(self.nodes) - 1

    def fail(self, node: Fail, edges: Loose) -> None:
        """Let these edges end in a failed assert."""
        kept, self.loose = self.loose, edges
        self.emit(node)
        self.loose = kept

    def branch(self, site: Site, condition: Expr) -> tuple[Loose, Loose]:
        """The edges for true and for false; a constant has only one."""
        if isinstance(condition, Const):
            edges, self.loose = self.loose, []
            return (edges, []) if condition.value else ([], edges)
        node = self.emit(Branch(site, condition))
        self.loose = []
        return [(node, "next")], [(node, "no")]

    def assign(self, site: Site, target: Reg, value: Expr) -> None:
        """``target = value``."""
        self.emit(Assign(site, target, value))

    def temporary(self, site: Site, value: Expr) -> Expr:
        """The value as it is now, in an expression that is cheap to use twice."""
        if isinstance(value, (Const, Reg)):
            return value
        target = self.register("")
        self.assign(site, target, value)
        return target


@contextmanager
def flag(owner: object, name: str, value: object = True) -> Iterator[None]:
    """Set a flag for the length of a block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def assigned_names(body: list[ast.stmt]) -> dict[str, int]:
    """How often each name is assigned in the statements, nested functions left out."""
    counts: dict[str, int] = {}
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.GeneratorExp)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            counts[node.id] = counts.get(node.id, 0) + 1
        todo.extend(ast.iter_child_nodes(node))
    return counts
