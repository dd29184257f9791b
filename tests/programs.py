"""Random models as source text: valid, small, and with every construct of the language.

``programs()`` draws the text of a file with one model called ``program``; ``load_program`` runs
such a file. With ``errors=True`` an index may leave its array, and a divisor or a shift may be out
of range: the errors that only running the model can find.
"""

from __future__ import annotations

import ast
import atexit
import itertools
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from hypothesis import strategies as st
from program_functions import Definition, Worker, called, definitions, indented, passable, workers
from program_syntax import Scope, filled

if TYPE_CHECKING:
    from racecheck import Model

IMPORTS = """
from racecheck import HOSTILE, KERNEL, VICTIM, Array, Atomic, Flag, Ghost, Lock, Model, Process
from racecheck import Shared, always, atomic, choose, event, model, one_of, progress, read_together
from racecheck import rest, s32, s64, smp_mb, smp_mb__after_atomic, smp_mb__before_atomic, smp_rmb
from racecheck import smp_wmb, sometimes, u32, u64, wait_until
"""
OBJECTS = "<objects>"
PAUSE = "def pause():\n    rest()"
WORDS = {
    "x": "Atomic({initial})",
    "y": "Atomic({initial})",
    "z": "Atomic({small})",
    "wide": "Atomic({initial64}, bits=64)",
    "cells": "Array(Atomic({small}), 2)",
    "flag": "Flag({bool})",
    "marks": "Array(Flag(), 3)",
    "lock": "Lock()",
    "locks": "Array(Lock(), 2)",
    "seen": "Ghost()",
    "held": "Ghost({small})",
    "limit": "2",
}
OVERRIDES = {"x": "x={initial}", "y": "y={small}", "limit": "limit={small}", "held": "held=1"}
# How deep the code of processes nests, and how long it is, by the number of processes.
SIZES = {1: (3, 24), 2: (3, 8), 3: (2, 5), 4: (1, 3)}
ALWAYS, SOMETIMES = ("always('#', lambda: {property})", "sometimes('#', lambda: {property})")
PROGRESS = "progress('goal', unless=lambda: {claim}, cost=dict(load=lambda: {bare}))"


@dataclass(frozen=True)
class Entry:
    """A process of the model; one that ``repeats`` runs the function of the entry before."""

    worker: Worker
    count: int
    repeats: bool
    swaps: bool
    many: bool
    number: str
    check: str

    def code(self, name: str, function: str) -> str:
        """The source of the entry."""
        given = [{"check": self.check, "n=2": self.number}.get(t, t) for t in self.worker.takes]
        if self.swaps and "q" in given:
            given[:2] = "q", "o"
        given += [f"role={self.worker.role}"] * (self.worker.role != "KERNEL")
        count = "many" if self.many and self.count == 2 else self.count
        given += [f"count={count}"] * (count != 1)
        return f"Process({', '.join([repr(name), function, *filter(None, given)])})"


def entries(scope: Scope, passed: list[str], crowd: int) -> st.SearchStrategy[list[Entry]]:
    """The processes of a model, ``crowd`` in all."""
    entry = st.builds(
        Entry,
        worker=workers(scope, passed),
        count=st.sampled_from([1, 1, 1, 2]),
        repeats=st.sampled_from([False, False, False, True]),
        swaps=st.booleans(),
        many=st.booleans(),
        number=st.sampled_from(["", "1", "3"]),
        check=st.sampled_from([*passed, "policy"]),
    )
    drawn = st.lists(entry, min_size=1, max_size=min(crowd, 3))
    return drawn.map(lambda entries: fitted(entries, crowd))


def fitted(entries: list[Entry], crowd: int) -> list[Entry]:
    """The entries with counts that make up the crowd, one victim at most, and repeats resolved."""
    found: list[Entry] = []
    for entry in entries:
        worker = found[-1].worker if found and entry.repeats else entry.worker
        left = crowd - sum(other.count for other in found)
        count = min(left, 3 if entry is entries[-1] else entry.count)
        alone = count == 1 and all(other.worker.role != "VICTIM" for other in found)
        if worker.role == "VICTIM" and not alone:
            worker = replace(worker, role="KERNEL", body=worker.body.replace("'goal'", "'a'"))
        found.append(replace(entry, worker=worker, count=count))
    return found


@st.composite
def properties(draw: st.DrawFn, scope: Scope, victim: bool) -> list[str]:
    """The claims about a model."""
    chosen = draw(st.lists(st.sampled_from([ALWAYS, SOMETIMES]), max_size=3))
    return [draw(filled(template, scope)) for template in chosen + [PROGRESS] * victim]


