"""What a model may not say: one message, at the line of the text that is refused.

In each source the line that is refused is marked with ``#!``; without a mark it is the first.
"""

import re
import textwrap

import pytest

from racecheck.api import report_on
from racecheck.errors import RacecheckError
from racecheck.explore.limits import Limits
from racecheck.load import load_model

HEAD = """\
import math
import random
import time
from racecheck import *

class Page(Shared):
    x = Atomic(0)
    y = Atomic(0)
    z = Atomic(0)
    lru = Flag()
    lock = Lock()
    row = Array(Atomic(0), 3)
    pins = Ghost(0)
    step = 2

LOOSE = Atomic(0)
TABLE = [1, 2]

def helper(page, n):
    page.x.add(n)

def maybe(page):
    if page.x.read():
        return True

def peek(page):
    return page.pins

"""
PROCESS = "def p(page):\n{}\n"
MODEL = """
@model
def page(n=2):
    page = Page()
    return Model(Process("p", p, page, role={}){})
"""
SYNTAX = {
    "try:\n    pass\nfinally:\n    pass": "try: there are no exceptions in the language; test the value",
    "try:\n    pass\nexcept* ValueError:\n    pass": "there are no exceptions in the language",
    "with page.lock:\n    pass": "with page.lock: the only 'with' in the language",
    "with atomic() as a:\n    pass": "with atomic() as a: the only 'with'",
    "with atomic(3):\n    pass": "the only 'with' in the language is 'with atomic():'",
    "with atomic:\n    pass": "the only 'with' in the language is 'with atomic():'",
    "a = {1, 2}": "use the bits of an int",
    "a = [i for i in range(3)]": "write a for loop over range()",
    "a = {i for i in range(3)}": "write a for loop over range()",
    "a = {i: i for i in range(3)}": "write a for loop over range()",
    "a = (i for i in range(3))": "a generator stands only in all()",
    "a = page.x.read() @ 2": "write * for integers",
    "a = 1\na /= 2  #!": "a /= 2: / makes a fraction; write //",
    "page.x.inc()\ndel page  #!": "del is outside the language",
    "def inner():\n    nonlocal page": "def inner(): define the function outside",
    "class Inner: pass": "define the class outside",
    "async def inner(): pass": "there is no async",
    "page.x.inc()\nyield 1  #!": "yield is outside the language",
    "page.x.inc()\nyield from (1, 2)  #!": "yield is outside the language",
    "match page.x.read():\n    case 0:\n        pass": "match page.x.read(): match is outside the language",
    "from os import path": "import at the top of the file",
    "t = (1,)\npage.x.set(*t)  #!": "write each item out",
    "a, *b = (1, 2, 3)": "write each item out",
    "t = {}\nhelper(**t)": "a dict has no place",
    "helper(**TABLE)": "** arguments are outside the language",
    "page.row[0:2].inc()": "slices are outside the language",
    "page.x.set(1.5)": "the type float is outside the language; use ints",
    "a = b'bytes'": "the type bytes is outside the language",
    "page.x.set(float(page.y.read()))": "float() is outside the language; of the builtins it has abs",
    "time.sleep(1)": "time.sleep() is outside the language",
    "page.x.set(random.randint(0, 3))": "random.randint() is outside the language; write a def",
    "page.x.set(math.floor(3))": "math.floor() is outside the language",
    "TABLE.append(1)": "append has no Python source to compile",
    "page = Page()": "Page is a class: make objects in the model function",
    "atomic()": "write 'with atomic():'",
    "page.x.inc()\n1 == 2  #!": "this statement has no effect",
    "page.x.set(smp_foo)": "the name 'smp_foo' is not defined here",
    "helper(page)": "helper(): missing a required argument: 'n'",
    "helper(page, 1, m=1)": "unexpected keyword argument 'm'",
    "p(page)": "p() calls itself; recursion is outside the language",
    "f = lambda n: f(n) #!\nf(1)": "this lambda calls itself",
    "f = lambda f: f(f) #!\nf(f)": "this lambda calls itself",
    "f = lambda a: a\nf()  #!": "this lambda takes 1 argument, by position",
}
VALUES = {
    "a = page.x": "page.x: a bare atomic is not a value; write .read()",
    "while page.x: pass": "write .read()",
    "if not page.lru: pass": "a bare flag is not a value; write .test()",
    "if page.lock: pass": "a bare lock is not a value; write .trylock()",
    "page.y.set(u32(page.x))": "write .read()",
    "if page.x == 'a': pass": "write .read()",
    "a, b = page.x, page.y": "write .read()",
    "page.x.set(choose(page.y, 1))": "write .read()",
    "page.row.inc()": "a whole array has no operations; index it",
    "a = page.row + 1": "a whole array is used as an int",
    "a = page.x.read": "read is an operation; write .read() to do it",
    "a = page.x.counter": "Atomic has no attribute 'counter'; write .read()",
    "page.x.inc_and_tset()": "did you mean .inc_and_test()?",
    "page.x.atomic_inc()": "did you mean .inc()?",
    "page.lock.acquire()": "Lock has no operation 'acquire'; it has lock, unlock, trylock",
    "page.y.set(page.x.cmpxchg(old=1, new=2))": "takes no keyword arguments",
    "page.x.set()": "it takes 1 argument, not 0",
    "page.zeal.inc()": "Page has no 'zeal'; it has x, y, z",
    "page.locc.lock()": "did you mean 'lock'?",
    "page.x += 1": "page.x += 1: a shared word is not assigned; it changes by its methods",
    "page.row[0] = 1": "a shared word is not assigned",
    "page.step = 1": "a process assigns to its locals and to ghosts",
    "if page.x.inc(): pass": "inc() returns nothing; write .inc_return() or .inc_and_test()",
    "while page.x.set(1): pass": "set() returns nothing; write .xchg()",
    "a = page.lock.lock()": "lock() returns nothing; write .trylock()",
    "a = page.lru.set()": "set() returns nothing; write .test_and_set()",
    "if event('a'): pass": "event() returns nothing",
    "while choose: pass": "choose is a function, and always true; write choose()",
    "ok, old = page.x.try_cmpxchg(0, 1)": "the right side is not a tuple of 2 values",
    "a = maybe(page)": "an int on one way and None on another; give an int",
    "if maybe(page) is None: pass": "an int on one way and None on another",
    "f = helper if choose() else maybe": "this is not the same on every way",
    "a = None\nif choose(): a = 1": "an int; write one that stands for None, such as -1",
    "f = helper\nif choose(): f = maybe": "the function helper in 'f', a local that changes",
    "a = 1\npage.x.inc()\na = (1, 2)  #!": "a held another kind of value before",
    "if page.x.read():\n    a = 1\npage.x.inc()\npage.x.set(a)  #!": "a may be used before it is assigned",
    "for i in range(page.x.read()):\n    pass\npage.x.set(i)  #!": "i may be used before it is assigned",
    "a = page.x.read()\npage.y.set(a is page.step)  #!": "write == or !=",
    "if page.x.read() == 'a': pass": "compares an int with the str 'a'",
    "if page.x.read() in range(3): pass": "range() stands only in a for loop",
    "page.x.set(1 << -1)": "shift by -1: C leaves a negative shift undefined",
    "a = page.x.dec_return()\npage.y.set(1 << a)  #!": "shift by -1",
    "a = page.x.read()\npage.y.set(1 % a)  #!": "division by zero",
    "page.row[3].inc()": "index 3 is outside 0 to 2",
    "page.row[-1].inc()": "index -1 is outside 0 to 2",
    "a = page.x.dec_return()\npage.row[a].inc()  #!": "index -1 is outside 0 to 2",
    "a = page.x.dec_return()\npage.x.set((1, 2)[a])  #!": "index -1 is outside 0 to 1",
    "page.row['a'].inc()": "the str 'a' is used as an int",
    "page.x[0].inc()": "a shared word cannot be indexed",
    "for i in (1, 2): pass": "a for loop goes over range()",
    "for i in range(0, 3, 0): pass": "the step of range() is a constant other than 0",
    "LOOSE.inc()": "Atomic is outside every shared object: declare words in a class of Shared",
    "Page.x.inc()": "Atomic is outside every shared object",
}
RULES = {
    "while choose(): pass": "this loop can go round without a step or a rest()",
    "while choose():\n    if choose(): page.x.inc()": "this loop can go round without a step",
    "page.x.inc()\nwhile True: pass  #!": "more than 10,000 local operations without a step",
    "a = page.x.read()\nfor i in range(20000):  #!\n    a += i": "more than 10,000 local operations",
    "a = page.x.read()\nfor i in range(20):\n    a += choose()  #!\npage.x.set(a)": "10,000 outcomes",
    "with atomic():\n    for i in range(20000):  #!\n        page.x.inc()": "10,000 local operations",
    "with atomic():\n    page.lock.lock()\n    wait_until(lambda: page.x == 0)  #!": "only the first",
    "with atomic():\n    if choose():\n        page.lock.lock()  #!": "only the first operation",
    "with atomic():\n    while page.x.read():  #!\n        page.y.inc()": "a while loop has no bound",
    "if choose():\n    page.pins += 1  #!\npage.x.inc()": "a ghost update belongs to the step before it",
    "a = page.pins": "a ghost is read only by properties, asserts and ghost updates",
    "if page.pins > 0: page.x.inc()": "a ghost is read only by",
    "page.x.set(peek(page))": "a ghost is read only by",
    "page.row[page.pins].inc()": "a ghost is read only by",
    "wait_until(lambda: page.x == page.pins)": "a ghost is read only by",
    "page.x.inc()\na = page.pins = page.pins + 1  #!": "a ghost is read only by",
    "page.x.inc()\npage.pins += page.y.inc_return()  #!": "reads a ghost and takes a step",
    "page.x.inc()\npage.pins = page.x  #!": "write .read()",
    "page.x.inc()\npage.pins.inc()  #!": "a ghost has no operations",
    "page.x.inc()\npage.pins = None  #!": "None is used as an int",
    "assert page.x == 0, f'{page}'": "f-strings are outside the language",
    "page.x.inc()\nassert page.x.read() == 0  #!": "takes no step; take the step on a line before",
    "page.x.inc()\nevent(f'{page}')  #!": "f-strings are outside the language",
    "page.x.inc()\nevent(3)  #!": "an event's name is a constant string",
    "page.x.inc()\nevent('a', 'b')  #!": "event() takes one constant name",
    "for i in range(2):\n    event('a')  #!\n    page.x.inc()": "an event before the first step",
    "a = choose('a', 'b')": "the str 'a' is used as an int",
    "a = choose([1, 2])": "the options are arguments, each an int",
    "a = read_together(page.x, page.z)": "next to each other in one class, not page.x, page.z",
    "a = read_together(page.x)": "write .read()",
    "a = read_together(page.x, 1)": "takes atomics and flags",
    "a = page.x.read()\nb = read_together(page.row[a], page.row[a + 2])  #!": "page.row[0], page.row[2]",
    "wait_until(lambda: page.x == page.z)": "wait_until() tests with one load",
    "a = page.x.read()\nwait_until(lambda: a == 0)  #!": "reads no shared word",
    "wait_until(page.x == 0)": "write wait_until(lambda: ...)",
    "wait_until(lambda: page.x.read() == 0)": "name the word without a method",
    "page.x.set(all(page.row[i].read() for i in range(3)))": "a generator takes no steps",
    "page.x.inc()\nassert all(page.x > i for i in range(5000))  #!": "at most 1,000 items",
    "smp_mb(1)": "it takes 0 arguments, not 1",
}
HOSTILE = {
    "rest()\nwhile True:  #!\n    page.x.inc()": "must pass a rest() on each round of its outermost loop",
    "while True:\n    if choose():\n        rest()\n    page.x.inc()": "must pass a rest()",
    "while page.x.read() < 3:\n    page.x.inc()": "must pass a rest()",
    "while True:\n    rest()\n    with atomic():\n        rest()  #!": "an atomic group is one step",
    "while True:\n    rest()\n    page.pins += 1  #!\n    page.x.inc()": "belongs to the step before",
    "while True:\n    rest(1)  #!": "it takes 0 arguments, not 1",
}
PROPERTIES = {
    "always('a', lambda: page.x.read() == 0)": "name the word without a method",
    "sometimes('a', lambda: choose())": "takes no step",
    "always('a', True)": "property 'a': the condition is True; write lambda: ...",
    "always('a', lambda page: page.x == 0)": "its condition takes no arguments",
    "always(lambda: True, 'a')": "a property's name is a string, not the function <lambda>",
    "always('', lambda: True)": "a property's name is a string",
    "always('a', page.x == 0)": "page.x is used outside a process",
    "always('a', lambda: zeal)": "the name 'zeal' is not defined",
    "always('a', lambda: 1 // page.x)": "division by zero",
    "always('a', lambda: page.row[page.x + 3] == 0)": "index 3 is outside 0 to 2",
    "always('a', lambda: None)": "None is used as an int",
    "always('a', lambda: True), always('a', lambda: True)": "two properties are named 'a'",
    "always('deadlock', lambda: True)": "the name of a built-in check",
    "progress('a', at_worst='strategy')": "use one of never, by racing, by strategy, at rest",
    "progress('a', unless=0)": "the condition is 0; write lambda: ...",
    "progress('a', cost=lambda: 1)": "write dict(name=lambda: ...)",
    "progress('a', cost=dict(c=3))": "property 'c': the condition is 3; write lambda: ...",
    "progress('a', cost=dict(c=lambda page: 1))": "its condition takes no arguments",
    "progress('a', at_worst=None)": "use one of never, by racing, by strategy, at rest",
    "progress(3)": "the first argument is the name of an event",
    "Process('p', p, page)": "two processes are named 'p'",
    "Process('q', p)": "process 'q' runs p(): missing a required argument: 'page'",
    "Process('q', p, page, 1)": "process 'q' runs p(): too many positional arguments",
    "Process('q', print, page)": "pass a Python function, then its arguments",
    "Process(p, page)": "the first argument is the process's name",
    "Process('q', p, page, count=-1)": "a count is an int from 0 on",
    "Process('q', p, page, count=10**30)": "at most 10,000 can be searched",
    "Process('q', p, page, role='hostile')": "use KERNEL, VICTIM or HOSTILE",
    "[p]": "takes processes and properties as its arguments, not a list",
    "page.x.read()": "page.x.read() is used outside a process",
    "page.pins": "the ghost page.pins is used outside a process",
    "choose()": "choose() is used outside a process",
    "Page(x='1')": "page2.x starts as '1': an initial value is an int",
    "Page(x=2**31)": "not a signed 32-bit value",
    "Page(row=(1, 2))": "page2.row has 3 elements, but 2 initial values",
    "Page(lock=1)": "a lock starts free",
    "Page(zeal=1)": "Page has no 'zeal'; it has x, y, z",
    "Page(1)": "values are given by name",
    "Page(name='page')": "two shared objects are named 'page'",
    "1 / 0": "page() raised ZeroDivisionError: division by zero",
    "exit(1)": "page() raised SystemExit: 1",
}


