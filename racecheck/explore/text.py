"""Pieces of generated code: expressions, and operations on packed words.

The generated code is for two readers, CPython and a compiler of int64 code: plain assignments, ``if``
and ``while``, integers, and a few arrays that are handed in.
"""

from __future__ import annotations

import re
from contextlib import nullcontext

from attrs import frozen

from racecheck.compiler.expr import Bare, Const, Expr, Op, Reg, WordRef
from racecheck.compiler.ir import SetGhost, Step
from racecheck.compiler.operators import CONVERSIONS, LARGEST_SHIFT
from racecheck.compiler.program import Graph
from racecheck.explore.layout import WORD, Layout
from racecheck.explore.lines import Lines, substitute
from racecheck.operations import wrap

Guards = dict[Graph, frozenset[int]]
"""Of each graph, the registers whose values must be looked at to see that they fit."""
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
SIGN = "(-9223372036854775807 - 1)"
"""The sign bit of a machine word."""
LARGEST = 1 << 40
"""What such a register may hold, either way."""

MODEL_ERROR = -1
"""What generated code returns where the reference interpreter would raise ModelError."""
TOO_LARGE = -(1 << 32)
"""What it returns where a value is beyond what machine code was shown to be right for."""


def compares_unsigned(expr: Op) -> bool:
    """Whether this compares what u64() gives, which machine words, being signed, do not hold."""
    return expr.symbol in COMPARISONS and any(isinstance(a, Op) and a.symbol == "u64" for a in expr.args)


def bare(args: tuple[Expr, ...]) -> list[Expr]:
    """The arguments of a comparison without u64(): with the sign bit turned over they compare alike."""
    return [arg.args[0] if isinstance(arg, Op) and arg.symbol == "u64" else arg for arg in args]


def overflow(number: int, value: str) -> tuple[str, str]:
    """Lines that report a value which does not fit its field."""
    return f"scratch[0] = {value}", f"return {-number - 2}"


def wrapped(text: str, bits: int, signed: bool) -> str:
    """A conversion to a C integer."""
    mask = (1 << bits) - 1
    if not signed:
        return f"({text} & {mask})"
    half = 1 << bits - 1
    return f"((({text} + {half}) & {mask}) - {half})"


@frozen
class Cell:
    """A packed word: the variable that holds it, or which of several, and the bit where it starts there."""

    names: tuple[str, ...]
    shift: str
    number: str = ""

    def read(self) -> str:
        """The variable, as an expression."""
        text = self.names[-1]
        for i, name in reversed(list(enumerate(self.names[:-1]))):
            text = f"({name} if {self.number} == {i} else {text})"
        return text

    def add(self, lines: Lines, value: str) -> None:
        """Add to the word what cannot carry out of it."""
        if len(self.names) == 1:
            lines.add(f"{self.names[0]} += {value} << {self.shift}")
            return
        for i, name in enumerate(self.names):
            lines.add(f"if {self.number} == {i}:", f"    {name} += {value} << {self.shift}")


