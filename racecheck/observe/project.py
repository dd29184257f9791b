"""A process's control-flow graph projected to one word: which sequences of changes it can make.

Every other step may have any result, so the projection has at least the sequences of the model. Results
of the word's own steps, and of flags, are followed through locals and branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from racecheck.compiler.compile import compile_model
from racecheck.compiler.expr import Bare, Const, Expr, Reg
from racecheck.compiler.ir import Assign, Branch, Choose, End, Fail, Node, Skip, Step
from racecheck.compiler.operators import OPERATORS
from racecheck.model import Model
from racecheck.observe.records import FREEZE, MOD, RETURN, SET, TEST, UNFREEZE, UNLESS, Record

Values = tuple[int | None, ...]
"""The registers; None is any value."""
State = tuple[int, Values]

_KINDS: Final = {
    "inc": (MOD, 1),
    "dec": (MOD, -1),
    "add": (MOD, 1),
    "sub": (MOD, -1),
    "inc_and_test": (TEST, 1),
    "dec_and_test": (TEST, -1),
    "sub_and_test": (TEST, -1),
    "inc_return": (RETURN, 1),
    "dec_return": (RETURN, -1),
    "add_return": (RETURN, 1),
    "sub_return": (RETURN, -1),
    "add_unless": (UNLESS, 1),
    "inc_not_zero": (UNLESS, 1),
    "cmpxchg": (FREEZE, 1),
    "set_release": (UNFREEZE, 1),
    "set": (SET, 1),
}
"""The event of each operation (include/linux/page_ref.h), and the sign of its change."""


class Change(NamedTuple):
    """A change of the word as page_ref logs it; None is any value, and -1 no result."""

    kind: int
    val: int | None
    ret: int | None

    def fits(self, record: Record) -> bool:
        """Whether the record is of this change."""
        return (
            self.kind == record.kind
            and self.val in (None, record.val)
            and (self.ret is None or self.kind == RETURN or self.ret == record.ret)
        )


class Projection:
    """The changes of the word ``label`` by the only process of a model: an automaton, made as it is used.

    Refuses what ``compile_model`` refuses. A set of states says where the process may stand.
    """

    def __init__(self, model: Model, label: str) -> None:
        program = compile_model(model)
        self.graph = program.entries[0].graph
        self.word = next(number for number, slot in enumerate(program.slots) if slot.label == label)
        self.first = self.graph.entry
        while isinstance(self.graph.nodes[self.first], Skip):
            self.first = self.graph.nodes[self.first].next
        self._ways: dict[State, list[tuple[Change | None, State]]] = {}
        start = (self.graph.entry, (None,) * len(self.graph.names))
        self.start = self._silent({start})
        self._after: dict[tuple[frozenset[State], int, int, int], frozenset[State]] = {}

    def after(self, states: frozenset[State], record: Record) -> frozenset[State]:
        """Where the process may stand after the record's change; nowhere if it does not make it."""
        key = states, record.kind, record.val, record.ret
        found = self._after.get(key)
        if found is None:
            stepped = {
                target
                for state in states
                for change, target in self.ways(state)
                if change is not None and change.fits(record)
            }
            found = self._after[key] = self._silent(stepped)
        return found

    def ended(self, states: frozenset[State]) -> bool:
        """Whether the process may have returned, or come round to where it began."""
        return self._round(states) or any(isinstance(self.graph.nodes[at], End) for at, _ in states)

    def words(self, longest: int) -> set[tuple[Change, ...]]:
        """The sequences of up to ``longest`` changes after which the process first has ``ended``."""
        found: set[tuple[Change, ...]] = set()
        reached: set[tuple[tuple[Change, ...], frozenset[State]]] = {((), self.start)}
        for _ in range(longest):
            reached = {
                ((*word, change), self._silent({t for s in states for c, t in self.ways(s) if c == change}))
                for word, states in reached
                for change in {c for s in states for c, _ in self.ways(s) if c is not None}
            }
            found |= {word for word, states in reached if self.ended(states)}
            reached = {(word, states) for word, states in reached if not self._round(states)}
        return found

    def _round(self, states: frozenset[State]) -> bool:
        return any(at == self.first for at, _ in states)

    def _silent(self, states: set[State]) -> frozenset[State]:
        """The states, and those that are reached without a change of the word."""
        found, todo = set(states), list(states)
        while todo:
            for change, target in self.ways(todo.pop()):
                if change is None and target not in found:
                    found.add(target)
                    todo.append(target)
        return frozenset(found)

    def ways(self, state: State) -> list[tuple[Change | None, State]]:
        """What may come next, and where it leads."""
        found = self._ways.get(state)
        if found is None:
            found = self._ways[state] = list(self._next(self.graph.nodes[state[0]], state[1]))
        return found

    def _next(self, node: Node, values: Values) -> Iterator[tuple[Change | None, State]]:
        if isinstance(node, (End, Fail)):
            return
        if isinstance(node, Branch):
            taken = _value(node.condition, values)
            for way in (True, False):
                if taken is None or bool(taken) is way:
                    yield None, (node.next if way else node.no, values)
        elif isinstance(node, Step) and node.word.base == self.word:
            for change, result in _changes(node, values):
                yield change, (node.next, _set(values, node.target, result))
        elif isinstance(node, Assign):
            yield None, (node.next, _set(values, node.target, _value(node.value, values)))
        elif isinstance(node, Choose):
            for option in node.options:
                yield None, (node.next, _set(values, node.target, _value(option, values)))
        elif isinstance(node, Step) and node.operation.boolean and node.target:
            for result in (0, 1):
                yield None, (node.next, _set(values, node.target, result))
        else:
            for target in node.targets():
                values = _set(values, target, None)
            yield None, (node.next, values)


def _changes(step: Step, values: Values) -> Iterator[tuple[Change | None, int | None]]:
    """What a step on the word may do, as page_ref logs it, with its result."""
    name = step.operation.name
    if name not in _KINDS:
        yield None, None
        return
    kind, sign = _KINDS[name]
    val = _value(step.args[0], values) if step.args else 1
    val = None if val is None else sign * val
    if kind in (TEST, UNLESS):
        for result in (0, 1):
            yield Change(kind, val, result), result
    elif kind == FREEZE:  # cmpxchg returns what it found: what it expected, or something else
        yield Change(kind, val, 1), val
        yield Change(kind, val, 0), None if val is None else val + 1
    elif kind == UNFREEZE:  # models have one folio: the kernel leaves the cache's references to the new one
        yield Change(kind, None, -1), None
    else:
        yield Change(kind, val, -1), None


def _set(values: Values, register: Reg | None, value: int | None) -> Values:
    if register is None:
        return values
    return (*values[: register.index], value, *values[register.index + 1 :])


def _value(expr: Expr, values: Values) -> int | None:
    """The value of an expression, or None where it is not known."""
    if isinstance(expr, Const):
        return expr.value
    if isinstance(expr, Reg):
        return values[expr.index]
    if isinstance(expr, Bare):
        return None
    args = [_value(arg, values) for arg in expr.args]
    return None if None in args else int(OPERATORS[expr.symbol](*args))
