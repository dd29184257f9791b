"""Whether a program's arithmetic fits machine words: intervals of all that its expressions can be.

Machine code wraps around in silence, so it may only run what is shown to stay within 62 bits. A local that
grows in a loop is shown by looking at it whenever it is set.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from racecheck.compiler.expr import Bare, Const, Expr, Op, Reg, WordRef
from racecheck.compiler.ir import Assign, Branch, Choose, Node, Require, Result, SetGhost, Step, Together
from racecheck.compiler.operators import CONVERSIONS
from racecheck.compiler.program import Graph, Program, Slot
from racecheck.explore.layout import Layout
from racecheck.explore.text import LARGEST, Guards, bare, compares_unsigned
from racecheck.operations import wrap

MOST = 1 << 62
ROUNDS = 8
"""Passes over a graph after which what still grows is looked at when it is set."""
TRUTH = (0, 1)

Span = tuple[int, int]
"""The least and the largest value."""


class DoesNotFit(Exception):
    """Why machine words do not hold what a program calculates."""


def hull(*spans: Span) -> Span:
    """The values of all of them, and those between."""
    return min(low for low, _ in spans), max(high for _, high in spans)


def guards_of(program: Program, layout: Layout) -> Guards:
    """The registers to look at, by graph; DoesNotFit if that would not be enough."""
    graphs = [(entry.graph, layout.blocks[e].slots) for e, entry in enumerate(program.entries)]
    graphs += [(graph, {}) for claim in program.claims for graph in claim.graphs()]
    return {graph: _Spans(graph, slots, layout, program.slots).guards() for graph, slots in graphs}


@define(eq=False)
class _Spans:
    """The values of one graph's registers; those of live ones are at first those of their fields."""

    graph: Graph
    slots: dict[int, int]
    layout: Layout
    words: Sequence[Slot]
    spans: dict[int, Span] = field(factory=dict)
    guarded: set[int] = field(factory=set)
    grown: set[int] = field(factory=set)

    def guards(self) -> frozenset[int]:
        """The registers to look at."""
        for register, number in self.slots.items():
            self.spans[register] = self.layout.fields[number].lo, self.layout.fields[number].hi
        rounds = 0
        while self._pass():
            rounds += 1
            if rounds > ROUNDS:
                self.guarded |= self.grown
        return frozenset(self.guarded)

    def _pass(self) -> bool:
        """Look at every node; whether a register can be more than was known."""
        self.grown.clear()
        for node in self.graph.nodes:
            try:
                self._node(node)
            except DoesNotFit as problem:
                site = getattr(node, "site", None)
                raise DoesNotFit(f"{site.text}: {problem}" if site else str(problem)) from None
        return bool(self.grown)

    def _node(self, node: Node) -> None:
        match node:
            case Assign():
                self._set(node.target.index, self.span(node.value))
            case Step():
                self._step(node)
            case Together():
                for register, word in zip(node.loaded, node.words, strict=True):
                    self._set(register.index, self.word(word))
            case Choose() if node.target is not None:
                options = [self.span(option) for option in node.options]
                self._set(node.target.index, TRUTH if node.boolean else hull(*options))
            case SetGhost():
                self.span(node.value)
            case Branch() | Require():
                self.span(node.condition)
            case Result():
                self.span(node.value)

    def _set(self, register: int, span: Span) -> None:
        known = self.spans.get(register, span)
        both = hull(known, span)
        if register in self.guarded:
            both = hull(known, (-LARGEST, LARGEST))
        if both != self.spans.get(register):
            self.spans[register] = both
            self.grown.add(register)

    def _step(self, node: Step) -> None:
        """What an operation calculates, and what it gives."""
        bits = self.words[node.word.base].bits
        args = [self._argument(arg, bits) for arg in node.args]
        old = new = self.word(node.word)
        if node.operation.new.startswith(("old +", "old -")):
            step = args[0] if " a" in node.operation.new else TRUTH
            reach = max(map(abs, step))
            new = fitting((old[0] - reach, old[1] + reach))
        elif node.operation.new and args:
            new = bitwise(old, *args)
        if node.target is not None:
            self._set(node.target.index, TRUTH if node.operation.boolean else hull(old, new))

    def _argument(self, arg: Expr, bits: int) -> Span:
        span, half = self.span(arg), 1 << bits - 1
        if isinstance(arg, Const):
            return fitting((wrap(arg.value, bits),) * 2)
        return span if bits == 64 or (-half <= span[0] and span[1] < half) else (-half, half - 1)

    def word(self, ref: WordRef) -> Span:
        """The values of a shared word, as its field has them."""
        self.span(ref.index)
        packed = self.layout.fields[self.layout.groups[ref.base]]
        return fitting((packed.lo, packed.hi))

    def span(self, expr: Expr) -> Span:
        """The values that an expression can have."""
        match expr:
            case Const():
                return fitting((expr.value, expr.value))
            case Reg():
                return self.spans.get(expr.index, (0, 0))
            case Bare():
                return self.word(expr.word)
            case Op() if compares_unsigned(expr):
                for arg, inner in zip(expr.args, bare(expr.args), strict=True):
                    if self.span(inner)[0] < 0 and arg is inner:
                        raise DoesNotFit("u64() is compared with a number that may be negative")
                return TRUTH
            case Op():
                args = [self.span(arg) for arg in expr.args]
                return fitting(result(expr.symbol, args))


