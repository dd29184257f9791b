"""What a user may write: each construct runs at the first try, and does what Python does.

The expected values were worked out by hand.
"""

import linecache
import textwrap

import pytest

import racecheck as rc
from racecheck.api import report_on, state_space
from racecheck.load import load_model

HEAD = """
import racecheck as rc
from racecheck import *

class Page(Shared):
    x = Atomic(0)
    y = Atomic(0)
    z = Atomic(0)
    wide = Atomic(0, bits=64)
    lru = Flag()
    lock = Lock()
    row = Array(Atomic(0), 3)
    flags = Array(Flag(), 2)
    locks = Array(Lock(), 2)
    pins = Ghost(0)
    step = 2
    table = (10, 20, 30)

    def bump(self, by=1):
        self.x.add(by)
        return self.y.read()

    @staticmethod
    def twice(n):
        return 2 * n

    @property
    def double_step(self):
        return 2 * self.step

def plus(a, /, b=5, *, c=0):
    return a + b + c

def both(word: Atomic, n: int = 1) -> int:
    word.add(n)
    return word.inc_return()

def pair(page):
    return page.x.inc_return(), page.y.inc_return()

def apply(policy, page):
    return policy(page)

def maybe(page):
    if page.x.read():
        return True

def nothing(page):
    pass

def add_all(page, *amounts):
    for i in range(len(amounts)):
        page.x.add(amounts[i])

LIMITS = {"few": 2}
NAMES = ["a", "b"]
"""
TAIL = """
@model
def page():
    page = Page()
    return Model(Process("p", p, page))
"""
# A body, and the x, y and z that it can end with.
BODIES = {
    "page.x.add(page.bump(by=3))\npage.bump()": {(4, 0, 0)},
    "page.y.set(Page.twice(4))\npage.x.set(page.twice(page.double_step))": {(8, 8, 0)},
    "page.x.set(plus(1))\npage.y.set(plus(1, 2, c=page.step))": {(6, 5, 0)},
    "page.x.set(both(page.y))\npage.z.set(both(n=3, word=page.row[1]))": {(2, 2, 4)},
    "a, b = pair(page)\na, b = b + 10, a\npage.x.set(a)\npage.y.set(b)": {(11, 1, 0)},
    "both_of = pair(page)\npage.z.set(both_of[0] + both_of[1])": {(1, 1, 2)},
    "(a, (b, c)) = (1, (2, 3))\n[d, e] = a, b\npage.x.set(a + b + c + d + e)": {(9, 0, 0)},
    "page.x.set(page.table[1])\nfor i in range(3):\n    page.y.add(page.table[i])": {(20, 60, 0)},
    "i = choose(0, 2)\npage.x.set((7, 8, 9)[i])": {(7, 0, 0), (9, 0, 0)},
    "page.x.set(LIMITS['few'])\npage.y.set('b' in NAMES)": {(2, 1, 0)},
    "if maybe(page):\n    page.y.inc()\npage.x.inc()\nif maybe(page):\n    page.z.inc()": {(1, 0, 1)},
    "page.x.set(1 if not nothing(page) else 2)": {(1, 0, 0)},
    "add_all(page, 1, 2, 3)\nadd_all(page)": {(6, 0, 0)},
    "page.y.set(apply(lambda q: q.x.inc_return() + 1, page))": {(1, 2, 0)},
    "more = lambda n: n + page.step\npage.x.set(more(more(1)))": {(5, 0, 0)},
    "page.x.set(1 if page.y.read() == 0 else 2)": {(1, 0, 0)},
    "a = page.x.inc_return()\npage.y.set(0 < a <= page.x.read() < 2)": {(1, 1, 0)},
    # the second operand of "and" takes no step when the first is false
    "if page.x.read() and page.y.inc_return():\n    page.z.inc()": {(0, 0, 0)},
    "a = page.x.inc_return() or page.y.inc_return()\npage.z.set(a)": {(1, 0, 1)},
    "a = page.x.read() or page.y.inc_return() and 7\npage.z.set(a)": {(0, 1, 7)},
    "page.x.read() or page.y.inc()\npage.x.inc_return() and page.z.inc()": {(1, 1, 1)},
    "page.x.inc() if page.y.read() else page.z.inc()": {(0, 0, 1)},
    "page.x.set(page.y.read() in (0, 3))\npage.z.set(page.y.read() not in (0, 3))": {(1, 0, 0)},
    "for i in range(5):\n    if i == 3:\n        break\n    page.x.add(i)\nelse:\n    page.y.inc()": {
        (3, 0, 0)
    },
    "for i in range(3, 0, -1):\n    if i == 2: continue\n    page.x.add(i)\nelse: page.y.inc()": {
        (4, 1, 0)
    },
    "while page.x.read() < 2:\n    page.x.inc()\nelse:\n    page.y.inc()": {(2, 1, 0)},
    "while True:\n    if page.x.inc_return() == 3:\n        break\nelse:\n    page.y.inc()": {(3, 0, 0)},
    "for i in range(page.x.add_return(2)):\n    for j in range(i + 1):\n        page.y.inc()": {(2, 3, 0)},
    "for i in range(2):\n    i += 5\n    page.x.add(i)": {(11, 0, 0)},
    "a = 7\na //= 2\na <<= 3\na ^= 1\npage.x.set(a)\npage.y.set(-7 // 2)\npage.z.set(-7 % 4)": {
        (25, -4, 1)
    },
    "page.x.set(max(3, min(9, page.y.read(), 4), -1) + abs(-2) + int(True) + bool(5))": {(7, 0, 0)},
    "page.x.set(0x7fffffff)\npage.x.inc()\npage.y.set(u32(-1) >> 31)": {(-(2**31), 1, 0)},
    "page.x.set(s32(1 << 31) < 0)\npage.y.set(s64(u64(-1)))\npage.z.set(1 << 32)": {(1, -1, 0)},
    "page.wide.set(1 << 40)\npage.x.set(page.wide.fetch_add(1) >> 38)\npage.y.set(page.wide.read())": {
        (4, 1, 0)
    },
    "page.x.set(page.lru.test_and_set())\npage.y.set(page.lru.test())": {(0, 1, 0)},
    "page.flags[1].set()\nfor i in range(len(page.flags)):\n    page.x.add(page.flags[i].test())": {
        (1, 0, 0)
    },
    "i = page.x.inc_return()\npage.locks[i].lock()\npage.locks[1].unlock()\nassert not page.locks[i]": {
        (1, 0, 0)
    },
    "page.lock.lock()\npage.y.set(page.lock.trylock())\npage.x.set(page.locks[0].trylock())": {(1, 0, 0)},
    "page.x.inc()\ncell = page.row[page.x.read() + 1].inc_return()\npage.y.set(cell)": {(1, 1, 0)},
    "a = page.x.cmpxchg(0, 5)\nb = page.x.try_cmpxchg(0, 6)\npage.y.set(a)\npage.z.set(b)": {(5, 0, 0)},
    "a, b = read_together(page.y, page.x)\npage.z.set(10 * a + b)": {(0, 0, 0)},
    "with atomic():\n    a = page.x.inc_return()\n    if choose():\n        page.y.set(a)": {
        (1, 0, 0),
        (1, 1, 0),
    },
    "with atomic():\n    for i in range(3):\n        page.x.inc()\n    return\npage.y.inc()": {(3, 0, 0)},
    "page.x.set(choose(1, page.step) * 10 + choose())": {(v, 0, 0) for v in (10, 11, 20, 21)},
    "page.x.inc()\npage.pins += 1\nassert page.pins == page.x, 'counted'\npage.y.set(3)": {(1, 3, 0)},
    "def_value: int = 3\nnot_yet: int\nnot_yet = 4\npage.x.set(def_value + not_yet)": {(7, 0, 0)},
    "'a docstring'\nrc.smp_mb()\npage.x.inc(); page.y.inc()\nrc.event('done')": {(1, 1, 0)},
    "a = None\npage.x.set(a is None)\npage.y.set(page.z.read() is not None)": {(1, 1, 0)},
    "if page.step == 2:\n    a = 1\nelse:\n    a = [1, 2]\npage.x.set(a)": {(1, 0, 0)},
    f"a = page.x.inc_return()\npage.y.set({' + '.join(['a'] * 300)})": {(1, 300, 0)},
}


