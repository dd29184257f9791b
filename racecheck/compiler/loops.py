"""Loops: ``while``, ``for`` over a range, and the jumps out of them."""

from __future__ import annotations

import ast

from racecheck.compiler.builder import Loop, Static, Value, flag
from racecheck.compiler.calls import Calls
from racecheck.compiler.expr import Const, Expr, Op
from racecheck.compiler.ir import Leave
from racecheck.compiler.source import text_of


class Loops(Calls):
    """The part of the front end that compiles loops."""

    def nested(self, statements: list[ast.stmt]) -> None:
        """Compile statements that run on some ways only; see ``Statements``."""
        raise NotImplementedError

    def assign(self, node: ast.stmt, target: ast.expr, value: Value) -> None:
        """Bind a name; see ``Statements``."""
        raise NotImplementedError

    def leave_group(self, node: ast.stmt, depth: int) -> None:
        """Complete the step when a jump leaves its atomic group."""
        if depth == 0 and self.builder.depth and self.builder.loose:
            self.builder.emit(Leave(self.frame.source.site(node)))

    def do_While(self, node: ast.While) -> None:
        site = self.frame.source.site(node, "while " + self.frame.source.text(node.test))
        if self.builder.depth:
            self.refuse(
                node.test, "a while loop has no bound, and an atomic group is one step; use range()"
            )
        head = self.builder.head(site, bounded=False)
        loop = Loop(depth=self.builder.depth)
        with flag(self.builder, "whiles", self.builder.whiles + 1):
            yes, no = self.jump(node.test)
            self.builder.loose = yes
            self._loop_body(loop, node.body)
        self.builder.loose += loop.continues
        self.builder.land(head)
        self.builder.loose = no
        self.nested(node.orelse)
        self.builder.loose += loop.breaks

    def _loop_body(self, loop: Loop, statements: list[ast.stmt]) -> None:
        self.frame.loops.append(loop)
        self.nested(statements)
        self.frame.loops.pop()

    def do_For(self, node: ast.For) -> None:
        start, stop, step = self._range(node)
        site = self.frame.source.site(node, f"for {text_of(node.target)} in {text_of(node.iter)}")
        counter = self.builder.register(f"{text_of(node.target)}'")
        self.builder.assign(site, counter, start)
        stop = self.builder.temporary(site, stop)
        head = self.builder.head(site, bounded=True)
        loop = Loop(depth=self.builder.depth)
        yes, no = self.builder.branch(site, Op("<" if step > 0 else ">", (counter, stop)))
        self.builder.loose = yes
        with flag(self.frame, "nesting", self.frame.nesting + 1):
            self.assign(node, node.target, counter)
        self._loop_body(loop, node.body)
        self.builder.loose += loop.continues
        if self.builder.loose:
            self.builder.assign(site, counter, Op("+", (counter, Const(step))))
            self.builder.land(head)
        self.builder.loose = no
        self.nested(node.orelse)
        self.builder.loose += loop.breaks

    def _range(self, node: ast.For) -> tuple[Expr, Expr, int]:
        call = node.iter
        if not isinstance(call, ast.Call) or self.value(call.func) != Static(range):
            self.refuse(
                node.iter, "a for loop goes over range(); write for i in range(len(...)), and use the i-th"
            )
        if not 1 <= len(call.args) <= 3 or call.keywords:
            self.refuse(node.iter, "range() takes one to three arguments, by position")
        bounds = [self._settled_bound(node, arg) for arg in call.args]
        step = bounds[2] if len(bounds) == 3 else Const(1)
        if not isinstance(step, Const) or step.value == 0:
            self.refuse(node.iter, "the step of range() is a constant other than 0")
        start, stop = (Const(0), bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
        return start, stop, step.value

    def _settled_bound(self, node: ast.For, arg: ast.expr) -> Expr:
        value = self.expr(arg)
        if isinstance(value, Const):
            return value
        copy = self.builder.register("")
        self.builder.assign(self.frame.source.site(node, text_of(node.iter)), copy, value)
        return copy

    def do_Break(self, node: ast.Break) -> None:
        loop = self.frame.loops[-1]
        self.leave_group(node, loop.depth)
        loop.breaks += self.builder.loose
        self.builder.loose = []

    def do_Continue(self, node: ast.Continue) -> None:
        loop = self.frame.loops[-1]
        self.leave_group(node, loop.depth)
        loop.continues += self.builder.loose
        self.builder.loose = []
