"""Diagrams, graphs and charts as files, by suffix."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from racecheck.graph import dot, graphml, node_link
from racecheck.render.svg import png

if TYPE_CHECKING:
    import networkx as nx

GRAPHS: dict[str, Callable[[Any], str]] = {".dot": dot, ".graphml": graphml, ".json": node_link}
PICTURES = (".svg", ".png")
SUFFIXES = (*PICTURES, ".html", *GRAPHS)


def picture_bytes(svg: str, suffix: str) -> bytes:
    """An SVG as it is, or in pixels."""
    return png(svg) if suffix == ".png" else svg.encode()


def graph_bytes(graph: nx.MultiDiGraph[int], suffix: str) -> bytes:
    """A graph in one of the formats that hold data, not pictures."""
    return GRAPHS[suffix](graph).encode()


def write(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing; a folder that is missing is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
