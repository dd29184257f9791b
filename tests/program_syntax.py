"""Pieces of valid model code: the strategy that fills the slots of the grammar's rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from string import Formatter

from hypothesis import strategies as st
from program_grammar import RULES


@dataclass(frozen=True)
class Helper:
    """A function that pieces may call: it takes a shared object and a number.

    A ``steady`` one may be called for ever, and a ``plain`` one from everywhere: it never waits.
    """

    name: str
    result: str = "value"
    steady: bool = True
    plain: bool = True


@dataclass(frozen=True)
class Scope:
    """Where a piece stands: what it may use, and what would make the model invalid there.

    In a ``steady`` scope, which may run for ever, every operation keeps the values bounded. In a
    ``group`` nothing waits, rests or spins. ``result`` is what a return may give here, if anything.
    """

    size: int = 3
    length: int = 4
    roots: tuple[str, ...] = ("o",)
    names: tuple[str, ...] = ("a", "b", "c", "n")
    constants: tuple[str, ...] = ()
    helpers: tuple[Helper, ...] = ()
    result: str = ""
    hostile: bool = False
    spin: bool = False
    steady: bool = False
    group: bool = False
    loop: bool = False
    errors: bool = False

    def callable(self, result: str) -> list[Helper]:
        """The helpers with this result that may be called here."""
        return [
            helper
            for helper in self.helpers
            if helper.result == result
            and (helper.steady or not self.steady)
            and (helper.plain or self.spin)
        ]

    def within(self, kind: str) -> Scope:
        """The scope of a smaller piece; in expressions, without what only statements need."""
        size = max(0, self.size - 1)
        if kind in STATEMENTS:
            return replace(self, size=size)
        return replace(self, size=size, length=0, result="", hostile=False, group=False, loop=False)


NEEDS: dict[str, Callable[[Scope], bool]] = {
    "deep": lambda scope: scope.size > 0,
    "locals": lambda scope: bool(scope.names),
    "constants": lambda scope: bool(scope.constants),
    "free": lambda scope: not scope.steady,
    "flat": lambda scope: not scope.group,
    "spin": lambda scope: scope.spin,
    "hostile": lambda scope: scope.hostile,
    "kernel": lambda scope: not scope.hostile,
    "loop": lambda scope: scope.loop,
    "errors": lambda scope: scope.errors,
    "helper": lambda scope: bool(scope.callable("value")),
    "pairing": lambda scope: bool(scope.callable("pair")),
    "value": lambda scope: scope.result == "value",
    "pair": lambda scope: scope.result == "pair",
    "bare": lambda scope: scope.result == "bare",
}

STATEMENTS = {"statement", "block", "endless", "marking", "happening", "leaving", "rare", "nested"}
STATEMENTS |= {"branch", "bounded", "spinning", "grouped", "bracket", "kernel", "hostile", "victim"}

MODIFIERS: dict[str, Callable[[Scope], Scope]] = {
    "steady": lambda scope: replace(scope, steady=True),
    "round": lambda scope: replace(scope, loop=True),
    "each": lambda scope: replace(scope, names=(*scope.names, loop_variable(scope))),
    "inside": lambda scope: replace(scope, loop=False, result=""),
    "group": lambda scope: replace(scope, group=True, spin=False),
}


@dataclass(frozen=True)
class Rule:
    """One way to write a piece."""

    needs: tuple[str, ...]
    weight: int
    template: str

    @classmethod
    def parse(cls, text: str) -> Rule:
        """The rule of a line of the grammar."""
        head, separator, template = text.partition(":: ")
        if not separator:
            return cls((), 1, text)
        words = head.split()
        weight = int(words.pop()) if words and words[-1].isdigit() else 1
        return cls(tuple(words), weight, template)

    def fits(self, scope: Scope) -> bool:
        """Whether the rule makes a valid piece here."""
        return all(NEEDS[need](scope) for need in self.needs)


GRAMMAR = {kind: [Rule.parse(text) for text in texts] for kind, texts in RULES.items()}


def loop_variable(scope: Scope) -> str:
    """The variable of a for loop here: another than those of the loops around it."""
    return "kjihg"[scope.size]


@lru_cache(10_000)
def piece(kind: str, scope: Scope) -> st.SearchStrategy[str]:
    """Random code of a kind, valid in the scope."""
    if kind in LEAVES:
        return LEAVES[kind](scope)
    rules = [rule for rule in GRAMMAR[kind] if rule.fits(scope)]
    templates = st.sampled_from([rule.template for rule in rules for _ in range(rule.weight)])
    if not any("{" in rule.template for rule in rules):
        return templates
    return templates.flatmap(lambda template: filled(template, scope))


@lru_cache(10_000)
def filled(template: str, scope: Scope) -> st.SearchStrategy[str]:
    """The template with a piece in each slot."""
    slots: dict[str, st.SearchStrategy[str]] = {}
    parts = []
    for number, (literal, slot, label, _) in enumerate(Formatter().parse(template)):
        key = f"{slot}:{label}" if label else str(number)
        if slot is not None and key not in slots:
            slots[key] = slot_piece(slot, scope)
        parts.append((literal, key))
    names = tuple(slots)

    def join(texts: tuple[str, ...]) -> str:
        return joined(parts, dict(zip(names, texts, strict=True)))

    return st.tuples(*slots.values()).map(join)


def joined(parts: list[tuple[str, str]], texts: dict[str, str]) -> str:
    """The text of a filled template; a piece of several lines is indented as its slot is."""
    code = ""
    for literal, key in parts:
        code += literal
        line = code.rpartition("\n")[2]
        code += texts.get(key, "").replace("\n", "\n" + line if line.isspace() else "\n")
    return code


def slot_piece(slot: str, scope: Scope) -> st.SearchStrategy[str]:
    """The piece that a slot asks for, one size smaller."""
    *words, kind = slot.split("_")
    if kind in ("loop", "turn"):
        return piece(kind, scope)
    for word in words:
        scope = MODIFIERS[word](scope)
    return piece(kind, scope.within(kind))


def block(scope: Scope) -> st.SearchStrategy[str]:
    """A few statements."""
    statement = piece("statement", replace(scope, length=min(3, scope.length)))
    return st.lists(statement, min_size=1, max_size=scope.length).map("\n".join)


def endless(scope: Scope) -> st.SearchStrategy[str]:
    """The body of a loop without end: no local grows from round to round."""
    resets = st.tuples(*(st.sampled_from([f"{name} = 0", f"{name} &= 3"]) for name in scope.names))
    return st.builds(reset_first, resets, block(scope))


def reset_first(resets: tuple[str, ...], body: str) -> str:
    """The body, after the resets of the locals that it uses."""
    used = [reset for reset in resets if re.search(rf"\b{reset.split()[0]}\b", body)]
    return "\n".join([*used, body])


def call(scope: Scope, result: str) -> st.SearchStrategy[str]:
    """A call of some helper with this result."""
    helpers = st.sampled_from([helper.name for helper in scope.callable(result)])
    return st.builds("{}({})".format, helpers, piece("arguments", scope))


LEAVES: dict[str, Callable[[Scope], st.SearchStrategy[str]]] = {
    "block": block,
    "endless": endless,
    "call": lambda scope: call(scope, "value"),
    "paircall": lambda scope: call(scope, "pair"),
    "name": lambda scope: st.sampled_from(scope.names),
    "constant": lambda scope: st.sampled_from(scope.constants),
    "root": lambda scope: st.sampled_from(scope.roots),
    "loop": lambda scope: st.just(loop_variable(scope)),
    "turn": lambda scope: st.just(f"turn{scope.size}"),
}
