"""A module imports only from rows above its own, and light modules stay light."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "racecheck"
ROWS = [
    ["blame", "errors"],
    ["operations"],
    ["words"],
    ["vocabulary"],
    ["parameters"],
    ["model"],
    ["load"],
    ["compiler.expr"],
    ["compiler.ir"],
    ["compiler.program"],
    ["compiler.advice", "compiler.source", "compiler.operators"],
    ["compiler.builder"],
    ["compiler.operands"],
    ["compiler.expressions"],
    ["compiler.builtin_calls"],
    ["compiler.vocabulary_calls"],
    ["compiler.calls"],
    ["compiler.loops"],
    ["compiler.statements"],
    ["compiler.checks", "compiler.liveness", "compiler.victims"],
    ["compiler.compile"],
    ["interpreter"],
    ["semantics"],
    ["debug", "native"],
    ["explore.engine", "explore.fields", "explore.limits", "kernels"],
    ["explore.layout", "explore.lines"],
    ["explore.text"],
    ["explore.bounds"],
    ["explore.region"],
    ["explore.generate"],
    ["explore.tales"],
    ["explore.source"],
    ["explore.checkpoint", "explore.python", "explore.reference", "explore.search", "explore.native"],
    ["explore.table"],
    ["explore.compiled", "explore.machine", "explore.path", "explore.ranges"],
    ["explore.store", "explore.walk"],
    ["explore.arrays"],
    ["explore.sweep"],
    ["explore.automatic", "explore.moves"],
    ["verdicts.walks", "verdicts.witness"],
    ["verdicts.arena", "verdicts.answer"],
    ["verdicts.filling", "verdicts.parts"],
    ["verdicts.ladder", "verdicts.waits"],
    ["verdicts.deadlock"],
    ["verdicts.attempts", "verdicts.lasso"],
    ["verdicts.game"],
    ["verdicts.policies", "verdicts.rounds"],
    ["verdicts.chance"],
    ["verdicts.progress"],
    ["verdicts.safety"],
    ["formula", "marks", "places"],
    ["diagram"],
    ["graph"],
    ["trace"],
    ["replay", "report"],
    ["render.columns"],
    ["render.progress"],
    ["render.text"],
    ["atlas", "export", "vicinity"],
    ["stepping"],
    ["render.palette", "render.story"],
    ["render.layout", "render.svg"],
    ["render.files", "render.lanes"],
    ["render.plan", "render.states"],
    ["render.chart"],
    ["render.page"],
    ["pages"],
    ["notebook"],
    ["render.graph"],
    ["render.runs"],
    ["harness"],
    ["api"],
    ["walk"],
    ["shrink"],
    ["stateful"],
    ["conditions"],
    ["claims", "compare"],
    ["settling"],
    ["render.claims", "render.table"],
    ["render.thread"],
    ["observe.records", "observe.source"],
    ["observe.parse", "observe.reorder"],
    ["observe.order", "observe.project"],
    ["observe.lexicon"],
    ["observe.holdings"],
    ["observe.attempts", "observe.chronicle", "observe.invariants"],
    ["observe.matching", "observe.policies"],
    ["observe.page"],
    ["observe.watch"],
    ["observe.report", "render.observed"],
    ["render.dossier", "render.timeline"],
    ["console", "terminal"],
    ["logs", "pictures", "surveys"],
    ["cli", "pytest_plugin"],
]
SHOWN_BY = {("explore.search", "graph"), ("explore.search", "notebook"), ("trace", "notebook")}
"""Values show themselves: these methods import from below, when they are called."""
FRAMEWORK = {"", "compiler", "explore", "verdicts", "render", "observe"}


def module_name(path):
    """``compiler/ir.py`` is compiler.ir; a package's own file has the package's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path):
    """The modules of this package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("racecheck"):
            base = node.module.removeprefix("racecheck").removeprefix(".")
            names = {f"{base}.{alias.name}".removeprefix(".") for alias in node.names}
            found |= {name if is_module(name) else base for name in names}
    return found - FRAMEWORK


def is_module(name):
    """Whether the package has a file of this name."""
    return PACKAGE.joinpath(*name.split(".")).with_suffix(".py").is_file()


def test_imports_go_upwards():
    """No module imports from a row below it; each module has a row."""
    rows = {name: number for number, names in enumerate(ROWS) for name in names}
    for path in PACKAGE.rglob("*.py"):
        name = module_name(path)
        if name not in FRAMEWORK:
            assert name in rows, f"{name} has no row in this test"
            late = {o for o in imports(path) if rows[o] > rows[name] and (name, o) not in SHOWN_BY}
            assert not late, f"{name} imports {late} from below"


def test_files_stay_short():
    """No file of the package or of the models is over 300 lines."""
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.parent.joinpath("models").glob("*.py")]
    long = {path.name: n for path in files if (n := len(path.read_text("utf-8").splitlines())) > 300}
    assert not long


def loaded_by(module):
    """What a fresh interpreter has loaded after importing the module."""
    code = f"import {module}, sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_is_light():
    """The vocabulary and the pytest plugin load none of the heavy packages."""
    heavy = {"networkx", "numpy", "hypothesis", "rich", "click", "cattrs", "racecheck.compiler"}
    assert not loaded_by("racecheck") & heavy
    assert not loaded_by("racecheck.pytest_plugin") & heavy - {"rich"}
    assert not loaded_by("racecheck.api") & {"numpy", "scipy"}  # only progress needs them