def fitting(span: Span) -> Span:
    """The span, if machine words can hold it."""
    if span[0] < -MOST or span[1] > MOST:
        raise DoesNotFit(f"values may go from {span[0]:,} to {span[1]:,}, beyond 62 bits of a word")
    return span


def bitwise(*spans: Span) -> Span:
    """What bits of these values can make, and their complements."""
    low, high = hull(*spans)
    bits = max(low.bit_length(), high.bit_length())
    return -(1 << bits), (1 << bits) - 1


def result(symbol: str, args: list[Span]) -> Span:
    """The values of an operator; only the usual ones are told closely."""
    first, last = args[0], args[-1]
    match symbol:
        case "+":
            return first[0] + last[0], first[1] + last[1]
        case "-":
            return first[0] - last[1], first[1] - last[0]
        case "*":
            products = [a * b for a in first for b in last]
            return min(products), max(products)
        case "neg":
            return -first[1], -first[0]
        case "invert":
            return ~first[1], ~first[0]
        case "index":
            return 0, last[1]
        case "if":
            return hull(*args[1:])
        case "and" | "or" | "min" | "max":
            return hull(*args)
        case "abs":
            return 0, max(map(abs, first))
        case "&" | "|" | "^":
            both = bitwise(first, last)
            return (0, both[1]) if first[0] >= 0 and last[0] >= 0 else both
        case "//" | "%":
            most = max(map(abs, first + last)) + 1
            return -most, most
        case "<<" | ">>":
            return shifted(symbol, first, last)
    return converted(symbol, first) if symbol in CONVERSIONS else TRUTH


def shifted(symbol: str, first: Span, by: Span) -> Span:
    """The values of a shift; machine words shift by less than their bits."""
    if by[1] > 62:
        raise DoesNotFit(f"a shift by up to {by[1]} bits")
    if symbol == ">>":
        return min(first[0], 0), max(first[1], 0)
    return min(first[0] << max(by[1], 0), first[0]), max(first[1] << max(by[1], 0), first[1])


def converted(symbol: str, span: Span) -> Span:
    """The values of a conversion to a C integer."""
    bits, signed = CONVERSIONS[symbol]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if low <= span[0] and span[1] <= high:
        return span
    if bits == 64:
        raise DoesNotFit(f"{symbol}() of values from {span[0]:,} to {span[1]:,}")
    return low, high