def refused(tmp_path, source, begins=1):
    """The error for a model; it is at the line that is marked, or where the text begins."""
    path = tmp_path / "page.py"
    path.write_text(source)
    with pytest.raises(RacecheckError) as caught:
        report_on(load_model(str(path)), limits=Limits(max_states=100))
    marked = [n for n, line in enumerate(source.splitlines(), 1) if "#!" in line]
    error = caught.value
    assert (error.file, error.line) == (str(path), (marked or [begins])[0])
    assert "\n" not in error.message
    assert "0x" not in error.message
    return error.message


def in_process(body, role="KERNEL"):
    """The source of a model with a process of this body, which begins at line BODY."""
    return HEAD + PROCESS.format(textwrap.indent(body, "    ")) + MODEL.format(role, "")


BODY = HEAD.count("\n") + 2


@pytest.mark.parametrize("body", [*SYNTAX, *VALUES, *RULES])
def test_in_a_process(body, tmp_path):
    """A process that is outside the language, or breaks a rule."""
    assert {**SYNTAX, **VALUES, **RULES}[body] in refused(tmp_path, in_process(body), BODY)


@pytest.mark.parametrize("body", HOSTILE)
def test_in_a_hostile_process(body, tmp_path):
    """Rules about rests."""
    assert HOSTILE[body] in refused(tmp_path, in_process(body, "HOSTILE"), BODY)