class Words:
    """Loads and stores of packed words: in ``t``, or ``for_machine`` in ``t0``, ``t1`` and so on."""

    def __init__(
        self,
        layout: Layout,
        kinds: tuple[str, ...],
        bits: tuple[int, ...],
        for_machine: bool,
        guards: Guards,
    ) -> None:
        self.layout = layout
        self.kinds = kinds
        self.bits = bits
        self.for_machine = for_machine
        self.guards = guards
        self.count = layout.words if for_machine else 1

    def names(self, letter: str = "t") -> list[str]:
        """The variables of a state."""
        if self.count == 1:
            return [letter]
        return [f"{letter}{word}" for word in range(self.count)]

    def at(self, position: int, letter: str = "t") -> tuple[str, int]:
        """The variable of a bit, and where it is in that."""
        if self.count == 1:
            return letter, position
        return f"{letter}{position // WORD}", position % WORD

    def sums(self, constant: int) -> list[tuple[str, int]]:
        """What to add to which variable, to add a constant to the state."""
        if self.count == 1:
            return [("t", constant)]
        found = []
        for name in self.names():
            low = (constant + (1 << WORD - 1)) % (1 << WORD) - (1 << WORD - 1)
            found.append((name, low))
            constant = constant - low >> WORD
        return found

    def cell(self, ref: WordRef) -> Cell:
        """Where a word stands."""
        row, first = self.layout.arrays[ref.base], self.layout.shared[ref.base]
        if ref.length == 1:
            name, bit = self.at(first)
            return Cell((name,), str(bit))
        index = self.expr(ref.index)
        if not row.each:
            name, bit = self.at(first)
            return Cell((name,), f"({bit} + {index} * {row.width})")
        before = self.layout.arrays[: ref.base].count(row)
        index = f"({index} + {before})" if before else index
        if not self.for_machine:
            shift = f"{row.base} + {index} // {row.each} * {WORD} + {index} % {row.each} * {row.width}"
            return Cell(("t",), f"({shift})")
        base, last = row.base // WORD, row.position(row.count - 1) // WORD
        names = tuple(self.names()[base : last + 1])
        return Cell(names, f"({index} % {row.each} * {row.width})", f"({index} // {row.each})")

    def load(self, ref: WordRef, cell: Cell | None = None) -> str:
        """The word's value, as an expression."""
        packed, cell = self.layout.fields[self.layout.groups[ref.base]], cell or self.cell(ref)
        raw = f"(({cell.read()} >> {cell.shift}) & {(1 << packed.width) - 1})"
        return raw if packed.lo == 0 else f"({raw} + {packed.lo})"

    def expr(self, expr: Expr) -> str:
        """An expression as text, in brackets."""
        match expr:
            case Const():
                return str(expr.value) if expr.value >= 0 else f"({expr.value})"
            case Reg():
                return f"r{expr.index}"
            case Bare():
                return self.load(expr.word)
            case Op() if self.for_machine and compares_unsigned(expr):
                return self._op(expr.symbol, [f"({self.expr(arg)} ^ {SIGN})" for arg in bare(expr.args)])
            case Op():
                return self._op(expr.symbol, [self.expr(arg) for arg in expr.args])

    def _op(self, symbol: str, args: list[str]) -> str:
        if symbol in CONVERSIONS:
            return self.converted(args[0], *CONVERSIONS[symbol])
        if symbol in ("min", "max", "abs"):
            return f"{symbol}({', '.join(args)})"
        if symbol == "if":
            return f"({args[1]} if {args[0]} else {args[2]})"
        prefix = {"neg": "-", "invert": "~", "not": "not "}.get(symbol)
        return f"({prefix}{args[0]})" if prefix else f"({args[0]} {symbol} {args[1]})"

    def converted(self, text: str, bits: int, signed: bool) -> str:
        """A conversion to a C integer; machine code has no number that needs one of 64 bits."""
        return text if self.for_machine and bits == WORD else wrapped(text, bits, signed)

    def guard(self, expr: Expr) -> str | None:
        """The condition under which evaluating this fallible expression is a model error."""
        if not isinstance(expr, Op):
            return None
        args = [self.expr(arg) for arg in expr.args]
        match expr.symbol:
            case "//" | "%":
                return f"{args[1]} == 0"
            case "<<" | ">>":
                return f"{args[1]} < 0 or {args[1]} > {LARGEST_SHIFT}"
            case "index":
                return f"{args[0]} < 0 or {args[0]} >= {args[1]}"
        return None

    def fallible(self, expr: Expr) -> str:
        """A fallible expression as text; an index is itself once it is checked."""
        if isinstance(expr, Op) and expr.symbol == "index":
            return self.expr(expr.args[0])
        return self.expr(expr)

    def ghost(self, lines: Lines, node: SetGhost) -> None:
        """``ghost = value``."""
        ref = WordRef(node.slot)
        lines.add(f"old = {self.load(ref)}", f"new = {self.expr(node.value)}")
        self._guard(lines, ref, ("lo", "hi"))
        self.cell(ref).add(lines, "(new - old)")

    def operation(self, lines: Lines, node: Step) -> int:
        """One operation on a word that is enabled: the store, and the result in its register.

        Returns a constant that is still to be added to ``t``.
        """
        operation, ref = node.operation, node.word
        names = self._arguments(lines, node)
        cell = self._cell(lines, ref)
        if not operation.new:
            if node.target is not None:
                names["old"] = self.load(ref, cell)
                lines.add(f"r{node.target.index} = {substitute(operation.result, **names)}")
            return 0
        text = substitute(operation.new, **names)
        change = self._change(ref, text)
        sometimes = operation.when and not operation.waits
        if change is not None and node.target is None and not sometimes:
            return self._add(lines, ref, change)
        lines.add(f"old = {self.load(ref, cell)}", f"new = {text}")
        sides = self._wrap(lines, ref, text) if change is None else ("hi",) if change > 0 else ("lo",)
        with lines.under(f"if {substitute(operation.when, **names)}:") if sometimes else nullcontext():
            self._guard(lines, ref, sides)
            cell.add(lines, "(new - old)" if change is None else str(change))
        if node.target is not None:
            lines.add(f"r{node.target.index} = {substitute(operation.result, **names)}")
        return 0

    def _change(self, ref: WordRef, text: str) -> int | None:
        """What the operation adds, if that is a constant and cannot wrap around within the field."""
        delta = re.fullmatch(r"old ([+-]) \(?(-?\d+)\)?", text)
        if delta is None or ref.length > 1:
            return None
        packed = self.layout.fields[self.layout.groups[ref.base]]
        change = int(delta[1] + "1") * int(delta[2])
        half = 1 << self.bits[ref.base] - 1
        if abs(change) > packed.hi - packed.lo:  # it leaves the field whatever it is
            return None
        return change if packed.lo + change >= -half and packed.hi + change < half else None

    def _add(self, lines: Lines, ref: WordRef, change: int) -> int:
        """Check that the word stays in its field; returns what is then to be added to ``t``."""
        number, offset = self.layout.groups[ref.base], self.layout.shared[ref.base]
        packed = self.layout.fields[number]
        limit, sign = (-change, "<") if change < 0 else (packed.hi - packed.lo - change, ">")
        name, bit = self.at(offset)
        with lines.under(f"if ({name} & {(1 << packed.width) - 1 << bit}) {sign} {limit << bit}:"):
            lines.add(*overflow(number, f"{self.load(ref)} + {change}"))
        return change << offset

    def _arguments(self, lines: Lines, node: Step) -> dict[str, str]:
        """The arguments, converted to the word's C type: constants as they are, others in ``a``, ``b``."""
        names = {}
        bits = self.bits[node.word.base]
        for name, arg in zip("ab", node.args, strict=False):
            if isinstance(arg, Const):
                names[name] = self.expr(Const(wrap(arg.value, bits)))
            else:
                lines.add(f"{name} = {self.converted(self.expr(arg), bits, True)}")
        return names

    def _cell(self, lines: Lines, ref: WordRef) -> Cell:
        """Where a word stands, its index evaluated once."""
        cell = self.cell(ref)
        if ref.length == 1:
            return cell
        lines.add(f"o = {cell.shift}")
        if cell.number:
            lines.add(f"w = {cell.number}")
        return Cell(cell.names, "o", "w" * bool(cell.number))

    def _wrap(self, lines: Lines, ref: WordRef, text: str) -> tuple[str, ...]:
        """Wrap ``new`` where it can leave the C type; on which sides it can leave its field."""
        if self.kinds[ref.base] != "Atomic":
            return ()
        if self.for_machine and self.bits[ref.base] == WORD:
            return ("lo", "hi")
        half = 1 << self.bits[ref.base] - 1
        if text.startswith(("old +", "old -")):
            lines.add(f"if new >= {half}:", f"    new -= {2 * half}")
            lines.add(f"if new < {-half}:", f"    new += {2 * half}")
        return ("lo", "hi")

    def _guard(self, lines: Lines, ref: WordRef, sides: tuple[str, ...]) -> None:
        """Report a new value that does not fit."""
        number = self.layout.groups[ref.base]
        packed = self.layout.fields[number]
        tests = {"lo": f"new < {packed.lo}", "hi": f"new > {packed.hi}"}
        if sides:
            with lines.under(f"if {' or '.join(tests[side] for side in sides)}:"):
                lines.add(*overflow(number, "new"))
