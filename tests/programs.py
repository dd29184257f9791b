"""Random models as source text: valid, small, and with every construct of the language.

``programs()`` draws the text of a file with one model called ``program``; ``load_program`` runs such a
file. With ``errors=True`` an index may leave its array, and a divisor or a shift may be out of range:
the errors that only running the model can find.
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
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from program_syntax import Helper, Scope, filled, piece

if TYPE_CHECKING:
    from racecheck import Model

IMPORTS = """
from racecheck import HOSTILE, KERNEL, VICTIM, Array, Atomic, Flag, Ghost, Lock, Model, Process
from racecheck import Shared, always, atomic, choose, event, model, one_of, progress, read_together
from racecheck import rest, s32, s64, smp_mb, smp_mb__after_atomic, smp_mb__before_atomic, smp_rmb
from racecheck import smp_wmb, sometimes, u32, u64, wait_until
"""
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
PROGRESS = "progress('goal', unless=lambda: {claim}, cost=dict(load=lambda: {bare}))"
FORMS = {
    "function": "def {f}(o, n=1):\n{body}",
    "annotated": "def {f}(o: Obj, n: int = 1) -> object:\n    'Helps.'\n{body}",
    "method": "def {f}(self, n=1):\n{body}",
    "closure": "def make_{f}(top):\n    def {f}(o, n=1):\n{body}\n    return {f}\n{f} = make_{f}(2)",
    "caller": "def {f}(o, check, n=1):\n{body}",
}
ARGUMENTS = ("", ", {pure}", ", n={num}", ", {stepint}")


@dataclass(frozen=True)
class Definition:
    """A helper and its source."""

    helper: Helper
    form: str
    code: str


@dataclass(frozen=True)
class Worker:
    """A process function, what it takes after the shared objects, and its source."""

    name: str
    role: str
    takes: tuple[str, ...]
    inner: bool
    code: str


def indented(code: str, levels: int = 1) -> str:
    """The code further to the right."""
    return re.sub(r"^", "    " * levels, code, flags=re.MULTILINE)


def initialised(body: str, start: str = "{name} = 0") -> str:
    """The body, with a start value for each local that it uses."""
    used = [name for name in "abc" if re.search(rf"\b{name}\b", body)]
    return "\n".join([*(start.format(name=name) for name in used), body])


def passable(definitions: list[Definition]) -> list[Helper]:
    """The helpers that may be passed to a function as its ``check``."""
    forms = ("function", "annotated", "closure")
    helpers = [d.helper for d in definitions if d.form in forms]
    return [h for h in helpers if h.result == "value" and h.steady and h.plain]


CHECK = Helper("check", ("check({root})", "check({root}, {num})", "check({root}, n={pure})"), "value")


def calls(name: str, form: str, passed: list[Helper]) -> tuple[str, ...]:
    """The ways to call a helper."""
    if form == "method":
        heads = [f"{{root}}.{name}("]
    elif form == "caller":
        heads = [f"{name}({{root}}, {how}{helper.name}" for helper in passed for how in ("", "check=")]
    else:
        heads = [f"{name}({{root}}"]
    texts = [head + argument + ")" for head in heads for argument in ARGUMENTS]
    return tuple(t.replace("(, ", "(") for t in texts if not re.search(r"check=\w+, [^n]", t))


@st.composite
def definitions(draw: st.DrawFn, errors: bool) -> list[Definition]:
    """Helper functions, each of which may call those before it."""
    found: list[Definition] = []
    for number in range(1, draw(st.integers(0, 3)) + 1):
        found.append(draw(definition(f"helper{number}", found, errors)))
    return found


@st.composite
def definition(draw: st.DrawFn, name: str, known: list[Definition], errors: bool) -> Definition:
    """A helper function: its form, its kind, and a body that ends with a return."""
    passed = passable(known)
    form = draw(st.sampled_from([form for form in FORMS if passed or form != "caller"]))
    result = draw(st.sampled_from(["value", "value", "value", "pair"]))
    steady, plain = (draw(st.sampled_from([True, True, False])) for _ in range(2))
    helper = Helper(name, calls(name, form, passed), result, steady, plain)
    scope = Scope(
        size=2,
        length=4,
        roots=("self",) if form == "method" else ("o",),
        constants=("top",) if form == "closure" else (),
        helpers=(*(d.helper for d in known), *([CHECK] if form == "caller" else [])),
        result=result,
        spin=not plain,
        group=plain,
        steady=steady,
        errors=errors,
    )
    body = draw(filled("{block}\nreturn {mixed}" if result == "value" else "{block}\nreturn {twin}", scope))
    start = "{name}: int = 0" if form == "annotated" else "{name} = 0"
    body = indented(initialised(body, start), 2 if form == "closure" else 1)
    return Definition(helper, form, FORMS[form].format(f=name, body=body))


@st.composite
def worker(draw: st.DrawFn, name: str, role: str, scope: Scope, passed: list[Helper]) -> Worker:
    """A process function; an inner one is defined in the model function."""
    inner = draw(st.sampled_from([False, False, False, True]))
    if inner:
        scope = replace(scope, constants=("high",))
    elif passed and draw(st.booleans()):
        scope = replace(scope, helpers=(CHECK, *scope.helpers))
    ends = "" if role == "VICTIM" else "bare"
    scope = replace(scope, hostile=role == "HOSTILE", spin=role != "HOSTILE", result=ends)
    body = initialised(draw(piece(role.lower(), scope)))
    takes = [*scope.roots] * (not inner)
    takes += ["check"] * bool(re.search(r"\bcheck\(", body))
    takes += ["n=2"] * bool(re.search(r"\bn\b(?! ?=[^=])", body))
    code = f"def {name}({', '.join(takes)}):\n{indented(body)}"
    return Worker(name, role, tuple(takes), inner, code)


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
    if given[-1:] == [arguments["n=2"]] and draw(st.booleans()):
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
    templates = st.sampled_from(["always('#', lambda: {property})", "sometimes('#', lambda: {property})"])
    chosen = draw(st.lists(templates, max_size=3))
    return [draw(filled(template, scope)) for template in chosen + [PROGRESS] * victim]


@st.composite
def shared(draw: st.DrawFn, code: str, methods: list[Definition], roots: tuple[str, ...]) -> list[str]:
    """The class of the shared objects, with what the code uses; then the objects."""
    used = [word for word in WORDS if re.search(rf"\.{word}\b", code)]
    fields = [f"{word} = {draw(filled(WORDS[word], Scope()))}" for word in used]
    body = "\n".join([*(fields or ["limit = 2"]), *(method.code for method in methods)])
    objects = []
    for root in roots:
        kinds = [OVERRIDES[word] for word in used if word in OVERRIDES]
        overrides = [draw(filled(kind, Scope())) for kind in kinds if draw(st.booleans())]
        overrides += ["name='other'"] * (root == "q")
        objects.append(f"{root} = Obj({', '.join(overrides)})")
    return [f"class Obj(Shared):\n{indented(body)}", "\n".join(objects)]


def needed(definitions: list[Definition], code: str) -> list[Definition]:
    """The helpers that the code calls, directly or not."""
    kept: list[Definition] = []
    for definition in reversed(definitions):
        if re.search(rf"\b{definition.helper.name}\b", code):
            kept.insert(0, definition)
            code += definition.code
    return kept


def model_function(objects: str, workers: list[Worker], parts: list[str], passed: list[Helper]) -> str:
    """The source of the function that builds the model."""
    inner = [worker.code for worker in workers if worker.inner]
    body = "\n".join([objects, *inner, f"return Model({', '.join(parts)})"])
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
    claims = replace(scope, names=(), helpers=())
    parts = entries + draw(properties(claims, workers[0].role == "VICTIM"))
    code = "\n".join([*(worker.code for worker in workers), *parts])
    if "policy" in code:
        code += " ".join(helper.name for helper in passed)
    helpers = needed(helpers, code)
    code += "".join(d.code for d in helpers)
    methods = [d for d in helpers if d.form == "method"]
    declared, objects = draw(shared(code, methods, roots))
    model = model_function(objects, workers, parts, passed)
    functions = [PAUSE] * ("pause()" in code) + [d.code for d in helpers if d.form != "method"]
    outer = [worker.code for worker in workers if not worker.inner]
    return finished([IMPORTS, declared, *functions, *outer, model])


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
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module.program
