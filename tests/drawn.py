"""A small model with names that try to be markup, and what its pictures are tested with."""

from pathlib import Path

from racecheck.compiler.compile import compile_model
from racecheck.load import load_model
from racecheck.replay import follow
from racecheck.report import build_report
from racecheck.trace import save
from racecheck.verdicts.safety import judge

EVIL = "</script><img src=x onerror=\"document.title='bad'\">&'\\ud83d \x07"
MODEL = f"""
from racecheck import *

class Page(Shared):
    refs = Atomic(1)
    lock = Lock()
    seen = Ghost(0)

def put(page):
    page.lock.lock()
    page.refs.dec_and_test()
    page.lock.unlock()

def get(page):
    page.refs.inc()
    page.seen += 1

@model
def page(getters=2, name={EVIL!r}):
    page = Page()
    return Model(
        Process(name + "!", put, page),
        Process("getter", get, page, count=getters),
        always(name, lambda: page.refs > 0),
        sometimes("all", lambda: page.seen == getters),
    )
"""
GUARD = """
from racecheck import *

class Page(Shared):
    refs = Atomic(1)

def watcher(page):
    while True:
        if page.refs.read() == 1 and page.refs.read() == 1:
            event("alone")

def mapper(page):
    held = False
    while True:
        rest()
        if held:
            page.refs.dec()
            held = False
        else:
            page.refs.inc()
            held = True

@model
def guard(mappers=1):
    page = Page()
    return Model(
        Process("watcher", watcher, page, role=VICTIM),
        Process("mapper", mapper, page, role=HOSTILE, count=mappers),
        progress("alone"),
    )
"""


def written(folder: Path, source: str, name: str = "page.py") -> str:
    """The path of a file with this model."""
    path = folder / name
    path.write_text(source, encoding="utf-8")
    return str(path)


def searched(where, *parameters):
    """The space of a model, with its report."""
    from racecheck.api import state_space

    space = state_space(load_model(where, parameters))
    return space, build_report(space, judge(space), 0.0)


def traced(where, folder):
    """The first trace of a model's report: its file, program, trace and run."""
    _, report = searched(where)
    trace = next(result.trace for result in report.results if result.trace)
    path = folder / "one.trace.json"
    save(trace, path)
    program = compile_model(load_model(where))
    return path, program, trace, follow(program, trace)[0]
