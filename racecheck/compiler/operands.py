"""Names, attributes, elements and constants: what an expression is made of."""

from __future__ import annotations

import ast
import inspect
import types
from typing import Any, NoReturn

from racecheck.blame import kind_of
from racecheck.compiler.advice import BARE, advice_on, uncalled
from racecheck.compiler.builder import (
    NONE,
    ArrayValue,
    Closure,
    Frame,
    GhostValue,
    GraphBuilder,
    Mixed,
    Nothing,
    SlotTable,
    Static,
    Tuple,
    Value,
    WordValue,
)
from racecheck.compiler.expr import Bare, Const, Expr, Op, Reg, WordRef
from racecheck.errors import ModelError
from racecheck.vocabulary import Ghost, Shared
from racecheck.words import Array, GhostCell, Word


class Operands:
    """The part of the front end that compiles what operators work on."""

    def __init__(self, builder: GraphBuilder, slots: SlotTable) -> None:
        self.builder = builder
        self.slots = slots
        self.frame: Frame
        self.bare = False
        """In a condition, where a bare word is its value in this state."""
        self.ghosts = False
        """Where ghosts may be read: in a property, an assert or the update of a ghost."""
        self.ghost_uses = 0
        """How often one was, in updates."""
        self.active: list[types.FunctionType | ast.Lambda] = []
        self.reads: list[WordRef] = []

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        """Raise the ModelError for this node."""
        self.frame.source.refuse(node, why)

    def inline(self, node: ast.AST, function: Any, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Compile a call of a Python function; see ``Calls``."""
        raise NotImplementedError

    def lift(self, value: Any) -> Value:
        """A Python object as a value of the front end."""
        if isinstance(value, int):
            return Const(int(value))
        if isinstance(value, Word):
            return WordValue(WordRef(self._slot(value)), value)
        if isinstance(value, Array):
            return ArrayValue(value, self._slot(value.words[0]))
        if isinstance(value, tuple):
            return Tuple(tuple(self.lift(item) for item in value))
        return Static(value)

    def _slot(self, word: Word | GhostCell) -> int:
        if id(word) not in self.slots.ids:
            owner = "of another model" if "." in word.label else "outside every shared object"
            raise ModelError(
                f"{word.label} is {owner}: declare words in a class of Shared, and make the object in this "
                "model's function"
            )
        return self.slots.ids[id(word)]

    def expr(self, node: ast.expr) -> Expr:
        """Compile an expression that must be an int."""
        return self.number(node, self.value(node))

    def number(self, node: ast.AST, value: Value) -> Expr:
        """The value as an int expression, or a refusal that says what it is instead."""
        if isinstance(value, (Const, Reg, Bare, Op)):
            return value
        if isinstance(value, WordValue):
            if not self.bare:
                self.refuse(node, BARE[value.word.kind])
            self.reads.append(value.ref)
            return Bare(value.ref)
        if isinstance(value, GhostValue):
            if not self.ghosts:
                self.refuse(node, "a ghost is read only by properties, asserts and ghost updates")
            self.ghost_uses += not self.bare
            return Bare(WordRef(value.slot))
        if isinstance(value, Nothing):
            self.refuse(node, value.why)
        if isinstance(value, Mixed):
            self.refuse(node, f"this is {describe(value)}; give an int, or ints alike, on every way")
        if value == NONE and isinstance(node, ast.Call):
            self.refuse(node, "this returns nothing, and an int is needed; return one")
        self.refuse(node, f"{describe(value)} is used as an int")

    def value(self, node: ast.expr) -> Value:
        """Compile an expression to a value."""
        compile_one = getattr(self, f"value_{type(node).__name__}", None)
        if compile_one is None:
            self.refuse(node, advice_on(node))
        try:
            result: Value = compile_one(node)
        except ModelError as error:
            if error.file is None:
                self.refuse(node, error.message)
            raise
        return result

    def value_Constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, (float, complex, bytes)) or node.value is ...:
            self.refuse(node, f"the type {type(node.value).__name__} is outside the language; use ints")
        return self.lift(node.value)

    def value_Name(self, node: ast.Name) -> Value:
        if node.id in self.frame.scope:
            return self.frame.scope[node.id]
        if node.id in self.frame.counts:
            self.refuse(node, f"{node.id} is used before it is assigned")
        try:
            found = self.frame.lookup(node.id)
        except NameError:
            self.refuse(node, f"the name {node.id!r} is not defined here; import or define it in this file")
        return found if isinstance(found, VALUES) else self.lift(found)

    def value_Attribute(self, node: ast.Attribute) -> Value:
        base = self.value(node.value)
        if isinstance(base, WordValue):
            self.refuse(node, uncalled(base.word.kind, node.attr))
        if not isinstance(base, Static):
            self.refuse(node, f"{describe(base)} has no attribute {node.attr!r}")
        return self.attribute(node, base.value, node.attr)

    def attribute(self, node: ast.AST, owner: Any, name: str) -> Value:
        """An attribute of an object that is known when compiling."""
        declared = inspect.getattr_static(type(owner), name, None) if isinstance(owner, Shared) else None
        if isinstance(declared, Ghost):
            return GhostValue(self._slot(owner._ghosts[name]))
        if isinstance(declared, property):
            return self.inline(node, declared.fget, [Static(owner)], {})
        try:
            return self.lift(getattr(owner, name))
        except AttributeError as error:
            self.refuse(node, str(error))

    def value_Subscript(self, node: ast.Subscript) -> Value:
        base = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            self.refuse(node, "slices are outside the language; index one element")
        if isinstance(base, ArrayValue):
            return self.element(node, base, self.expr(node.slice))
        key = self.value(node.slice)
        if isinstance(base, Tuple):
            items: Any = base.items
        elif isinstance(base, Static) and isinstance(base.value, (dict, list, str)):
            items = base.value
        else:
            self.refuse(node, f"{describe(base)} cannot be indexed")
        if isinstance(base, Tuple) and not isinstance(key, (Const, Static)):
            return self.item(node, base, self.number(node.slice, key))
        if not isinstance(key, (Const, Static)):
            self.refuse(node, "only an Array or a tuple takes an index that is not a constant")
        try:
            found = items[key.value]
        except (LookupError, TypeError) as error:
            self.refuse(node, f"{type(error).__name__}: {error}")
        return found if isinstance(base, Tuple) else self.lift(found)

    def item(self, node: ast.AST, base: Tuple, index: Expr) -> Expr:
        """One int of a tuple, by an index that is known when it runs; not negative, as for an Array."""
        items = [self.number(node, item) for item in base.items]
        target = self.builder.register("")
        checked = Op("index", (index, Const(len(items))))
        self.builder.assign(self.frame.source.site(node), target, checked)

        def pick(low: int, high: int) -> Expr:
            if high - low <= 1:
                return items[low] if items else Const(0)
            middle = (low + high) // 2
            return Op("if", (Op("<", (target, Const(middle))), pick(low, middle), pick(middle, high)))

        return pick(0, len(items))

    def element(self, node: ast.AST, base: ArrayValue, index: Expr) -> WordValue:
        """One word of an array; an index that is not a constant is checked when it runs."""
        length = len(base.array)
        if isinstance(index, Const):
            if not 0 <= index.value < length:
                self.refuse(node, f"index {index.value} is outside 0 to {length - 1}")
            return WordValue(WordRef(base.base + index.value), base.array.words[index.value])
        site = self.frame.source.site(node)
        target = self.builder.register("")
        self.builder.assign(site, target, Op("index", (index, Const(length))))
        return WordValue(WordRef(base.base, length, target), base.array.words[0])

    def value_Tuple(self, node: ast.Tuple) -> Value:
        return Tuple(tuple(self.value(item) for item in node.elts))

    def value_Lambda(self, node: ast.Lambda) -> Value:
        return Closure(node, self.frame)


VALUES = (
    Const, Reg, Bare, Op, Static, Tuple, WordValue, ArrayValue, GhostValue, Closure, Nothing, Mixed
)  # fmt: skip


def describe(value: Value) -> str:
    """What a value is, for a message."""
    if value == NONE:
        return "None"
    if isinstance(value, Static):
        kind = type(value.value).__name__
        return (
            f"the {kind} {value.value!r}" if isinstance(value.value, str | float) else kind_of(value.value)
        )
    if isinstance(value, Mixed):
        return "an int on one way and None on another" if value.truth else "not the same on every way"
    names = {
        WordValue: "a shared word",
        ArrayValue: "a whole array",
        GhostValue: "a ghost",
        Tuple: "a tuple",
        Closure: "a lambda",
        Nothing: "nothing",
    }
    return names.get(type(value), "an int")
