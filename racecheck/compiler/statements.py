"""Statements of a process function."""

from __future__ import annotations

import ast
from typing import NoReturn

from racecheck import vocabulary
from racecheck.compiler.advice import advice_on
from racecheck.compiler.builder import (
    NONE,
    Closure,
    GhostValue,
    GraphBuilder,
    Loose,
    Mixed,
    Nothing,
    SlotTable,
    Static,
    Tuple,
    Value,
    WordValue,
    flag,
)
from racecheck.compiler.expr import Bare, Const, Op, Reg
from racecheck.compiler.expressions import SYMBOLS
from racecheck.compiler.ir import Enter, Event, Fail, Leave, Node, SetGhost, is_place
from racecheck.compiler.loops import Loops
from racecheck.compiler.operands import describe
from racecheck.model import Role


class Statements(Loops):
    """The front end."""

    def __init__(self, builder: GraphBuilder, slots: SlotTable, role: Role) -> None:
        super().__init__(builder, slots)
        self.role = role

    def body(self, statements: list[ast.stmt]) -> None:
        """Compile statements one after another; stop where no way leads on."""
        for node in statements:
            if not self.builder.loose:
                return
            compile_one = getattr(self, f"do_{type(node).__name__}", None)
            if compile_one is None:
                self.refuse(node, advice_on(node))
            compile_one(node)

    def nested(self, statements: list[ast.stmt]) -> None:
        """Compile statements that run on some ways only."""
        with flag(self.frame, "nesting", self.frame.nesting + 1):
            self.body(statements)

    def do_Pass(self, node: ast.Pass) -> None:
        """Nothing."""

    def do_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.BoolOp):
            self._last_as_statement(node, node.value)
            return
        value = self.value(node.value)
        if isinstance(value, WordValue):
            self.number(node.value, value)
        if not isinstance(node.value, (ast.Call, ast.IfExp)):
            self.refuse(node, "this statement has no effect")

    def _last_as_statement(self, node: ast.Expr, value: ast.BoolOp) -> None:
        """``a and b()`` does b() where a is true, whether it returns anything or not."""
        *tests, last = value.values
        test = ast.copy_location(ast.BoolOp(value.op, tests), value) if tests[1:] else tests[0]
        yes, no = self.jump(test)
        skipped, self.builder.loose = (no, yes) if isinstance(value.op, ast.And) else (yes, no)
        if self.builder.loose:
            self.do_Expr(ast.copy_location(ast.Expr(last), node))
        self.builder.loose += skipped

    def do_Return(self, node: ast.Return) -> None:
        value = self.value(node.value) if node.value is not None else NONE
        self.leave_group(node, self.frame.depth)
        self.frame.returned.append((value, self.builder.loose))
        self.builder.loose = []

    def do_Assign(self, node: ast.Assign) -> None:
        value = self.ghost_value(node.targets, node.value)
        for target in node.targets:
            self.assign(node, target, value)

    def ghost_value(self, targets: list[ast.expr], node: ast.expr) -> Value:
        """The value to assign; one for a ghost may use other ghosts."""
        start, ghost = len(self.builder.nodes), all(isinstance(target, ast.Attribute) for target in targets)
        with flag(self, "ghosts", ghost), flag(self, "ghost_uses", 0):
            value = self.value(node)
            if isinstance(value, (WordValue, GhostValue)):
                value = self.number(node, value)
            if self.ghost_uses and any(map(_is_seen, self.builder.nodes[start:])):
                self.refuse(node, "reads a ghost and takes a step; take the step on a line before")
        return value

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node, node.target, self.ghost_value([node.target], node.value))

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name) and isinstance(
            self.value(_loaded(node.target)), WordValue
        ):
            self._refuse_target(node, node.target)
        if type(node.op) not in SYMBOLS:
            self.refuse(node, advice_on(node.op))
        load = _loaded(node.target)
        expr = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
        self.assign(node, node.target, self.ghost_value([node.target], expr))

    def assign(self, node: ast.stmt, target: ast.expr, value: Value) -> None:
        """Bind a name, the names of a tuple, or a ghost."""
        if isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(node, target, value)
        elif isinstance(target, ast.Name):
            self._bind_name(node, target.id, value)
        elif isinstance(target, ast.Attribute):
            self._set_ghost(node, target, value)
        else:
            self._refuse_target(node, target)

    def _refuse_target(self, node: ast.stmt, target: ast.expr) -> NoReturn:
        if isinstance(self.value(_loaded(target)), WordValue):
            self.refuse(node, "a shared word is not assigned; it changes by its methods, such as .set()")
        self.refuse(node, "a process assigns to its locals and to ghosts; declare what changes in a class")

    def _unpack(self, node: ast.stmt, target: ast.Tuple | ast.List, value: Value) -> None:
        for part in target.elts:
            if isinstance(part, ast.Starred):
                self.refuse(part, advice_on(part))
        if isinstance(value, (Mixed, Nothing)):
            self.number(node, value)  # says what it is
        if not isinstance(value, Tuple) or len(value.items) != len(target.elts):
            self.refuse(node, f"the right side is not a tuple of {len(target.elts)} values")
        site = self.frame.source.site(node)
        items = [self._kept(item, site) for item in value.items]
        for part, item in zip(target.elts, items, strict=True):
            self.assign(node, part, item)

    def _kept(self, value: Value, site: object) -> Value:
        """The value in a register of its own: ``a, b = b, a`` reads both before it sets one."""
        if not isinstance(value, (Reg, Op, Bare)) or self._is_temporary(value):
            return value
        copy = self.builder.register("")
        self.builder.assign(site, copy, value)  # type: ignore[arg-type]
        return copy

    def _is_temporary(self, value: Value) -> bool:
        """Whether nothing but this use has the register: no name of the user's."""
        return isinstance(value, Reg) and not self.builder.names[value.index]

    def _bind_name(self, node: ast.stmt, name: str, value: Value) -> None:
        constant = self.frame.is_constant(name)
        if constant and isinstance(value, (Const, Static, Closure)) and name not in self.frame.scope:
            self.frame.scope[name] = value
            return
        if isinstance(value, Static) and value != NONE:
            what = f"{describe(value)} in {name!r}, a local that changes, or that some ways leave out"
            self.refuse(node, f"{what}: such a local is an int, or a tuple of ints; number the cases")
        if name not in self.frame.scope:
            self.frame.scope[name] = self._declare(node, name, value)
        self._store(node, name, self.frame.scope[name], value)

    def _declare(self, node: ast.stmt, name: str, value: Value) -> Value:
        """Registers for a new local: one, or one for each item of a tuple."""
        if isinstance(value, Tuple):
            items = enumerate(value.items)
            return Tuple(tuple(self._declare(node, f"{name}[{i}]", item) for i, item in items))
        if value == NONE:
            self.refuse(node, "a local that changes is an int; write one that stands for None, such as -1")
        self.number(node, value)
        register = self.builder.register(name)
        undefine = self.frame.undefine
        undefine.registers = (*undefine.registers, register)
        return register

    def _store(self, node: ast.stmt, name: str, local: Value, value: Value) -> None:
        site = self.frame.source.site(node)
        if isinstance(local, Tuple) and isinstance(value, Tuple) and len(local.items) == len(value.items):
            items = [self._kept(item, site) for item in value.items]
            for part, item in zip(local.items, items, strict=True):
                self._store(node, name, part, item)
        elif isinstance(local, Reg) and not isinstance(value, Tuple):
            self.builder.assign(site, local, self.number(node, value))
        else:
            self.refuse(node, f"{name} held another kind of value before; use another name")

    def _set_ghost(self, node: ast.stmt, target: ast.Attribute, value: Value) -> None:
        base = self.value(target.value)
        found = self.attribute(target, base.value, target.attr) if isinstance(base, Static) else base
        if not isinstance(found, GhostValue):
            self._refuse_target(node, target)
        self.step_allowed(node)
        expr = self.number(node, value)
        self.builder.emit(SetGhost(self.frame.source.site(node), found.slot, expr))

    def do_Assert(self, node: ast.Assert) -> None:
        message = self.frame.source.text(node.test)
        if node.msg is not None:
            value = self.value(node.msg)
            if not (isinstance(value, Static) and isinstance(value.value, str)):
                self.refuse(node, "the message of an assert is a constant string")
            message = value.value
        site = self.frame.source.site(node)
        passed, failed = self.with_bare(node.test)
        failure = Fail(site, f"{site.function}: {message}")
        self.builder.asserts.append(failure)
        if failed:
            self.builder.fail(failure, failed)
        self.builder.loose = passed

    def do_If(self, node: ast.If) -> None:
        yes, no = self.jump(node.test)
        done: Loose = []
        for edges, statements in ((yes, node.body), (no, node.orelse)):
            self.builder.loose = edges
            # A branch that a constant decides always runs: what it assigns is still constant.
            run = self.nested if yes and no else self.body
            run(statements)
            done += self.builder.loose
        self.builder.loose = done

    def do_With(self, node: ast.With) -> None:
        self.step_allowed(node)
        if not self._is_atomic(node):
            why = "the only 'with' in the language is 'with atomic():'"
            what = node.items[0].context_expr
            lock = isinstance(what, (ast.Name, ast.Attribute)) and isinstance(self.value(what), WordValue)
            self.refuse(node, f"{why}; write .lock() and .unlock()" if lock else why)
        outside = self.builder.depth == 0
        text = "with atomic(): " + "; ".join(map(self.frame.source.text, node.body))
        site = self.frame.source.site(node, text)
        if outside:
            self.builder.emit(Enter(site))
        self.builder.depth += 1
        self.body(node.body)
        if outside and self.builder.loose:
            self.builder.emit(Leave(site))
        self.builder.depth -= 1

    def _is_atomic(self, node: ast.With) -> bool:
        (item, *others) = node.items
        call = item.context_expr
        if others or item.optional_vars is not None or not isinstance(call, ast.Call):
            return False
        if call.args or call.keywords:
            return False
        return self.value(call.func) == Static(vocabulary.atomic)


def _loaded(target: ast.expr) -> ast.expr:
    """What is assigned to, as an expression."""
    load = ast.parse(ast.unparse(target), mode="eval").body
    for part in ast.walk(load):
        ast.copy_location(part, target)
    return load


def _is_seen(node: Node) -> bool:
    """Whether anybody sees that a process has come to this node."""
    return is_place(node) or isinstance(node, Event)
