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
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from hypothesis import strategies as st
from program_functions import Definition, Worker, definitions, indented, passable, worker
from program_syntax import Helper, Scope, filled

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
# The number of processes of each entry: how deep their code nests, and how long it is.
SHAPES = {
    (1,): (3, 24),
    (1, 1): (3, 10),
    (2,): (3, 8),
    (1, 2): (2, 5),
    (3,): (2, 5),
    (2, 0): (3, 8),
    (1, 1, 1): (2, 4),
    (2, 1): (2, 5),
    (2, 2): (1, 3),
    (1, 1, 2): (1, 3),
}
ROLES = ("KERNEL", "KERNEL", "HOSTILE", "VICTIM")
ALWAYS, SOMETIMES = ("always('#', lambda: {property})", "sometimes('#', lambda: {property})")
PROGRESS = "progress('goal', unless=lambda: {claim}, cost=dict(load=lambda: {bare}))"


@st.composite
def process(draw: st.DrawFn, name: str, worker: Worker, passed: list[Helper], count: int) -> str:
    """The entry of a process in the model."""
    arguments = {"o": "o", "q": "q", "n=2": draw(st.sampled_from(["2", "1", "3"]))}
    if passed:
        names = [helper.name for helper in passed]
        arguments["check"] = draw(st.sampled_from([*names, "policy"]))
    given = [arguments[take] for take in worker.takes]
    if "q" in given and draw(st.booleans()):
        given[:2] = "q", "o"
    if "n=2" in worker.takes and draw(st.booleans()):
        given.pop()
    many = "many" if count == 2 and draw(st.booleans()) else count
    options = [f"role={worker.role}"] * (worker.role != "KERNEL") + [f"count={many}"] * (count != 1)
    return f"Process({', '.join([repr(name), worker.name, *given, *options])})"


@st.composite
def processes(
    draw: st.DrawFn, scope: Scope, passed: list[Helper], shape: tuple[int, ...]
) -> tuple[list[Worker], list[str]]:
    """The process functions and the entries; an entry may run the function of the one before."""
    workers: list[Worker] = []
    entries = []
    for number, count in enumerate(shape, 1):
        roles = ROLES if number == 1 and count == 1 else ROLES[:-1]
        last = workers[-1:]
        if not last or (count and (last[0].role == "VICTIM" or draw(st.integers(0, 4)) < 4)):
            role = draw(st.sampled_from(roles))
            workers.append(draw(worker(f"worker{number}", role, scope, passed)))
        entries.append(draw(process(f"p{number}", workers[-1], passed, count)))
    return workers, entries


@st.composite
def properties(draw: st.DrawFn, scope: Scope, victim: bool) -> list[str]:
    """The claims about a model."""
    chosen = draw(st.lists(st.sampled_from([ALWAYS, SOMETIMES]), max_size=3))
    return [draw(filled(template, scope)) for template in chosen + [PROGRESS] * victim]


@st.composite
def shared(
    draw: st.DrawFn, code: str, methods: list[Definition], roots: tuple[str, ...]
) -> list[str]:
    """The class of the shared objects, with the words that the code uses; then the objects."""
    used = [word for word in WORDS if re.search(rf"\.{word}\b", code)]
    fields = [f"{word} = {draw(filled(WORDS[word], Scope()))}" for word in used]
    body = "\n".join([*(fields or ["limit = 2"]), *(method.code for method in methods)])
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
            code += definition.code
    return kept


def model_function(workers: list[Worker], parts: list[str], passed: list[Helper]) -> str:
    """The source of the function that builds the model, with a mark for the shared objects."""
    inner = [worker.code for worker in workers if worker.inner]
    body = "\n".join([OBJECTS, *inner, f"return Model({', '.join(parts)})"])
    policies = ", ".join(helper.name for helper in passed)
    options = {"many": "2", "high": "2", "policy": f"one_of([{policies}])"}
    used = [f"{name}={value}" for name, value in options.items() if re.search(rf"\b{name}\b", body)]
    return f"@model\ndef program({', '.join(used)}):\n{indented(body)}"


@st.composite
def programs(draw: st.DrawFn, errors: bool = False) -> str:
    """The source of a model; with ``errors``, one that may fail when it runs."""
    shape = draw(st.sampled_from(list(SHAPES)))
    size, length = SHAPES[shape]
    roots = draw(st.sampled_from([("o",), ("o",), ("o",), ("o", "q")]))
    helpers = draw(definitions(errors))
    passed = passable(helpers)
    known = tuple(d.helper for d in helpers)
    scope = Scope(size=size + 1, length=length, roots=roots, helpers=known, errors=errors)
    workers, entries = draw(processes(scope, passed, shape))
    claims = draw(properties(replace(scope, names=(), helpers=()), workers[0].role == "VICTIM"))
    model = model_function(workers, entries + claims, passed)
    code = "\n".join([*(worker.code for worker in workers), model])
    helpers = needed(helpers, code)
    code += "".join(d.code for d in helpers)
    methods = [d for d in helpers if d.form == "method"]
    declared, objects = draw(shared(code, methods, roots))
    functions = [PAUSE] * ("pause()" in code) + [d.code for d in helpers if d.form != "method"]
    outer = [worker.code for worker in workers if not worker.inner]
    return finished([IMPORTS, declared, *functions, *outer, model.replace(OBJECTS, objects)])


def finished(parts: list[str]) -> str:
    """The text of the file, laid out, with a number for each claim."""
    numbers = itertools.count(1)
    code = re.sub(r"'#'", lambda _: f"'claim {next(numbers)}'", "\n".join(parts))
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
    path.write_text(source)
    module = ModuleType(f"random_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    return cast("Callable[..., Model]", vars(module)["program"])