def load(tmp_path, *parts, **parameters):
    """The model in a file that holds the source."""
    path = tmp_path / "page.py"
    path.write_text("".join(map(textwrap.dedent, parts)))
    return load_model(str(path), [f"{name}={value}" for name, value in parameters.items()])


def ends(model, *words):
    """What the words hold in the states from which nothing moves."""
    space = state_space(model)
    assert space.complete
    labels = [slot.label for slot in space.program.slots]
    states = [space.engine.decode(key) for key in space.parents if not space.engine.expand(key, [])]
    return {tuple(state.shared[labels.index(word)] for word in words) for state in states}


def verdicts(model):
    """The verdict on each property."""
    return {result.property: result.verdict for result in report_on(model).results}


@pytest.mark.parametrize("body", BODIES)
def test_bodies(body, tmp_path):
    """A process ends with the values that Python gives."""
    model = load(tmp_path, HEAD + "def p(page):\n" + textwrap.indent(body, "    ") + TAIL)
    assert ends(model, "page.x", "page.y", "page.z") == BODIES[body]


def test_the_model_function_is_ordinary_python(tmp_path):
    """Closures, comprehensions, keyword arguments of processes, count=0, names and initial values."""
    source = """
    class Big(Page):
        extra = Atomic(1)
        step = 3

    def worker(page, amounts, n=1):
        page.x.add(amounts[n])

    @rc.model
    def page(n=2, on=False, way="up", mode=one_of(["low", "high"]), by=one_of({"one": 1, "ten": 10})):
        pages = [Page(name=f"p{i}") for i in range(2)]
        big = Big(extra=7, row=(1, 2, 3), name="big")
        twin = Big(step=9)
        third = Big()

        def closure():
            big.y.set(by if on else -by)

        parts = [Process(f"w{i}", worker, page, (5, 6), n=i) for i, page in enumerate(pages)]
        parts.append(Process("never", worker, big, (1, 2), count=0))
        parts.append(Process("closure", closure))
        parts.append(Process("lambda", lambda: third.x.set(twin.step + third.step)))
        parts += [always(f"{way} {i}", lambda i=i: big.row[i] == i + 1) for i in range(3)]
        assert mode in ("low", "high") and n == 2
        return Model(*parts)
    """
    model = load(tmp_path, HEAD, source, on="true", by="ten", mode="high")
    assert [p.name for p in model.processes] == ["w0", "w1", "closure", "lambda"]
    words = ["p0.x", "p1.x", "big.y", "big.extra", "big3.x", "big2.row[0]"]
    assert ends(model, *words) == {(5, 6, 10, 7, 12, 0)}
    assert verdicts(model) == {f"up {i}": "holds" for i in range(3)} | {"deadlock": "holds"}


