"""Operations on words, and the vocabulary: each becomes a node."""

from __future__ import annotations

import ast

from racecheck.compiler.advice import unknown_operation, without_result
from racecheck.compiler.builder import Loose, Nothing, Static, Tuple, Value, WordValue, flag
from racecheck.compiler.builtin_calls import BuiltinCalls
from racecheck.compiler.expr import Const, Expr, WordRef
from racecheck.compiler.ir import Choose, Enter, Event, Fail, Fence, Leave, Require, Rest, Step, Together
from racecheck.model import HOSTILE, Role
from racecheck.operations import OPERATIONS


class VocabularyCalls(BuiltinCalls):
    """The part of the front end that compiles steps, choices, rests, events and fences."""

    role: Role

    def condition(self, node: ast.Call, function: Value) -> Expr:
        """Compile a call of a condition; see ``Calls``."""
        raise NotImplementedError

    def misplaced_atomic(self, node: ast.Call) -> Value:
        self.refuse(node, "atomic() opens a block; write 'with atomic():'")

    def step_allowed(self, node: ast.AST) -> None:
        """Refuse a step, a choice or an event where only the state is looked at."""
        if self.bare:
            self.refuse(
                node,
                "a property, an assert or a wait_until condition looks at the state and takes no step; "
                "take the step on a line before, or name the word without a method for its value now",
            )

    def operation(self, node: ast.Call, base: WordValue, name: str) -> Value:
        operations = OPERATIONS[base.word.kind]
        if name not in operations:
            self.refuse(node, unknown_operation(base.word.kind, name))
        self.step_allowed(node)
        operation, site = operations[name], self.frame.source.site(node)
        args = tuple(self.arguments(node, operation.arity))
        target = self.builder.register("") if operation.result else None
        step = self.builder.emit(Step(site, operation, base.ref, args, target))
        if base.word.kind == "Lock" and name == "unlock":
            failure = f"{site.function}: {site.text} by its holder"
            self.builder.fail(Fail(site, failure), [(step, "otherwise")])
        return target or Nothing(without_result(base.word.kind, name))

    def fence(self, node: ast.Call) -> Value:
        """A fence: no step."""
        self.step_allowed(node)
        self.arguments(node, 0)
        self.builder.emit(Fence(self.frame.source.site(node), self._called(node)))
        return Nothing("a fence returns nothing")

    def convert(self, node: ast.Call) -> Value:
        """``u32(x)`` and its like."""
        return self.op(node, self._called(node), *self.arguments(node, 1))

    def _called(self, node: ast.Call) -> str:
        """The vocabulary's own name of what is called."""
        function = self.value(node.func)
        assert isinstance(function, Static)
        return str(function.value.__name__)

    def call_choose(self, node: ast.Call) -> Value:
        """``choose()``: False or True; else one of the arguments."""
        self.step_allowed(node)
        if len(node.args) == 1 and isinstance(node.args[0], (ast.List, ast.Tuple, ast.Set)):
            self.refuse(node, "the options are arguments, each an int; write choose(1, 2)")
        options = tuple(self.arguments(node)) or (Const(0), Const(1))
        target = self.builder.register("")
        site = self.frame.source.site(node)
        self.builder.emit(Choose(site, options, target, boolean=not node.args))
        return target

    def call_rest(self, node: ast.Call) -> Value:
        """``rest()``: a place of its own."""
        self.step_allowed(node)
        self.arguments(node, 0)
        if self.role is not HOSTILE:
            self.refuse(node, "only a HOSTILE process rests; kernel code and the victim go on")
        if self.builder.depth:
            self.refuse(node, "an atomic group is one step: rest before it or after it")
        self.builder.emit(Rest(self.frame.source.site(node)))
        return Nothing("rest() returns nothing")

    def call_event(self, node: ast.Call) -> Value:
        """``event("name")``, or a conditional of constants."""
        self.step_allowed(node)
        if len(node.args) != 1:
            self.refuse(node, "event() takes one constant name")
        self._event(node, node.args[0])
        return Nothing("event() returns nothing")

    def _event(self, node: ast.Call, name: ast.expr) -> None:
        if not isinstance(name, ast.IfExp):
            value = self.value(name)
            if not (isinstance(value, Static) and isinstance(value.value, str)):
                self.refuse(node, "an event's name is a constant string, or a conditional of such")
            self.builder.emit(Event(self.frame.source.site(node), value.value))
            return
        done: Loose = []
        yes, no = self.jump(name.test)
        for arm, edges in ((name.body, yes), (name.orelse, no)):
            self.builder.loose = edges
            if edges:
                self._event(node, arm)
            done += self.builder.loose
        self.builder.loose = done

    def call_read_together(self, node: ast.Call) -> Value:
        """``read_together(a, b)``: adjacent words in one load."""
        self.step_allowed(node)
        words = [self.value(arg) for arg in node.args]
        for arg, word in zip(node.args, words, strict=True):
            if not isinstance(word, WordValue) or word.word.kind == "Lock":
                self.refuse(arg, "read_together() takes atomics and flags, not values or locks")
        refs = tuple(word.ref for word in words if isinstance(word, WordValue))
        self._adjacent(node, refs, "read_together() is one load")
        loaded = tuple(self.builder.register("") for _ in refs)
        self.builder.emit(Together(self.frame.source.site(node), refs, loaded))
        return Tuple(loaded)

    def _adjacent(self, node: ast.AST, refs: tuple[WordRef, ...], what: str) -> None:
        """Refuse words that one load cannot cover; a computed index is checked when it runs."""
        owners = {self.slots.table[ref.base].owner for ref in refs}
        static = [ref.base for ref in refs if ref.length == 1]
        gaps = len(static) == len(refs) and sorted(static) != list(
            range(min(static, default=0), min(static, default=0) + len(static))
        )
        if len(refs) == 1:
            self.refuse(node, f"{what} of several words; write .read() or .test() for one")
        if not refs or len(owners) > 1 or gaps:
            names = ", ".join(self.slots.table[ref.base].label for ref in refs) or "nothing"
            self.refuse(
                node, f"{what}: it covers words declared next to each other in one class, not {names}"
            )

    def call_wait_until(self, node: ast.Call) -> Value:
        """``wait_until(lambda: ...)``: the test is the step."""
        self.step_allowed(node)
        if len(node.args) != 1:
            self.refuse(node, "wait_until() takes one condition; write wait_until(lambda: ...)")
        site, outside = self.frame.source.site(node), not self.builder.depth
        if outside:
            self.builder.emit(Enter(site, waits=True))
        self.builder.depth += 1
        self.reads = []
        with flag(self, "bare"), flag(self, "ghosts", False):
            condition = self.condition(node, self.value(node.args[0]))
        refs = list(dict.fromkeys(self.reads))
        if len(refs) > 1:
            self._adjacent(node, tuple(refs), "wait_until() tests with one load")
        if not refs:
            self.refuse(node, "the condition reads no shared word, so nothing can ever make it true")
        self.builder.emit(Require(site, condition))
        self.builder.depth -= 1
        if outside:
            self.builder.depth = 1
            self.builder.emit(Leave(site))
            self.builder.depth = 0
        return Nothing("wait_until() returns nothing: after it the condition was true")