@st.composite
def shared(draw: st.DrawFn, code: str, methods: list[str], roots: tuple[str, ...]) -> list[str]:
    """The class of the shared objects, with the words that the code uses; then the objects."""
    used = [word for word in WORDS if re.search(rf"\.{word}\b", code)]
    fields = [f"{word} = {draw(filled(WORDS[word], Scope()))}" for word in used]
    body = "\n".join([*(fields or ["limit = 2"]), *methods])
    objects = []
    for root in roots:
        kinds = [OVERRIDES[word] for word in used if word in OVERRIDES]
        overrides = [draw(filled(kind, Scope())) for kind in kinds if draw(st.booleans())]
        overrides += ["name='other'"] * (root == "q")
        objects.append(f"{root} = Obj({', '.join(overrides)})")
    return [f"class Obj(Shared):\n{indented(body)}", "; ".join(objects)]


def needed(definitions: list[Definition], code: str) -> list[Definition]:
    """The helpers that the code calls, directly or not."""
    kept: list[Definition] = []
    for definition in reversed(definitions):
        if re.search(rf"\b{definition.helper.name}\b", code):
            kept.insert(0, definition)
            code += definition.code + definition.passes * (definition.form == "caller")
    return kept


def model_function(entries: list[Entry], claims: list[str], passed: list[str]) -> list[str]:
    """The functions that the processes run, then the one that builds the model, with a mark."""
    names = {entry.worker: f"worker{n}" for n, entry in enumerate(entries, 1)}
    codes = {worker: worker.code(name) for worker, name in names.items()}
    parts = [entry.code(f"p{n}", names[entry.worker]) for n, entry in enumerate(entries, 1)]
    inner = [code for worker, code in codes.items() if worker.inner]
    body = "\n".join([OBJECTS, *inner, f"return Model({', '.join(parts + claims)})"])
    options = {"many": "2", "high": "2", "policy": f"one_of([{', '.join(passed)}])"}
    used = [f"{name}={value}" for name, value in options.items() if re.search(rf"\b{name}\b", body)]
    outer = [code for worker, code in codes.items() if not worker.inner]
    return [*outer, f"@model\ndef program({', '.join(used)}):\n{indented(body)}"]


@st.composite
def programs(draw: st.DrawFn, errors: bool = False) -> str:
    """The source of a model; with ``errors``, one that may fail when it runs."""
    crowd = draw(st.sampled_from([1, 2, 2, 3, 3, 4]))
    size, length = SIZES[crowd]
    roots = draw(st.sampled_from([("o",), ("o",), ("o",), ("o", "q")]))
    helpers = draw(definitions(errors))
    known = tuple(definition.helper for definition in helpers)
    scope = Scope(size=size + 1, length=length, roots=roots, helpers=known, errors=errors)
    processes = draw(entries(scope, passable(helpers), crowd))
    victim = any(entry.worker.role == "VICTIM" for entry in processes)
    claims = draw(properties(replace(scope, names=(), helpers=()), victim))
    functions = model_function(processes, claims, passable(helpers))
    helpers = needed(helpers, "\n".join(functions))
    functions = [d.code for d in helpers if d.form != "method"] + functions
    methods = [d.code for d in helpers if d.form == "method"]
    declared, objects = draw(shared("\n".join(functions + methods), methods, roots))
    functions[-1] = functions[-1].replace(OBJECTS, objects)
    pause = [PAUSE] * any("pause()" in code for code in functions)
    return finished(called("\n".join([IMPORTS, declared, *pause, *functions]), helpers))


def finished(code: str) -> str:
    """The text of the file, laid out, with a number for each claim."""
    numbers = itertools.count(1)
    code = re.sub(r"'#'", lambda _: f"'claim {next(numbers)}'", code)
    return ast.unparse(ast.parse(code)) + "\n"


@cache
def folder() -> Path:
    """Where the files are written; removed at exit."""
    temporary = tempfile.TemporaryDirectory(prefix="programs-")
    atexit.register(temporary.cleanup)
    return Path(temporary.name)


_files = itertools.count(1)


def load_program(source: str) -> Callable[..., Model]:
    """The model function called ``program``, from a file of its own that holds the source."""
    path = folder() / f"program{next(_files)}.py"
    path.write_text(source, encoding="utf-8")
    module = ModuleType(f"random_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    return cast("Callable[..., Model]", vars(module)["program"])
