"""The control-flow graph that all engines run.

A graph is a tuple of nodes; a node names its successors by their index. Expressions are pure and over
ints: registers (locals), constants, operators, and bare words, which read this state's value without a
step. What a run does between two places is local code; see ``racecheck.semantics`` for how it runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, frozen

from racecheck.compiler.expr import Expr, Reg, WordRef
from racecheck.operations import Operation


@frozen
class Site:
    """Where a node comes from."""

    function: str
    file: str
    line: int
    text: str


@define(eq=False)
class Node:
    """A point of the graph; ``next`` is the successor."""

    site: Site
    next: int = field(default=-1, kw_only=True)
    inside: bool = field(default=False, kw_only=True)
    """In an atomic group, after its start: never a place."""

    def uses(self) -> Iterator[Expr]:
        """The expressions that this node evaluates."""
        yield from ()

    def targets(self) -> tuple[Reg, ...]:
        """The registers that this node sets."""
        return ()

    def successors(self) -> tuple[int, ...]:
        """Indices of the nodes that may come next."""
        return (self.next,)


@define(eq=False)
class Skip(Node):
    """Nothing; a join or the head of a loop."""


@define(eq=False)
class Head(Skip):
    """The head of a loop; ``bounded`` is a for loop, ``outermost`` a while loop in no other."""

    bounded: bool = False
    outermost: bool = False


@define(eq=False)
class Attempt(Node):
    """The head of the loop that a victim goes round for ever: where an attempt begins."""


@define(eq=False)
class Undefine(Node):
    """The start of a function's frame: its locals have no value yet."""

    registers: tuple[Reg, ...]

    def targets(self) -> tuple[Reg, ...]:
        """The locals of the frame."""
        return self.registers


@define(eq=False)
class Assign(Node):
    """``target = value``; the only node whose value may be a fallible operator."""

    target: Reg
    value: Expr

    def uses(self) -> Iterator[Expr]:
        """The value."""
        yield self.value

    def targets(self) -> tuple[Reg, ...]:
        """The target."""
        return (self.target,)


@define(eq=False)
class Branch(Node):
    """To ``next`` if the condition is true, else to ``no``."""

    condition: Expr
    no: int = -1

    def uses(self) -> Iterator[Expr]:
        """The condition."""
        yield self.condition

    def successors(self) -> tuple[int, ...]:
        """Both ways."""
        return (self.next, self.no)


@define(eq=False)
class Step(Node):
    """One operation on a word."""

    operation: Operation
    word: WordRef
    args: tuple[Expr, ...]
    target: Reg | None = None
    otherwise: int = -1
    """Where ``unlock`` goes for a process that does not hold the lock; -1 for other operations."""

    def successors(self) -> tuple[int, ...]:
        """The next node, and the failure of an unlock."""
        return (self.next,) if self.otherwise < 0 else (self.next, self.otherwise)

    def uses(self) -> Iterator[Expr]:
        """The arguments and the index."""
        yield from self.args
        yield self.word.index

    def targets(self) -> tuple[Reg, ...]:
        """The result, where it is used."""
        return (self.target,) if self.target else ()


@define(eq=False)
class Together(Node):
    """Several adjacent words in one load."""

    words: tuple[WordRef, ...]
    loaded: tuple[Reg, ...]

    def uses(self) -> Iterator[Expr]:
        """The indices."""
        for word in self.words:
            yield word.index

    def targets(self) -> tuple[Reg, ...]:
        """One register for each word."""
        return self.loaded


@define(eq=False)
class Enter(Node):
    """The start of an atomic group, or of the test of a ``wait_until``."""

    waits: bool = False


@define(eq=False)
class Leave(Node):
    """The end of an atomic group: the step is complete."""


@define(eq=False)
class Require(Node):
    """The move is enabled only if the condition is true."""

    condition: Expr

    def uses(self) -> Iterator[Expr]:
        """The condition."""
        yield self.condition


@define(eq=False)
class Choose(Node):
    """One of the options, set into ``target``."""

    options: tuple[Expr, ...]
    target: Reg | None = None
    boolean: bool = False

    def uses(self) -> Iterator[Expr]:
        """The options."""
        yield from self.options

    def targets(self) -> tuple[Reg, ...]:
        """The choice, where it is used."""
        return (self.target,) if self.target else ()


@define(eq=False)
class Rest(Node):
    """A hostile process may stay here for ever."""


@define(eq=False)
class Event(Node):
    """Something that happened."""

    name: str


@define(eq=False)
class Fence(Node):
    """A memory barrier."""

    name: str


@define(eq=False)
class SetGhost(Node):
    """``slot = value``, riding with the step before it."""

    slot: int
    value: Expr

    def uses(self) -> Iterator[Expr]:
        """The value."""
        yield self.value


@define(eq=False)
class Fail(Node):
    """A failed assert: the run ends here."""

    name: str

    def successors(self) -> tuple[int, ...]:
        """None."""
        return ()


@define(eq=False)
class End(Node):
    """The process has returned."""

    def successors(self) -> tuple[int, ...]:
        """None."""
        return ()


@define(eq=False)
class Result(Node):
    """The end of a property's condition, with its value."""

    value: Expr

    def uses(self) -> Iterator[Expr]:
        """The value."""
        yield self.value

    def successors(self) -> tuple[int, ...]:
        """None."""
        return ()


PLACES = (Step, Together, Enter, Choose, Rest, End, Fail)


def is_place(node: Node) -> bool:
    """Whether a process can stand before this node."""
    return isinstance(node, PLACES) and not (node.inside and not isinstance(node, (Fail, End)))
