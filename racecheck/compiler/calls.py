"""Calls: which kind it is, and functions to inline."""

from __future__ import annotations

import ast
import builtins
import inspect
import types
from collections.abc import Callable
from typing import Any, Final

from racecheck import vocabulary
from racecheck.compiler.advice import advice_on, is_standard, uncallable
from racecheck.compiler.builder import (
    NONE,
    ArrayValue,
    Closure,
    Frame,
    GhostValue,
    Mixed,
    Static,
    Tuple,
    Value,
    WordValue,
    assigned_names,
    flag,
)
from racecheck.compiler.expr import Bare, Const, Expr, Op, Reg
from racecheck.compiler.ir import Undefine
from racecheck.compiler.operands import describe
from racecheck.compiler.source import Source, source_of
from racecheck.compiler.vocabulary_calls import VocabularyCalls
from racecheck.operations import FENCES

DEEPEST: Final = 40
"""How deep calls may nest: every call is written out, and this compiler is recursive itself."""
METHODS: Final[dict[type, str]] = {
    ArrayValue: "a whole array has no operations; index it",
    GhostValue: "a ghost has no operations; it is assigned, as in ghost += 1",
    Mixed: "this is not the same object on every way; branch, and call it on each",
}


class Calls(VocabularyCalls):
    """The part of the front end that compiles calls."""

    def body(self, statements: list[ast.stmt]) -> None:
        """Compile statements; see ``Statements``."""
        raise NotImplementedError

    def value_Call(self, node: ast.Call) -> Value:
        if isinstance(node.func, ast.Attribute):
            base = self.value(node.func.value)
            if isinstance(base, WordValue):
                return self.operation(node, base, node.func.attr)
            if not isinstance(base, Static):
                self.refuse(node, METHODS.get(type(base), f"{describe(base)} has no methods"))
            function = self.attribute(node.func, base.value, node.func.attr)
        else:
            function = self.value(node.func)
        if isinstance(function, Closure):
            return self._inline_lambda(node, function)
        if not isinstance(function, Static):
            self.refuse(node, f"{describe(function)} is not a function")
        return self._call_object(node, function.value)

    def _call_object(self, node: ast.Call, function: Any) -> Value:
        special = self._special(function)
        if special is not None:
            if node.keywords:
                self.refuse(node, f"{function.__name__}() takes no keyword arguments")
            return special(node)
        code = getattr(function, "__func__", function)
        if isinstance(code, types.FunctionType) and not is_standard(code):
            args = [self._argument(arg) for arg in node.args]
            kwargs = {self._keyword(k): self._argument(k.value) for k in node.keywords}
            return self.inline(node, function, args, kwargs)
        self.refuse(node, uncallable(function))

    def _argument(self, node: ast.expr) -> Value:
        value = self.value(node)
        return self.number(node, value) if isinstance(value, GhostValue) else value

    def _keyword(self, keyword: ast.keyword) -> str:
        if keyword.arg is None:
            self.refuse(keyword.value, "** arguments are outside the language; write them out")
        return keyword.arg

    def _special(self, function: Any) -> Callable[[ast.Call], Value] | None:
        if isinstance(function, types.FunctionType) and function.__module__ == vocabulary.__name__:
            name = function.__name__
            return self.fence if name in FENCES else getattr(self, f"call_{name}", self.convert)
        if function is vocabulary.atomic:
            return self.misplaced_atomic
        name = getattr(function, "__name__", "")
        if getattr(builtins, name, None) is function:
            return getattr(self, f"builtin_{name}", None)
        return None

    def condition(self, node: ast.Call, function: Value) -> Expr:
        """Compile a call of a condition: a lambda here, or a function."""
        if isinstance(function, Closure):
            return self.number(node, self._inline_lambda(node, function, []))
        if isinstance(function, Static) and isinstance(function.value, types.FunctionType):
            return self.number(node, self.inline(node, function.value, [], {}))
        self.refuse(node, "the condition is a function; write wait_until(lambda: ...)")

    def start(self, function: Any, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Compile the function that a process or a condition runs."""
        source = source_of(getattr(function, "__func__", function))
        undefine = Undefine(source.site(source.tree, "def"), ())
        self.frame = Frame(source, lookup_in(function), undefine, {}, 0)
        return self.inline(source.tree, function, args, kwargs)

    def inline(self, node: ast.AST, function: Any, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Compile a call of a Python function by compiling its body here."""
        if isinstance(function, types.MethodType):
            args, function = [self.lift(function.__self__), *args], function.__func__
        if function in self.active:
            self.refuse(node, f"{function.__name__}() calls itself; recursion is outside the language")
        source = source_of(function)
        self._refuse_other_functions(source)
        if len(self.active) >= DEEPEST:
            self.refuse(
                node, f"calls in calls, more than {DEEPEST} deep; call fewer functions from functions"
            )
        bound = self._bind(node, function, args, kwargs)
        self.active.append(function)
        try:
            with flag(self, "ghosts", self.bare):  # a function called in a ghost's update sees none itself
                return self.call(source, lookup_in(function), bound)
        finally:
            self.active.pop()

    def _refuse_other_functions(self, source: Source) -> None:
        """Refuse generators and coroutines, at what makes them so."""
        if isinstance(source.tree, ast.AsyncFunctionDef):
            source.refuse(source.tree, advice_on(source.tree))
        if source.function.__code__.co_flags & inspect.CO_GENERATOR:
            yields = (n for n in ast.walk(source.tree) if isinstance(n, (ast.Yield, ast.YieldFrom)))
            first = min(yields, key=lambda n: (n.lineno, n.col_offset))
            source.refuse(first, advice_on(first))

    def _bind(
        self, node: ast.AST, function: Any, args: list[Value], kwargs: dict[str, Value]
    ) -> dict[str, Value]:
        try:
            bound = inspect.signature(function, follow_wrapped=False).bind(*args, **kwargs)
        except TypeError as error:
            self.refuse(node, f"{function.__name__}(): {error}")
        values: dict[str, Value] = {}
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                self.refuse(node, f"{function.__name__}() takes **{name}, which is outside the language")
            if parameter.kind is parameter.VAR_POSITIONAL:
                values[name] = Tuple(tuple(bound.arguments.get(name, ())))
            elif name in bound.arguments:
                values[name] = bound.arguments[name]
            else:
                values[name] = self.lift(parameter.default)
        return values

    def _inline_lambda(self, node: ast.Call, closure: Closure, args: list[ast.expr] | None = None) -> Value:
        given = node.args if args is None else args
        names = [arg.arg for arg in closure.tree.args.args]
        if closure.tree in self.active:
            self.refuse(node, "this lambda calls itself; recursion is outside the language")
        if len(given) != len(names) or (node.keywords and args is None):
            count = f"{len(names)} argument{'s' * (len(names) != 1)}"
            self.refuse(node, f"this lambda takes {count}, by position; write a def for more than that")
        values = [self._settled(arg, self.value(arg)) for arg in given]
        outer, self.frame = self.frame, closure.frame
        scope = self.frame.scope
        self.frame.scope = scope | dict(zip(names, values, strict=True))
        self.active.append(closure.tree)
        try:
            return self.value(closure.tree.body)
        finally:
            self.active.pop()
            self.frame.scope = scope
            self.frame = outer

    def _settled(self, node: ast.AST, value: Value) -> Value:
        """An argument, evaluated once: an expression goes into a register."""
        if isinstance(value, (Op, Bare)):
            return self.builder.temporary(self.frame.source.site(node), value)
        if isinstance(value, Tuple):
            return Tuple(tuple(self._settled(node, item) for item in value.items))
        return value

    def call(self, source: Source, lookup: Callable[[str], Any], bound: dict[str, Value]) -> Value:
        """Compile a function's body with its parameters bound; the value that it returns."""
        tree = source.tree
        statements = [_return(tree)] if isinstance(tree, ast.Lambda) else tree.body
        counts = assigned_names(statements)
        undefine = Undefine(source.site(tree, "def"), ())
        self.builder.emit(undefine)
        frame = Frame(source, lookup, undefine, counts, self.builder.depth)
        outer, self.frame = self.frame, frame
        for name, value in bound.items():
            settled = self._settled(tree, value)
            frame.scope[name] = self._copied(name, settled) if name in counts else settled
        self.body(statements)
        self.frame = outer
        return self._returned(frame)

    def _copied(self, name: str, value: Value) -> Value:
        """A parameter that the function assigns: a local of its own, where it is an int."""
        if not isinstance(value, (Const, Reg)):
            return value
        target = self.builder.register(name)
        self.builder.assign(self.frame.source.site(self.frame.source.tree, name), target, value)
        return target

    def _returned(self, frame: Frame) -> Value:
        """Join the ways out of a function, and what each returns."""
        if self.builder.loose:
            frame.returned.append((NONE, self.builder.loose))
        self.builder.loose = []
        return self.merge(frame.source.site(frame.source.tree, "return"), frame.returned)


def _return(tree: ast.Lambda) -> ast.stmt:
    return ast.copy_location(ast.Return(tree.body), tree.body)


def lookup_in(function: Any) -> Callable[[str], Any]:
    """How names that are not local resolve: closure, globals, builtins."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))

    def lookup(name: str) -> Any:
        if name in cells:
            try:
                return cells[name].cell_contents
            except ValueError:
                raise NameError(name) from None
        if name in function.__globals__:
            return function.__globals__[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise NameError(name)

    return lookup