def test_names_from_other_files(tmp_path):
    """Classes, functions and constants imported from beside the model, with what those use."""
    tmp_path.joinpath("shapes.py").write_text(
        "from racecheck import Atomic, Shared\nSTEP = 4\nclass Shape(Shared):\n    x = Atomic(0)\n"
        "def inner(shape):\n    shape.x.add(STEP)\ndef outer(shape):\n    inner(shape)\n    return STEP\n"
    )
    source = """
        import shapes as other
        from racecheck import Model, Process, model
        from shapes import Shape, outer

        STEP = 100

        def worker(shape):
            shape.x.add(other.STEP + outer(shape))
            other.inner(shape)

        @model
        def page():
            return Model(Process("w", worker, Shape()))
    """
    assert ends(load(tmp_path, source), "shape.x") == {(16,)}


def test_an_edited_file_is_read_again(tmp_path):
    """In one session, within one second, and with the same length."""
    for value in (1, 2):
        source = f"{HEAD}def p(page):\n    page.x.set({value})\n{TAIL}"
        assert ends(load(tmp_path, source), "page.x") == {(value,)}


class Counter(rc.Shared):
    """Shared by the processes of the models in this file."""

    value = rc.Atomic(0)
    seen = rc.Ghost(0)

    def bump(self):
        """One step, counted."""
        self.value.inc()
        self.seen += 1


