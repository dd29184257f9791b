"""Where processes stand, in few words."""

from __future__ import annotations

from collections import Counter

from racecheck.compiler.ir import End, Fail, Rest
from racecheck.compiler.program import Graph, Program
from racecheck.interpreter import Place
from racecheck.semantics import State


def places_text(program: Program, state: State) -> str:
    """Each entry's processes: "mapper 45, scanner rests"; the number is the line of the next step."""
    parts = []
    for entry, places in zip(program.entries, state.places, strict=True):
        for place, number in Counter(places).items():
            times = f" ({number})" if number > 1 else ""
            parts.append(f"{entry.process.name}{times} {place_text(entry.graph, place)}")
    return ", ".join(parts)


def place_text(graph: Graph, place: Place) -> str:
    """The source line that a process stands before, and the locals in use; or that it rests or is done."""
    node = graph.nodes[place.node]
    if isinstance(node, End):
        return "done"
    if isinstance(node, Fail):
        return "failed"
    where = "rests" if isinstance(node, Rest) else f"{node.site.line}{_letter(graph, place.node)}"
    names = [graph.names[register].rstrip("'") or "value" for register in graph.live[place.node]]
    values = " ".join(f"{n}={value}" for n, value in zip(names, place.locals, strict=True) if n != "_")
    return f"{where} {values}".rstrip()


def _letter(graph: Graph, at: int) -> str:
    """Tells places on one line apart."""
    line = graph.nodes[at].site
    same = [n for n in sorted(graph.live) if _on_line(graph, n, line.file, line.line)]
    return "abcdefghijklmnopqrstuvwxyz"[same.index(at) % 26] if len(same) > 1 else ""


def _on_line(graph: Graph, at: int, file: str, line: int) -> bool:
    site = graph.nodes[at].site
    return (site.file, site.line) == (file, line)
