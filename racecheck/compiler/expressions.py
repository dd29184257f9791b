"""Expressions of a process function: Python's evaluation order, Python's short-circuit."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from racecheck import vocabulary
from racecheck.compiler.advice import advice_on, needs_call
from racecheck.compiler.builder import (
    NONE,
    GhostValue,
    Loose,
    Mixed,
    Nothing,
    Static,
    Tuple,
    Value,
    WordValue,
    flag,
)
from racecheck.compiler.expr import FALLIBLE, Bare, Const, Expr, Op, Reg, depth
from racecheck.compiler.ir import Site
from racecheck.compiler.operands import Operands, describe
from racecheck.compiler.operators import OPERATORS
from racecheck.errors import ModelError

SYMBOLS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%", ast.BitAnd: "&",
    ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.Eq: "==", ast.NotEq: "!=",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.USub: "neg", ast.Invert: "invert",
    ast.Not: "not",
}  # fmt: skip
SIMPLE: Final = (
    ast.Name, ast.Constant, ast.Attribute, ast.UnaryOp, ast.BinOp, ast.Compare, ast.BoolOp, ast.IfExp,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip

DEEPEST: Final = 16


def is_simple(node: ast.expr) -> bool:
    """Whether the expression takes no step and cannot fail: then it is pure, without control flow."""
    fallible = (ast.FloorDiv, ast.Mod, ast.LShift, ast.RShift)
    return all(isinstance(n, SIMPLE) and not isinstance(n, fallible) for n in ast.walk(node))


class Expressions(Operands):
    """The part of the front end that compiles operators, comparisons and conditions."""

    def value_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not) and not is_simple(node.operand):
            return self._by_jumps(node)
        operand = self.value(node.operand)
        if isinstance(node.op, ast.Not) and isinstance(operand, (Static, Tuple)):
            return Const(int(not self.truth(node, operand)))
        expr = self.number(node.operand, operand)
        return expr if isinstance(node.op, ast.UAdd) else self.op(node, SYMBOLS[type(node.op)], expr)

    def value_BinOp(self, node: ast.BinOp) -> Value:
        if type(node.op) not in SYMBOLS:
            self.refuse(node, advice_on(node.op))
        left, right = self.expr(node.left), self.expr(node.right)
        return self.op(node, SYMBOLS[type(node.op)], left, right)

    def op(self, node: ast.AST, symbol: str, *args: Expr) -> Expr:
        """Apply an operator: now, to constants; in a node of its own, if it can fail."""
        constants = [arg.value for arg in args if isinstance(arg, Const)]
        if len(constants) == len(args):
            try:
                return Const(int(OPERATORS[symbol](*constants)))
            except ModelError as error:
                self.refuse(node, error.message)
        if symbol in FALLIBLE:
            target = self.builder.register("")
            self.builder.assign(self.frame.source.site(node), target, Op(symbol, args))
            return target
        return Op(symbol, tuple(self._flat(node, arg) for arg in args))

    def _flat(self, node: ast.AST, arg: Expr) -> Expr:
        """The operand, through a register if it is too deep for a line of generated code."""
        return self.builder.temporary(self.frame.source.site(node), arg) if depth(arg) >= DEEPEST else arg

    def value_Compare(self, node: ast.Compare) -> Value:
        if len(node.ops) > 1:
            if not is_simple(node):
                return self._by_jumps(node)
            operands = [node.left, *node.comparators]
            links = zip(operands, node.ops, operands[1:], strict=False)
            pairs = [self.compare(node, self.value(a), op, self.value(b)) for a, op, b in links]
            result = pairs[0]
            for pair in pairs[1:]:
                result = self.op(node, "and", result, pair)
            return result
        left = self.value(node.left)
        return self.compare(node, left, node.ops[0], self.value(node.comparators[0]))

    def compare(self, node: ast.AST, left: Value, op: ast.cmpop, right: Value) -> Expr:
        """One comparison; objects that are known when compiling compare as in Python."""
        if isinstance(op, (ast.In, ast.NotIn)):
            return self._membership(node, left, op, right)
        if isinstance(left, Static) or isinstance(right, Static):
            return self._compare_objects(node, left, op, right)
        if isinstance(op, (ast.Is, ast.IsNot)):
            self.refuse(node, "'is' does not compare ints; write == or !=")
        symbol = SYMBOLS[type(op)]
        return self.op(node, symbol, self.number(node, left), self.number(node, right))

    def _compare_objects(self, node: ast.AST, left: Value, op: ast.cmpop, right: Value) -> Expr:
        if NONE in (left, right) and isinstance(op, (ast.Is, ast.IsNot)):
            for value in (left, right):
                if isinstance(value, (Nothing, Mixed)):
                    self.number(node, value)
            return Const(int((left == right) == isinstance(op, ast.Is)))  # no value but None is it
        left, right = (v if isinstance(v, Static) else self.number(node, v) for v in (left, right))
        if not (isinstance(left, (Static, Const)) and isinstance(right, (Static, Const))):
            self.refuse(node, f"compares {describe(left)} with {describe(right)}")
        tests: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
            ast.Is: lambda a, b: a is b, ast.IsNot: lambda a, b: a is not b,
            ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b,
        }  # fmt: skip
        if type(op) not in tests:
            self.refuse(node, f"orders {describe(left)} and {describe(right)}")
        return Const(int(tests[type(op)](left.value, right.value)))

    def _membership(self, node: ast.AST, left: Value, op: ast.cmpop, right: Value) -> Expr:
        if isinstance(right, Static) and isinstance(right.value, (list, dict, set, frozenset)):
            right = self.lift(tuple(right.value))
        if not isinstance(right, Tuple):
            self.refuse(node, "'in' needs a constant tuple of values")
        found: Expr = Const(0)
        for item in right.items:
            found = self.op(node, "or", found, self.compare(node, left, ast.Eq(), item))
        return found if isinstance(op, ast.In) else self.op(node, "not", found)

    def value_BoolOp(self, node: ast.BoolOp) -> Value:
        if all(is_simple(operand) for operand in node.values):
            return self._simple_bool(node)
        ways: list[tuple[Value, Loose]] = []
        for operand in node.values[:-1]:
            site = self.frame.source.site(operand)
            value = self.builder.temporary(site, self.expr(operand))
            yes, no = self.builder.branch(site, value)
            stop, self.builder.loose = (no, yes) if isinstance(node.op, ast.And) else (yes, no)
            ways.append((value, stop))
            if not self.builder.loose:
                break
        else:
            ways.append((self.expr(node.values[-1]), self.builder.loose))
        return self.merge(self.frame.source.site(node), ways)

    def _simple_bool(self, node: ast.BoolOp) -> Value:
        """``and`` and ``or`` of pure operands; a constant decides which others are looked at."""
        symbol = "and" if isinstance(node.op, ast.And) else "or"
        result: Expr | None = None
        for operand in node.values:
            value = self.value(operand)
            truth = self.constant_truth(value)
            expr = Const(int(bool(truth))) if isinstance(value, Static) else self.number(operand, value)
            result = expr if result is None else self.op(node, symbol, result, expr)
            if truth is not None and truth != (symbol == "and"):
                break
        assert result is not None
        return result

    def value_IfExp(self, node: ast.IfExp) -> Value:
        if is_simple(node):
            test = self.value(node.test)
            truth = self.constant_truth(test)
            if truth is not None:
                return self.value(node.body if truth else node.orelse)
            body, orelse = self.expr(node.body), self.expr(node.orelse)
            return self.op(node, "if", self.number(node.test, test), body, orelse)
        yes, no = self.jump(node.test)
        if not yes or not no:
            self.builder.loose = yes or no
            return self.value(node.body if yes else node.orelse)
        return self._join([(node.body, yes), (node.orelse, no)])

    def _join(self, arms: list[tuple[ast.expr, Loose]]) -> Value:
        """Evaluate one expression on each way, and join what they give."""
        ways = []
        for expr, edges in arms:
            self.builder.loose = edges
            ways.append((self.value(expr), self.builder.loose))
        site = self.frame.source.site(arms[0][0])
        settled = []
        for (expr, _), (value, edges) in zip(arms, ways, strict=True):
            self.builder.loose = edges
            word = isinstance(value, (WordValue, GhostValue))
            settled.append((self.number(expr, value) if word else value, self.builder.loose))
        return self.merge(site, settled)

    def merge(self, site: Site, ways: list[tuple[Value, Loose]]) -> Value:
        """Join ways that each end with a value: one value if they agree, else registers."""
        ways = [(value, edges) for value, edges in ways if edges]
        self.builder.loose = [edge for _, edges in ways for edge in edges]
        values = [value for value, _ in ways]
        if all(value == values[0] for value in values):
            return values[0] if values else NONE
        if all(_is_none(value) for value in values):
            return NONE
        widths = {len(v.items) if isinstance(v, Tuple) else -1 for v in values}
        items = [v.items if isinstance(v, Tuple) else (v,) for v in values]
        if len(widths) > 1 or not all(isinstance(i, (Const, Reg, Bare, Op)) for v in items for i in v):
            return self._mixed(site, ways)
        targets = tuple(self.builder.register("") for _ in items[0])
        done: Loose = []
        for way, (_, edges) in zip(items, ways, strict=True):
            self.builder.loose = edges
            for target, item in zip(targets, way, strict=True):
                assert isinstance(item, (Const, Reg, Bare, Op))
                self.builder.assign(site, target, item)
            done += self.builder.loose
        self.builder.loose = done
        return Tuple(targets) if isinstance(values[0], Tuple) else targets[0]

    def _mixed(self, site: Site, ways: list[tuple[Value, Loose]]) -> Value:
        """What has no one kind: only its truth can be used, and only if it is an int or None."""
        numbers = [Const(0) if _is_none(value) else value for value, _ in ways]
        if not all(isinstance(number, (Const, Reg, Bare, Op)) for number in numbers):
            return Mixed()
        truth = self.merge(site, [(n, edges) for n, (_, edges) in zip(numbers, ways, strict=True)])
        assert isinstance(truth, (Const, Reg, Bare, Op))
        return Mixed(truth)

    def _by_jumps(self, node: ast.expr) -> Value:
        yes, no = self.jump(node)
        one, zero = (
            ast.copy_location(ast.Constant(1), node),
            ast.copy_location(ast.Constant(0), node),
        )
        return self._join([(one, yes), (zero, no)])

    def truth(self, node: ast.AST, value: Value) -> bool:
        """The truth of a value that is known when compiling."""
        found = self.constant_truth(value)
        if found is None:
            self.refuse(node, f"{describe(value)} is used as a condition")
        return found

    def constant_truth(self, value: Value) -> bool | None:
        """The truth of a value, or None if it is known only when it runs."""
        if isinstance(value, (Const, Static)):
            return bool(value.value)
        return bool(value.items) if isinstance(value, Tuple) else None

    def jump(self, node: ast.expr) -> tuple[Loose, Loose]:
        """Compile a condition: the edges on which it is true, and those on which it is false."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yes, no = self.jump(node.operand)
            return no, yes
        if isinstance(node, ast.BoolOp):
            return self._jump_bool(node)
        if isinstance(node, ast.Compare) and len(node.ops) > 1 and not is_simple(node):
            return self._jump_chain(node)
        value = self.value(node)
        if isinstance(value, Static) and getattr(value.value, "__module__", "") == vocabulary.__name__:
            self.refuse(node, needs_call(value.value))
        if isinstance(value, (Static, Tuple)):
            value = Const(int(self.truth(node, value)))
        elif isinstance(value, Mixed) and value.truth is not None:
            value = value.truth
        return self.builder.branch(self.frame.source.site(node), self.number(node, value))

    def _jump_bool(self, node: ast.BoolOp) -> tuple[Loose, Loose]:
        stopped: Loose = []
        for operand in node.values:
            yes, no = self.jump(operand)
            stop, go_on = (no, yes) if isinstance(node.op, ast.And) else (yes, no)
            stopped, self.builder.loose = stopped + stop, go_on
            if not go_on:
                break
        go_on, self.builder.loose = self.builder.loose, []
        return (go_on, stopped) if isinstance(node.op, ast.And) else (stopped, go_on)

    def _jump_chain(self, node: ast.Compare) -> tuple[Loose, Loose]:
        failed: Loose = []
        left = self.value(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            site = self.frame.source.site(comparator)
            right = self.builder.temporary(site, self.expr(comparator))
            yes, no = self.builder.branch(site, self.compare(node, left, op, right))
            failed, self.builder.loose, left = failed + no, yes, right
            if not yes:
                break
        passed, self.builder.loose = self.builder.loose, []
        return passed, failed

    def with_bare(self, node: ast.expr) -> tuple[Loose, Loose]:
        """Compile a condition in which a bare word or a ghost is its value in this state."""
        with flag(self, "bare"), flag(self, "ghosts"):
            return self.jump(node)


def _is_none(value: Value) -> bool:
    return value == NONE or isinstance(value, Nothing)
