"""An expression over the shared words that a user types: read as Python's syntax, never run as Python."""

from __future__ import annotations

import ast
import itertools

from attrs import define, field

from racecheck.blame import offer
from racecheck.compiler.expr import FALLIBLE, Bare, Const, Expr, Op, Reg, WordRef
from racecheck.compiler.ir import Assign, Node, Result, Site
from racecheck.compiler.operators import CONVERSIONS
from racecheck.compiler.program import Graph, Program
from racecheck.errors import UsageError

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.USub: "neg", ast.Invert: "invert", ast.Not: "not", ast.And: "and", ast.Or: "or",
}  # fmt: skip
FUNCTIONS = {**dict.fromkeys(CONVERSIONS, 1), "abs": 1, "min": 2, "max": 2}
"""What may be called, and with how many arguments."""
LONGEST = 1000
"""Characters of an expression: more nest deeper than Python's parser likes."""


def formula(program: Program, text: str) -> Graph:
    """The expression as a condition is compiled, so that every engine can evaluate it.

    Words are written as in a report ("folio.refcount", "table.slots[0]"), constants as in the model
    ("folio.bias"). Raises UsageError that names what is not understood. Both sides of ``and`` and ``or``
    are evaluated.
    """
    if len(text) > LONGEST:
        raise UsageError(f"an expression of {len(text):,} characters: at most {LONGEST:,}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise UsageError(f"{text!r} is not an expression: {error}") from error
    reader = _Reader(program, text, Site("--by", "", 0, text))
    value = reader.read(tree)
    nodes: list[Node] = [*reader.nodes, Result(reader.site, value)]
    for at, node in enumerate(nodes):
        node.next = at + 1
    return Graph(tuple(nodes), 0, ("value",) * len(reader.nodes), {}, (), 0)


@define
class _Reader:
    """What the parts of one expression have in common."""

    program: Program
    text: str
    site: Site
    nodes: list[Node] = field(factory=list)

    def read(self, tree: ast.expr) -> Expr:
        """The expression that a piece of syntax stands for."""
        match tree:
            case ast.Constant(value=int(value)):
                return Const(int(value))
            case ast.Attribute(value=ast.Name()) | ast.Subscript():
                return self.word(ast.unparse(tree))
            case ast.BinOp() if type(tree.op) in OPERATORS:
                return self.apply(OPERATORS[type(tree.op)], tree.left, tree.right)
            case ast.UnaryOp() if type(tree.op) in OPERATORS:
                return self.apply(OPERATORS[type(tree.op)], tree.operand)
            case ast.BoolOp():
                return self.chain(OPERATORS[type(tree.op)], [self.read(value) for value in tree.values])
            case ast.Compare() if all(type(op) in OPERATORS for op in tree.ops):
                return self.compare(tree)
            case ast.IfExp():
                return self.apply("if", tree.test, tree.body, tree.orelse)
            case ast.Call(func=ast.Name(id=name), keywords=[]) if FUNCTIONS.get(name) == len(tree.args):
                return self.apply(name, *tree.args)
        raise UsageError(
            f"{ast.unparse(tree)!r} in {self.text!r}: use words such as {self.program.slots[0].label}, "
            f"numbers, operators, {', '.join(FUNCTIONS)}"
            if self.program.slots
            else f"{self.text!r}: the model has no shared words"
        )

    def apply(self, symbol: str, *operands: ast.expr) -> Expr:
        """An operator; one that can fail gets a node of its own, as in compiled code."""
        value = Op(symbol, tuple(self.read(operand) for operand in operands))
        if symbol not in FALLIBLE:
            return value
        self.nodes.append(Assign(self.site, Reg(len(self.nodes)), value))
        return Reg(len(self.nodes) - 1)

    def chain(self, symbol: str, values: list[Expr]) -> Expr:
        """Several operands in a row."""
        *first, last = values
        return Op(symbol, (self.chain(symbol, first), last)) if first else last

    def compare(self, tree: ast.Compare) -> Expr:
        """A comparison, chained or not."""
        operands = [self.read(operand) for operand in (tree.left, *tree.comparators)]
        pairs = zip(tree.ops, itertools.pairwise(operands), strict=True)
        return self.chain("and", [Op(OPERATORS[type(op)], pair) for op, pair in pairs])

    def word(self, name: str) -> Expr:
        """A shared word's value, or a constant's."""
        labels = [slot.label for slot in self.program.slots]
        if name in labels:
            return Bare(WordRef(labels.index(name)))
        constants = self.constants()
        if name not in constants:
            raise UsageError(f"no word {name!r} in this model; {offer(name, [*labels, *constants])}")
        return Const(constants[name])

    def constants(self) -> dict[str, int]:
        """The numbers that the model's shared objects have beside their words."""
        found = {}
        for shared in self.program.model.shared:
            names = [name for name in dir(shared) if not name.startswith("_")]
            values = {name: getattr(type(shared), name, None) for name in names} | vars(shared)
            found.update({f"{shared._label}.{k}": v for k, v in values.items() if isinstance(v, int)})
        return found