def test_models_in_a_test():
    """A model that is defined in a function, with a closure over a constant."""
    times = 3

    def worker(counter):
        for _ in range(times):
            counter.bump()

    @rc.model
    def counting(workers=2):
        counter = Counter()
        return rc.Model(
            rc.Process("worker", worker, counter, count=workers),
            rc.always("each is counted", lambda: counter.value == counter.seen),
            rc.sometimes("all counted", lambda: counter.value == workers * times),
        )

    rc.check(counting)
    assert state_space(counting()).states == 10  # pairs of 0 to 3 done, in any order
    assert state_space(counting(), symmetry=False).states == 16
    rc.check(counting(workers=3))
    with pytest.raises(rc.UsageError, match="no parameter 'worker'; did you mean 'workers'"):
        counting(worker=3)


def test_models_in_a_notebook():
    """The source is where IPython leaves it: in linecache."""
    cell = HEAD + "def p(page):\n    page.x.inc()\n" + TAIL
    name = "<ipython-input-7-abc>"
    linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
    space = {"__name__": "__main__"}
    exec(compile(cell, name, "exec"), space)
    assert ends(space["page"](), "page.x") == {(1,)}


def test_verdicts_of_a_tiny_race(tmp_path):
    """Two unlocked read-then-write increments lose one; a lock, or one atomic step, does not."""
    source = """
        from racecheck import *

        class Page(Shared):
            x = Atomic(0)
            lock = Lock()

        def racy(page):
            page.x.set(page.x.read() + 1)

        def locked(page):
            page.lock.lock()
            racy(page)
            page.lock.unlock()

        def grouped(page):
            with atomic():
                racy(page)

        @model
        def page(how=one_of(racy, locked, grouped)):
            page = Page()
            return Model(Process("p", how, page, count=2), sometimes("lost", lambda: page.x == 1))
    """
    ways = {how: ends(load(tmp_path, source, how=how), "page.x") for how in ("racy", "locked", "grouped")}
    assert ways == {"racy": {(1,), (2,)}, "locked": {(2,)}, "grouped": {(2,)}}


def test_waiting_and_resting(tmp_path):
    """A waiter moves when its condition holds; nobody is stuck who rests or who can be freed."""
    source = """
        from racecheck import *

        class Page(Shared):
            x = Atomic(0)
            y = Atomic(0)

        def waiter(page, wanted):
            wait_until(lambda: page.x + page.y == wanted)
            page.y.set(10)

        def setter(page):
            while True:
                rest()
                page.x.xchg(1 - page.x.read())

        @model
        def page(wanted=1):
            page = Page()
            waiting = Process("waiter", waiter, page, wanted)
            return Model(waiting, Process("setter", setter, page, role=HOSTILE),
                         sometimes("done", lambda: page.y == 10))
    """
    assert verdicts(load(tmp_path, source)) == {"done": "holds", "deadlock": "holds"}
    assert verdicts(load(tmp_path, source, wanted=2)) == {"done": "violated", "deadlock": "stuck"}


def test_ordinary_python_around_the_protocol(tmp_path):
    """Dataclasses, enums, super(), properties that take steps, and closures of one and the same code."""
    source = """
        from __future__ import annotations
        from dataclasses import dataclass
        from enum import Enum, IntEnum
        from racecheck import *

        class Level(IntEnum):
            LOW = 4

        class Mode(Enum):
            ON = "on"

        @dataclass(frozen=True)
        class Config:
            by: int = 3

        class Base(Shared):
            x = Atomic(0)
            twin = None

            def bump(self, by):
                self.x.add(by)

        class Page(Base):
            y = Atomic(0)

            @property
            def busy(self):
                return self.x.read() > 0

            def bump(self, by):
                super().bump(by)
                self.y.inc()

        def chain(n, then=None):
            def link(page):
                page.x.add(n)
                if then is not None:
                    then(page)
            return link

        def worker(page: Page, config: Config, mode: Mode) -> None:
            if mode is Mode.ON and not page.busy:
                page.bump(config.by + Level.LOW)
            chained(page.twin)

        chained = chain(1, chain(2, chain(4)))

        @model
        def page(n: int = 1) -> Model:
            page = Page(twin=Page())
            absent = Process("absent", page.bump, 10, count=0)
            return Model(absent, Process("w", worker, page, Config(), Mode.ON))
    """
    model = load(tmp_path, source)
    assert ends(model, "page2.x", "page2.y", "page.x") == {(7, 1, 7)}
