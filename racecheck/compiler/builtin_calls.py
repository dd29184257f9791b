"""The few builtins that have a meaning over ints and words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from racecheck.compiler.builder import NONE, ArrayValue, Static, Tuple, Value, WordValue
from racecheck.compiler.expr import Const, Expr, WordRef
from racecheck.compiler.expressions import Expressions


class BuiltinCalls(Expressions):
    """The part of the front end that compiles ``len``, ``min``, ``all`` and such."""

    def arguments(self, node: ast.Call, count: int | None = None) -> list[Expr]:
        """The positional arguments as ints; refuses another number of them."""
        if node.keywords:
            self.refuse(node, "an operation takes no keyword arguments")
        if count is not None and len(node.args) != count:
            self.refuse(node, f"takes {count} argument{'s' * (count != 1)}, not {len(node.args)}")
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
            self.refuse(node, "of nothing at all")
        result = values[0]
        for value in values[1:]:
            result = self.op(node, name, result, value)
        return result

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

    def builtin_range(self, node: ast.Call) -> Value:
        """Only ``for`` and generators take a range."""
        self.refuse(node, "range() stands only in a for loop, or in all(), any() or sum()")

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
        result: Expr = Const(start)
        for value in self._elements(node):
            expr = self.number(node, value)
            if symbol != "+":
                expr = self.op(node, "!=", expr, Const(0))
            result = self.op(node, symbol, result, expr)
        return result

    def _elements(self, node: ast.Call) -> Iterator[Value]:
        """The values of a generator over a constant range, an Array or a constant tuple, unrolled."""
        if len(node.args) != 1:
            self.refuse(node, "takes one argument")
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

    def _items(self, node: ast.expr) -> list[Value]:
        if isinstance(node, ast.Call) and self.value(node.func) == Static(range):
            bounds = self.arguments(node)
            if not all(isinstance(bound, Const) for bound in bounds):
                self.refuse(node, "the range is a constant here")
            return [Const(i) for i in range(*(b.value for b in bounds if isinstance(b, Const)))]
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