@pytest.mark.parametrize("role", ["KERNEL", "VICTIM"])
def test_only_hostile_processes_rest(role, tmp_path):
    """Kernel code and the victim go on."""
    assert "only a HOSTILE process rests" in refused(tmp_path, in_process("rest()", role), BODY)


@pytest.mark.parametrize("text", PROPERTIES)
def test_in_a_model_function(text, tmp_path):
    """Properties, processes and objects that do not fit."""
    source = HEAD + PROCESS.format("    page.x.inc()") + MODEL.format("KERNEL", f", {text}  #!\n")
    assert PROPERTIES[text] in refused(tmp_path, source)


def test_an_assert_with_the_name_of_a_property(tmp_path):
    """Each result of a report has a name of its own."""
    body = PROCESS.format("    page.x.inc()\n    assert page.x > 0, 'twin'  #!")
    source = HEAD + body + MODEL.format("KERNEL", ", always('p: twin', lambda: True)")
    assert "a property is named 'p: twin' too" in refused(tmp_path, source)


FILES = {
    "def f(:  #!\n": "SyntaxError",
    "x = 1\nif x\n    y = 2\n": "SyntaxError",
    "import nothing_of_that_name  #!": "does not import: ModuleNotFoundError: No module named",
    "from racecheck import Atomik  #!": "does not import: ImportError: cannot import name 'Atomik'",
    "x = 1\ny = x / 0  #!": "does not import: ZeroDivisionError: division by zero",
    "def f():\n    raise KeyError('k')  #!\nf()": "does not import: KeyError: 'k'",
    "raise ValueError('one\\ntwo')  #!": "does not import: ValueError: one two",
    "import sys\nsys.exit(0)  #!": "does not import: SystemExit: 0",
    "import json\njson.loads('{')  #!": "does not import: JSONDecodeError",
    "import beside": "does not import: RuntimeError: in the other file",
    "import beside_too": "does not import: SyntaxError",
    "import racecheck\nx = racecheck.Atomic('a')  #!": "Atomic starts as 'a': an initial value is an int",
    "import racecheck\nx = racecheck.Atomic(bits=16)  #!": "a word has 32 or 64 bits",
    "import racecheck\nx = racecheck.Flag(2)  #!": "a flag is True or False",
    "import racecheck\nx = racecheck.Ghost('a')  #!": "a ghost is an int",
    "import racecheck\nx = racecheck.Array(racecheck.Atomic, 3)  #!": "an array holds Atomic(), Flag()",
    "import racecheck\nx = racecheck.Array(racecheck.Atomic(), 0)  #!": "the length is an int from 1 on",
    "import racecheck\nx = racecheck.one_of({1, 2})  #!": "in an order of their own",
    "import racecheck\nx = racecheck.one_of('a', 'a')  #!": "each with its own name",
    "import racecheck\nclass S(racecheck.Shared): pass\nx = S()  #!": "S() is made outside a model",
    "import racecheck\n@racecheck.model\ndef m(n): pass  #!": "'n' of model m needs a name and a default",
    "import racecheck\n@racecheck.model\ndef m(n=1.5): pass  #!": "an int, a bool, a string or one_of(...)",
    "import racecheck\n@racecheck.model\ndef m(n=1, /): pass  #!": "needs a name and a default",
    "import racecheck\n@racecheck.model  #!\nclass M: pass": "@model goes before a plain def",
    "import racecheck\n@racecheck.model\ndef m(): pass  #!": "m() returned None: return Model(...)",
    "import racecheck\n@racecheck.model\ndef m(): yield 1  #!": "m() returned a generator",
}


