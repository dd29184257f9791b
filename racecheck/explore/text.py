"""Pieces of generated code: indented lines, expressions, and operations on packed words.

The generated code is for two readers, CPython and a compiler of int64 code: plain assignments, ``if``
and ``while``, integers, and a few arrays that are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from attrs import define, field

from racecheck.compiler.expr import Bare, Const, Expr, Op, Reg, WordRef
from racecheck.compiler.ir import SetGhost, Step
from racecheck.compiler.operators import CONVERSIONS, LARGEST_SHIFT
from racecheck.explore.layout import Layout
from racecheck.operations import wrap

MODEL_ERROR = -1
"""What generated code returns where the reference interpreter would raise ModelError."""

DONE = "@done"
"""Stands for the end of a move until it is known whether that needs a line."""


@define
class Lines:
    """Source lines with their indentation."""

    lines: list[tuple[int, str]] = field(factory=list)
    depth: int = 0

    def add(self, *texts: str) -> None:
        """Append lines at the present depth."""
        self.lines.extend((self.depth, text) for text in texts)

    @contextmanager
    def under(self, header: str) -> Iterator[None]:
        """Append a header, and indent what follows."""
        self.add(header)
        self.depth += 1
        yield
        self.depth -= 1

    def append(self, other: Lines) -> None:
        """Append another block at the present depth."""
        self.lines.extend((self.depth + depth, text) for depth, text in other.lines)

    def __str__(self) -> str:
        return "\n".join("    " * depth + text for depth, text in self.lines)


def fork(condition: str, yes: Lines, no: Lines) -> Lines:
    """``if condition: yes else: no``, or one of them if they are the same."""
    if yes.lines == no.lines:
        return yes
    lines = Lines()
    with lines.under(f"if {condition}:"):
        lines.append(yes)
    with lines.under("else:"):
        lines.append(no)
    return lines


def without_labels(lines: Lines) -> Lines:
    """The code where no jump needs a label."""
    kept: list[tuple[int, str]] = []
    for depth, text in lines.lines:
        if text != DONE:
            kept.append((depth, text))
        elif not kept or kept[-1][0] < depth:
            kept.append((depth, "pass"))
    return Lines(kept)


def total(constant: int, *terms: str) -> str:
    """The sum of a constant and other terms, as an expression."""
    parts = [*terms, str(constant)] if constant or not terms else terms
    return " + ".join(parts).replace("+ -", "- ")


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


def substitute(text: str, **names: str) -> str:
    """The text with whole names replaced."""
    return re.sub(r"\b[a-z_]+\b", lambda match: names.get(match[0], match[0]), text)


class Words:
    """Loads and stores of packed words in ``t``."""

    def __init__(self, layout: Layout, kinds: tuple[str, ...], bits: tuple[int, ...]) -> None:
        self.layout = layout
        self.kinds = kinds
        self.bits = bits

    def offset(self, ref: WordRef) -> str:
        """Where the word stands, as an expression."""
        base = self.layout.shared[ref.base]
        if ref.length == 1:
            return str(base)
        width = self.layout.fields[self.layout.groups[ref.base]].width
        return f"({base} + {self.expr(ref.index)} * {width})"

    def load(self, ref: WordRef, offset: str | None = None) -> str:
        """The word's value, as an expression."""
        packed = self.layout.fields[self.layout.groups[ref.base]]
        raw = f"((t >> {offset or self.offset(ref)}) & {(1 << packed.width) - 1})"
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
            case Op():
                return self._op(expr.symbol, [self.expr(arg) for arg in expr.args])

    def _op(self, symbol: str, args: list[str]) -> str:
        if symbol in CONVERSIONS:
            return wrapped(args[0], *CONVERSIONS[symbol])
        if symbol in ("min", "max", "abs"):
            return f"{symbol}({', '.join(args)})"
        if symbol == "if":
            return f"({args[1]} if {args[0]} else {args[2]})"
        prefix = {"neg": "-", "invert": "~", "not": "not "}.get(symbol)
        return f"({prefix}{args[0]})" if prefix else f"({args[0]} {symbol} {args[1]})"

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
        lines.add(f"t += (new - old) << {self.offset(ref)}")

    def operation(self, lines: Lines, node: Step) -> int:
        """One operation on a word that is enabled: the store, and the result in its register.

        Returns a constant that is still to be added to ``t``.
        """
        operation, ref = node.operation, node.word
        names = self._arguments(lines, node)
        offset = self._offset(lines, ref)
        if not operation.new:
            if node.target is not None:
                names["old"] = self.load(ref, offset)
                lines.add(f"r{node.target.index} = {substitute(operation.result, **names)}")
            return 0
        text = substitute(operation.new, **names)
        change = self._change(ref, text)
        sometimes = operation.when and not operation.waits
        if change is not None and node.target is None and not sometimes:
            return self._add(lines, ref, change)
        lines.add(f"old = {self.load(ref, offset)}", f"new = {text}")
        sides = self._wrap(lines, ref, text) if change is None else ("hi",) if change > 0 else ("lo",)
        with lines.under(f"if {substitute(operation.when, **names)}:") if sometimes else nullcontext():
            self._guard(lines, ref, sides)
            lines.add(f"t += {f'(new - old) << {offset}' if change is None else change << int(offset)}")
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
        return change if packed.lo + change >= -half and packed.hi + change < half else None

    def _add(self, lines: Lines, ref: WordRef, change: int) -> int:
        """Check that the word stays in its field; returns what is then to be added to ``t``."""
        number, offset = self.layout.groups[ref.base], self.layout.shared[ref.base]
        packed = self.layout.fields[number]
        limit, sign = (-change, "<") if change < 0 else (packed.hi - packed.lo - change, ">")
        with lines.under(f"if (t & {(1 << packed.width) - 1 << offset}) {sign} {limit << offset}:"):
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
                lines.add(f"{name} = {wrapped(self.expr(arg), bits, True)}")
        return names

    def _offset(self, lines: Lines, ref: WordRef) -> str:
        if ref.length == 1:
            return self.offset(ref)
        lines.add(f"o = {self.offset(ref)}")
        return "o"

    def _wrap(self, lines: Lines, ref: WordRef, text: str) -> tuple[str, ...]:
        """Wrap ``new`` where it can leave the C type; on which sides it can leave its field."""
        if self.kinds[ref.base] != "Atomic":
            return ()
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
