"""A model to a program: the shared slots, and a graph for each process and condition."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from racecheck.compiler.builder import GraphBuilder, SlotTable, Value
from racecheck.compiler.checks import check_graph
from racecheck.compiler.expr import Bare, walk
from racecheck.compiler.ir import End, Result, SetGhost, Skip
from racecheck.compiler.liveness import refuse_undefined, simplify
from racecheck.compiler.program import Claim, Entry, Graph, Program, Slot
from racecheck.compiler.source import source_of
from racecheck.compiler.statements import Statements
from racecheck.compiler.victims import mark_attempts
from racecheck.errors import ModelError
from racecheck.model import KERNEL, Condition, Model, Process
from racecheck.words import Array


def compile_model(model: Model) -> Program:
    """Compile the processes and the properties of a model; ModelError if one is outside the language."""
    slots = _slots(model)
    drafts = [_draft_process(process, slots) for process in model.processes]
    mark_attempts(model, drafts)
    conditions = {
        condition: _draft_condition(condition, slots)
        for claim in model.properties
        for condition in (claim.condition, claim.unless, *(cost for _, cost in claim.cost))
        if condition is not None
    }
    read = _ghosts_read([*drafts, *conditions.values()], slots)
    graphs = {c: _finish(draft, read, c) for c, draft in conditions.items()}
    entries = [
        Entry(process, _finish(draft, read, process.function))
        for process, draft in zip(model.processes, drafts, strict=True)
    ]
    claims = [
        Claim(
            claim,
            claim.condition and graphs[claim.condition],
            claim.unless and graphs[claim.unless],
            tuple(graphs[cost] for _, cost in claim.cost),
        )
        for claim in model.properties
    ]
    _refuse_twins(model, entries)
    return Program(model, slots.table, tuple(entries), tuple(claims))


def _refuse_twins(model: Model, entries: list[Entry]) -> None:
    names = {claim.name for claim in model.properties}
    for node in (node for entry in entries for node in entry.graph.asserts):
        if node.name in names:
            what = f"{node.site.text}: a property is named {node.name!r} too; give one another name"
            raise ModelError(what, node.site.file, node.site.line)


def _slots(model: Model) -> SlotTable:
    """Words first, those of one object together and in the order of its class; then the ghosts."""
    table: list[Slot] = []
    ids: dict[int, int] = {}
    for shared in model.shared:
        for declared in shared._words.values():
            for word in declared.words if isinstance(declared, Array) else (declared,):
                ids[id(word)] = len(table)
                table.append(Slot(word.label, word.bits, word.kind, word.initial, shared._label))
    for shared in model.shared:
        for cell in shared._ghosts.values():
            ids[id(cell)] = len(table)
            table.append(Slot(cell.label, 0, "Ghost", cell.initial, shared._label))
    return SlotTable(tuple(table), ids)


def _draft_process(process: Process, slots: SlotTable) -> GraphBuilder:
    source = source_of(_function(process.function))
    builder = GraphBuilder(source.site(source.tree, "start"))
    front = Statements(builder, slots, process.role)
    _start(front, process.function, process.args, dict(process.kwargs))
    builder.emit(End(source.site(source.tree, "return")))
    refuse_undefined(builder.nodes, builder.names)
    check_graph(builder.nodes, process.role)
    return builder


def _draft_condition(condition: Condition, slots: SlotTable) -> GraphBuilder:
    source = source_of(_function(condition))
    site = source.site(source.tree, "condition")
    builder = GraphBuilder(site)
    front = Statements(builder, slots, KERNEL)
    front.bare = front.ghosts = True
    value = _start(front, condition, (), {})
    builder.emit(Result(site, front.number(source.tree, value)))
    refuse_undefined(builder.nodes, builder.names)
    return builder


def _start(front: Statements, function: Any, args: tuple[object, ...], kwargs: dict[str, object]) -> Value:
    try:
        bound = {name: front.lift(value) for name, value in kwargs.items()}
        return front.start(function, [front.lift(arg) for arg in args], bound)
    except (ModelError, RecursionError) as error:
        if isinstance(error, ModelError) and error.file is not None:
            raise
        code, name = function.__code__, function.__name__
        what = f"an argument of {name}(): {error}"
        if isinstance(error, RecursionError):
            what = f"{name}() nests too deeply: split its longest expression"
        raise ModelError(what, code.co_filename, code.co_firstlineno) from error


def _function(function: Any) -> FunctionType:
    found = getattr(function, "__func__", function)
    assert isinstance(found, FunctionType)
    return found


def _ghosts_read(drafts: list[GraphBuilder], slots: SlotTable) -> set[int]:
    """The ghosts that a property or an assert reads, and those that feed one of these."""
    ghosts = {i for i, slot in enumerate(slots.table) if slot.kind == "Ghost"}
    feeds: dict[int, set[int]] = {ghost: set() for ghost in ghosts}
    read: set[int] = set()
    for node in (node for draft in drafts for node in draft.nodes):
        used = {
            part.word.base
            for expr in node.uses()
            for part in walk(expr)
            if isinstance(part, Bare) and part.word.base in ghosts
        }
        if isinstance(node, SetGhost):
            feeds[node.slot] |= used
        else:
            read |= used
    while more := {fed for ghost in read for fed in feeds[ghost]} - read:
        read |= more
    return read


def _finish(draft: GraphBuilder, read: set[int], function: Any) -> Graph:
    draft.nodes = [
        Skip(node.site, next=node.next, inside=node.inside)
        if isinstance(node, SetGhost) and node.slot not in read
        else node
        for node in draft.nodes
    ]
    return simplify(draft, function.__code__.co_firstlineno)