@pytest.mark.parametrize("source", FILES)
def test_files(source, tmp_path):
    """Files that do not import, or declare what cannot be."""
    tmp_path.joinpath("beside.py").write_text("\nraise RuntimeError('in the other file')\n")
    tmp_path.joinpath("beside_too.py").write_text("\nx = (\n")
    path = tmp_path / "page.py"
    path.write_text(source)
    with pytest.raises(RacecheckError, match=re.escape(FILES[source])) as caught:
        load_model(str(path))
    marked = [n for n, line in enumerate(source.splitlines(), 1) if "#!" in line]
    name = source.removeprefix("import ") if "beside" in source else "page"
    assert (caught.value.file, caught.value.line) == (str(tmp_path / f"{name}.py"), (marked or [2])[0])
    assert "\n" not in caught.value.message


def test_choice_of_a_model(tmp_path):
    """A file without a model, with an imported one only, or with several."""
    one = "import racecheck\n@racecheck.model\ndef {}(): return racecheck.Model()\n"
    sources = {
        "none": ("", "no model; write a function with @racecheck.model"),
        "other": ("from both import up", "no model of its own: up is imported from"),
        "both": (one.format("up") + one.format("down"), "several models: up, down; choose one with"),
    }
    for name, (source, _) in sources.items():
        tmp_path.joinpath(f"{name}.py").write_text(source)
    for name, (_, message) in sources.items():
        with pytest.raises(RacecheckError, match=re.escape(message)):
            load_model(str(tmp_path / f"{name}.py"))
    with pytest.raises(RacecheckError, match="no model 'dawn'; did you mean 'down'"):
        load_model(f"{tmp_path / 'both.py'}::dawn")
    assert load_model(f"{tmp_path / 'both.py'}::down").name == "down"
    tmp_path.joinpath("up.py").write_text(sources["both"][0])
    assert load_model(str(tmp_path / "up.py")).name == "up"


NAMES = {
    "": "no file is named",
    ".": "this is a folder; name a model file (.py) in it",
    "gone.py": "no such file",
    "notes.txt": "a model is a Python file (.py)",
}


@pytest.mark.parametrize("name", NAMES)
def test_file_names(name, tmp_path, monkeypatch):
    """What is no model file at all."""
    tmp_path.joinpath("notes.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RacecheckError, match=re.escape(NAMES[name])):
        load_model(name)
