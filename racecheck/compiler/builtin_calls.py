"""The few builtins that have a meaning over ints and words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from racecheck.compiler.builder import NONE, ArrayValue, Static, Tuple, Value, WordValue
from racecheck.compiler.expr import Const, Expr, WordRef
from racecheck.compiler.expressions import Expressions

LONGEST = 1000
"""Items of a generator: each is written out."""


class BuiltinCalls(Expressions):
    """The part of the front end that compiles ``len``, ``min``, ``all`` and such."""

    def arguments(self, node: ast.Call, count: int | None = None) -> list[Expr]:
        """The positional arguments as ints; refuses another number of them."""
        if node.keywords:
            self.refuse(node, "an operation takes no keyword arguments")
        if count is not None and len(node.args) != count:
            self.refuse(node, f"it takes {count} argument{'s' * (count != 1)}, not {len(node.args)}")
        return [self.expr(arg) for arg in node.args]

    def builtin_abs(self, node: ast.Call) -> Value:
        """``abs(x)``."""
        return self.op(node, "abs", *self.arguments(node, 1))

    def _extreme(self, node: ast.Call, name: str) -> Value:
        if len(node.args) == 1:
            values = [self.number(node, v) for v in self._elements(node)]
        else:
            values = self.arguments(node)
        if not values:
            self.refuse(node, f"the {name} of nothing at all")
        return self._folded(node, name, values)

    def builtin_min(self, node: ast.Call) -> Value:
        """``min(a, b)``, or of a generator."""
        return self._extreme(node, "min")

    def builtin_max(self, node: ast.Call) -> Value:
        """``max(a, b)``, or of a generator."""
        return self._extreme(node, "max")

    def builtin_int(self, node: ast.Call) -> Value:
        """``int(x)``."""
        return self.op(node, "+", self.arguments(node, 1)[0], Const(0))

    def builtin_bool(self, node: ast.Call) -> Value:
        """``bool(x)``."""
        return self.op(node, "!=", self.arguments(node, 1)[0], Const(0))

    def builtin_len(self, node: ast.Call) -> Value:
        """``len(array)``, or of any constant."""
        value = self.value(node.args[0]) if len(node.args) == 1 else NONE
        sized: Any = value.array if isinstance(value, ArrayValue) else getattr(value, "value", None)
        sized = value.items if isinstance(value, Tuple) else sized
        if not hasattr(sized, "__len__"):
            self.refuse(node, "len() takes an Array or a constant")
        return Const(len(sized))

    def builtin_super(self, node: ast.Call) -> Value:
        """``super()`` in a method."""
        self.arguments(node, 0)
        owner = next(iter(self.frame.scope.values()), NONE)
        try:
            return Static(super(self.frame.lookup("__class__"), getattr(owner, "value", None)))
        except (NameError, TypeError):
            self.refuse(node, "super() stands in a method of a class, whose first parameter is the object")

    def builtin_range(self, node: ast.Call) -> Value:
        """Only ``for`` and generators take a range."""
        self.refuse(node, "range() stands only in a for loop, or after 'for' in all(), any() or sum()")

    def builtin_all(self, node: ast.Call) -> Value:
        """``all(... for ...)`` in a property."""
        return self._fold(node, "and", 1)

    def builtin_any(self, node: ast.Call) -> Value:
        """``any(... for ...)`` in a property."""
        return self._fold(node, "or", 0)

    def builtin_sum(self, node: ast.Call) -> Value:
        """``sum(... for ...)`` in a property."""
        return self._fold(node, "+", 0)

    def _fold(self, node: ast.Call, symbol: str, start: int) -> Value:
        values = [self.number(node, value) for value in self._elements(node)]
        if symbol != "+":
            values = [self.op(node, "!=", value, Const(0)) for value in values]
        return self._folded(node, symbol, values) if values else Const(start)

    def _folded(self, node: ast.Call, symbol: str, values: list[Expr]) -> Expr:
        """The values under one operator, as a tree that is no deeper than it must be."""
        if len(values) == 1:
            return values[0]
        half = len(values) // 2
        halves = self._folded(node, symbol, values[:half]), self._folded(node, symbol, values[half:])
        return self.op(node, symbol, *halves)

    def _elements(self, node: ast.Call) -> Iterator[Value]:
        """The values of a generator over a constant range, an Array or a constant tuple, unrolled."""
        if len(node.args) != 1:
            self.refuse(node, "it takes one argument")
        (arg,) = node.args
        if not isinstance(arg, ast.GeneratorExp):
            yield from self._items(arg)
            return
        if len(arg.generators) != 1 or not isinstance(arg.generators[0].target, ast.Name):
            self.refuse(node, "one 'for NAME in ...' is enough here; nest all() or any() for more")
        if not self.bare:
            self.refuse(node, "a generator takes no steps; write a for loop over range()")
        clause = arg.generators[0]
        name, scope = arg.generators[0].target.id, self.frame.scope
        for item in self._items(clause.iter):
            self.frame.scope = scope | {name: item}
            tests = [self.expr(test) for test in clause.ifs]
            if all(isinstance(test, Const) and test.value for test in tests):
                yield self.value(arg.elt)
            elif not all(isinstance(test, Const) for test in tests):
                self.refuse(node, "the 'if' of a generator here is a constant; put it into the value")
        self.frame.scope = scope

    def _constant_range(self, node: ast.expr, bounds: list[int]) -> range:
        try:
            found = range(*bounds)
            if len(found) <= LONGEST:
                return found
        except (TypeError, ValueError, OverflowError) as error:
            self.refuse(node, str(error))
        self.refuse(node, f"a generator here goes over at most {LONGEST:,} items; use fewer")

    def _items(self, node: ast.expr) -> list[Value]:
        if isinstance(node, ast.Call) and self.value(node.func) == Static(range):
            bounds = self.arguments(node)
            if not all(isinstance(bound, Const) for bound in bounds):
                self.refuse(node, "the range is a constant here")
            return [
                Const(i)
                for i in self._constant_range(node, [b.value for b in bounds if isinstance(b, Const)])
            ]
        value = self.value(node)
        if isinstance(value, ArrayValue):
            refs = range(value.base, value.base + len(value.array))
            words = zip(refs, value.array.words, strict=True)
            return [WordValue(WordRef(ref), word) for ref, word in words]
        if isinstance(value, Static) and isinstance(value.value, (list, tuple, range)):
            value = self.lift(tuple(value.value))
        if not isinstance(value, Tuple):
            self.refuse(node, "loops here go over range(), an Array or a constant tuple")
        return list(value.items)
