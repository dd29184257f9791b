"""How one process runs from a place to the next: local code, choices, and at most one step.

Written to be read, as ``racecheck.semantics`` is, which decides who runs.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from attrs import define, field, frozen

from racecheck.compiler.expr import Bare, Const, Expr, Op, Reg, WordRef
from racecheck.compiler.ir import (
    Assign,
    Attempt,
    Branch,
    Choose,
    End,
    Enter,
    Event,
    Fail,
    Node,
    Require,
    Rest,
    Result,
    SetGhost,
    Site,
    Step,
    Together,
    is_place,
)
from racecheck.compiler.operators import OPERATORS
from racecheck.compiler.program import Graph, Program
from racecheck.errors import ModelError
from racecheck.operations import effect

LONGEST_MOVE = 10_000
"""Nodes that one move may pass, and outcomes that the choices of one move may have."""


class Place(NamedTuple):
    """Where a process stands: node, live locals, and the locks held as bits by slot."""

    node: int
    locals: tuple[int, ...]
    held: int


@frozen
class Outcome:
    """What one move of one process does."""

    shared: tuple[int, ...]
    place: Place
    site: Site
    stepped: bool
    results: tuple[int | bool | tuple[int, ...] | None, ...]
    choices: tuple[int | bool, ...]
    events: tuple[str, ...]
    failed: str | None
    passed: tuple[int, ...]
    """The nodes of steps, events and starts of attempts that the move went through, in order."""
    ways: int
    """How many outcomes the move has if each of its choices has this many: 1 without any."""


def too_long(node: Node, what: str) -> ModelError:
    """The error of a move that passes too many nodes, or has too many outcomes."""
    return ModelError(
        f"{node.site.text}: more than {LONGEST_MOVE:,} {what}; bound the loop, or take a step in it",
        node.site.file,
        node.site.line,
    )


class Blocked(Exception):
    """The step is not enabled."""


@define
class Interpreter:
    """One run of local code and at most one step."""

    program: Program
    graph: Graph
    shared: list[int]
    registers: list[int]
    held: int
    prefix: list[int]
    taken: list[int] = field(factory=list)
    widths: list[int] = field(factory=list)
    choices: list[int | bool] = field(factory=list)
    results: list[int | bool | tuple[int, ...] | None] = field(factory=list)
    events: list[str] = field(factory=list)
    passed: list[int] = field(factory=list)
    site: Site | None = None
    count: int = 0

    def move(self, start: Place, shared: tuple[int, ...]) -> Outcome | None:
        """Run from a place; None if the step is not enabled, or if nothing changes without a step."""
        try:
            place = self.to_place(start.node, stepped=False)
        except Blocked:
            return None
        stepped = self.site is not None
        if not stepped and place == start and tuple(self.shared) == shared:
            return None
        node = self.graph.nodes[place.node]
        return Outcome(
            tuple(self.shared),
            place,
            self.site or self.graph.nodes[start.node].site,
            stepped,
            tuple(self.results),
            tuple(self.choices),
            tuple(self.events),
            node.name if isinstance(node, Fail) else None,
            tuple(self.passed),
            prod(self.widths),
        )

    def to_place(self, at: int, stepped: bool) -> Place:
        """Run up to the next place; ``stepped`` is whether this move has had its step."""
        first = not stepped
        while True:
            node = self.graph.nodes[at]
            if is_place(node) and self._stops(node, stepped, first):
                live = self.graph.live[at]
                return Place(at, tuple(int(self.registers[r]) for r in live), self.held)
            first = False
            if not node.inside and isinstance(node, (Step, Together, Enter)):
                self.site = node.site
                stepped = True
            at = self.execute(at, node)

    def _stops(self, node: Node, stepped: bool, first: bool) -> bool:
        if isinstance(node, (End, Fail)):
            return True
        if isinstance(node, Rest):
            return not first
        return stepped

    def execute(self, at: int, node: Node) -> int:
        """Run one node; the index of the next."""
        self.count += 1
        if self.count > LONGEST_MOVE:
            raise too_long(node, "local operations without a step")
        match node:
            case Assign():
                self.registers[node.target.index] = self._checked(node, node.value)
            case Branch():
                return node.next if self.value(node.condition) else node.no
            case Step():
                self.passed.append(at)
                return self.step(node)
            case Together():
                self.passed.append(at)
                self.together(node)
            case Enter():
                self.passed.append(at)
            case Require():
                if not self.value(node.condition):
                    raise Blocked
            case Choose():
                self.choose(node)
            case Event():
                self.passed.append(at)
                self.events.append(node.name)
            case Attempt():
                self.passed.append(at)
            case SetGhost():
                self.shared[node.slot] = int(self.value(node.value))
            case _:  # Skip, Fence, Rest, Leave: nothing happens
                pass
        return node.next

    def step(self, node: Step) -> int:
        """One operation on a word."""
        slot = self.slot(node.word)
        bits = self.program.slots[slot].bits
        a, b, *_ = [int(self.value(arg)) for arg in node.args] + [0, 0]
        if node.otherwise >= 0 and not self.held >> slot & 1:
            return node.otherwise
        stored, new, result = effect(node.operation)(self.shared[slot], a, b, bits)
        if node.operation.waits and not stored:
            raise Blocked
        self.shared[slot] = new
        if self.program.slots[slot].kind == "Lock" and stored:
            self.held = self.held & ~(1 << slot) | new << slot
        self.results.append(result)
        if node.target is not None:
            assert result is not None
            self.registers[node.target.index] = int(result)
        return node.next

    def together(self, node: Together) -> None:
        """Several words in one load."""
        slots = [self.slot(word) for word in node.words]
        if sorted(slots) != list(range(min(slots), min(slots) + len(slots))):
            names = ", ".join(self.program.slots[slot].label for slot in slots)
            why = f"{node.site.text}: one load covers words declared next to each other, not {names}"
            raise ModelError(why, node.site.file, node.site.line)
        values = tuple(self.shared[slot] for slot in slots)
        self.results.append(values)
        for register, value in zip(node.loaded, values, strict=True):
            self.registers[register.index] = value

    def choose(self, node: Choose) -> None:
        """The choice that the prefix names; beyond it, the first option."""
        done = len(self.taken)
        index = self.prefix[done] if done < len(self.prefix) else 0
        self.taken.append(index)
        self.widths.append(len(node.options))
        value = int(self.value(node.options[index]))
        self.choices.append(bool(value) if node.boolean else value)
        if node.target is not None:
            self.registers[node.target.index] = value

    def result(self, at: int) -> int:
        """Run a property's condition from here to its end; its value."""
        while not isinstance(node := self.graph.nodes[at], Result):
            at = self.execute(at, node)
        return int(self.value(node.value))

    def slot(self, word: WordRef) -> int:
        """The slot that a reference names in this run."""
        return word.base + int(self.value(word.index))

    def _checked(self, node: Node, expr: Expr) -> int:
        try:
            return int(self.value(expr))
        except ModelError as error:
            why = f"{node.site.text}: {error.message}"
            raise ModelError(why, node.site.file, node.site.line) from error

    def value(self, expr: Expr) -> int:
        """The value of an expression."""
        match expr:
            case Const():
                return expr.value
            case Reg():
                return self.registers[expr.index]
            case Bare():
                return self.shared[self.slot(expr.word)]
            case Op():
                return OPERATORS[expr.symbol](*(self.value(arg) for arg in expr.args))  # type: ignore[no-any-return]
