"""What the compiler understood: the graph of each process as numbered steps."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from racecheck.compiler.expr import Bare, Const, Expr, Op, Reg, WordRef
from racecheck.compiler.ir import (
    Assign,
    Attempt,
    Branch,
    Choose,
    End,
    Enter,
    Event,
    Fail,
    Fence,
    Leave,
    Node,
    Require,
    Rest,
    SetGhost,
    Skip,
    Step,
    Together,
    is_place,
)
from racecheck.compiler.program import Graph, Program
from racecheck.operations import FENCES, LOAD
from racecheck.render.columns import printed
from racecheck.report import relative

HEADINGS = ("", "line", "what", "ordering", "then")


def render_program(program: Program, width: int) -> str:
    """The shared words, then each process: its steps with number, source line, text and ordering."""
    parts = [_shared(program)]
    for entry in program.entries:
        rows = [list(row.values()) for row in graph_rows(program, entry.graph)]
        process = entry.process
        count = f", {process.count} of them" if process.count > 1 else ""
        head = f"{process.name} ({process.role.value}{count}), {relative(entry.graph.nodes[0].site.file)}"
        parts.append("\n".join([head, *_table([[str(cell) for cell in row] for row in rows], width)]))
    return "\n\n".join(parts) + "\n"


def graph_json(program: Program) -> list[dict[str, Any]]:
    """The same, as one object for each process."""
    return [
        {
            "process": entry.process.name,
            "role": entry.process.role.value,
            "count": entry.process.count,
            "steps": graph_rows(program, entry.graph),
        }
        for entry in program.entries
    ]


def _shared(program: Program) -> str:
    lines = ["shared"]
    for slot in program.slots:
        kind = f"{slot.kind} of {slot.bits} bits" if slot.kind == "Atomic" else slot.kind
        lines.append(f"  {slot.label} = {slot.initial}  ({kind})")
    return "\n".join(lines)


def graph_rows(program: Program, graph: Graph) -> list[dict[str, Any]]:
    """A row for each node that does something: number, line, text, ordering, and where else it goes."""
    visible = [i for i, node in enumerate(graph.nodes) if not isinstance(node, (Attempt, Skip, Leave))]
    numbers = {at: number for number, at in enumerate(visible, 1)}

    def number(at: int) -> int:
        while at not in numbers:
            at = graph.nodes[at].next
        return numbers[at]

    rows = []
    for at in visible:
        node = graph.nodes[at]
        text, ordering = _describe(program, graph, node)
        ways = [number(successor) for successor in node.successors()]
        if isinstance(node, Branch):
            then = f"yes {ways[0]}, no {ways[1]}"
        elif isinstance(node, Step) and len(ways) > 1:
            then = f"{ways[0]}, not held {ways[1]}"
        else:
            then = "" if not ways or ways[0] == numbers[at] + 1 else str(ways[0])
        mark = "*" if is_place(node) and not isinstance(node, (End, Fail, Choose, Rest)) else " "
        indent = "  " if node.inside else ""
        rows.append(
            {
                "number": f"{mark}{numbers[at]}",
                "line": node.site.line,
                "what": indent + text,
                "ordering": ordering,
                "then": then,
            }
        )
    return rows


def _describe(program: Program, graph: Graph, node: Node) -> tuple[str, str]:
    def show(expr: Expr) -> str:
        return expression(program, graph, expr)

    match node:
        case Assign():
            return f"{graph.names[node.target.index] or show(node.target)} = {show(node.value)}", ""
        case Branch():
            return f"if {node.site.text}", ""
        case Step():
            result = "" if node.target is None else f"{show(node.target)} = "
            return f"{result}{node.site.text}", node.operation.ordering
        case Together():
            return node.site.text, LOAD
        case Enter():
            return ("wait: " if node.waits else "") + node.site.text, ""
        case Require():
            return f"only if {show(node.condition)}", LOAD
        case Event():
            return f"event {node.name!r}", ""
        case Fence():
            return node.site.text, FENCES[node.name]
        case SetGhost():
            return f"ghost {program.slots[node.slot].label} = {show(node.value)}", ""
        case Fail():
            return f"fails: {node.name}", ""
        case End():
            return "end", ""
    return node.site.text, ""


def expression(program: Program, graph: Graph, expr: Expr) -> str:
    """An expression as text, registers by the names of the locals."""
    match expr:
        case Const():
            return str(expr.value)
        case Reg():
            return graph.names[expr.index] or f"t{expr.index}"
        case Bare():
            return _word(program, graph, expr.word)
        case Op():
            args = [expression(program, graph, arg) for arg in expr.args]
            if len(args) == 2 and not expr.symbol.isalpha():
                return f"({args[0]} {expr.symbol} {args[1]})"
            return f"{expr.symbol}({', '.join(args)})"


def _word(program: Program, graph: Graph, word: WordRef) -> str:
    label = program.slots[word.base].label
    if word.length == 1:
        return label
    return f"{label.rpartition('[')[0]}[{expression(program, graph, word.index)}]"


def _table(rows: list[list[str]], width: int) -> list[str]:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in HEADINGS:
        right = heading in ("", "line")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return printed(table, width).split("\n")
