"""Kernel logs for tests: changes by several tasks, interleaved, and written as tracefs writes them."""

from functools import cache
from itertools import count
from pathlib import Path

from racecheck.observe.lexicon import lexicon_of, models_folder
from racecheck.observe.records import (
    ACTIVE,
    FREEZE,
    HEAD,
    KIND_NAMES,
    LOCKED,
    LRU,
    MOD,
    TEST,
    UNLESS,
    WITH_RESULT,
    Record,
)
from racecheck.observe.source import opened, pieces
from racecheck.observe.watch import Watch

DATA = Path(__file__).parent / "data"
HEADER = "# tracer: nop\n#\n# entries-in-buffer/entries-written: {0}/{0}   #P:{1}\n#\n"
FLAGS = "referenced|uptodate|lru|swapbacked"


def change(kind, val, count):
    """What a change does to the count: (the count after it, its result)."""
    if kind == MOD:
        return count + val, -1
    if kind == TEST:
        return count + val, int(count + val == 0)
    if kind == UNLESS:
        return (count + val, 1) if count else (count, 0)
    if kind == FREEZE:
        return (0, 1) if count == val else (count, 0)
    return val, -1


def interleaved(draw, programs, count, most=4, patience=12):
    """Run (kind, val) programs, one for each task: draw who changes, reads or writes next.

    A task does one of the three after the other, and is not stopped for longer than ``patience`` of these
    steps between the first and the last. Returns the records in the order of writing, and the
    lines of the log in the order of the changes.
    """
    left = [list(program) for program in programs]
    flight, records, order = {}, [], []
    step = 0
    while busy := [task for task in range(len(left)) if left[task] or task in flight]:
        free = [task for task in busy if task in flight] if len(flight) == most else busy
        late = [task for task in flight if flight[task][0] < step - patience]
        task = late[0] if late else draw(free)
        if task not in flight:
            kind, val = left[task].pop(0)
            count, ret = change(kind, val, count)
            flight[task] = [step, kind, val, ret]
            order.append(task)
        elif len(flight[task]) == 4:
            flight[task].append(count)
        else:
            records.append((task, *flight.pop(task)[1:]))
        step += 1
    lines = {
        task: iter([n for n, record in enumerate(records, 1) if record[0] == task]) for task in set(order)
    }
    return [record(n, *fields) for n, fields in enumerate(records, 1)], [
        next(lines[task]) for task in order
    ]


def record(line, task, kind, val, ret, refcount, mapcount=0, flags=0, pfn=0x1808):
    return Record(
        line, (100 + task) * 8, task % 4, line / 1000, kind, pfn, flags, refcount, mapcount, "0", val, ret
    )


def line_of(
    r, name="map", flags=FLAGS, head="{name:>16}-{pid:<7} [{cpu:03}] ..... {time:12.6f}: {event}: "
):
    """A record as tracefs writes it."""
    start = head.format(name=name, pid=r.actor >> 3, cpu=r.cpu, time=r.time, event=KIND_NAMES[r.kind])
    fields = (
        f"pfn={r.pfn:#x} flags={flags} count={r.refcount} mapcount={r.mapcount} mapping=00000000a9d7f692"
    )
    ret = f" ret={r.ret}" * (r.kind in WITH_RESULT)
    return f"{start}{fields} mt=1 val={r.val}{ret}\n"


def log_of(records, cpus=4):
    return HEADER.format(len(records), cpus) + "".join(map(line_of, records))


NAMES = {LRU: "lru", LOCKED: "locked", ACTIVE: "active", HEAD: "head"}


@cache
def words():
    return lexicon_of(models_folder(None))


@cache
def watched(name):
    with opened(str(DATA / f"{name}.txt")) as stream:
        return Watch(words(), told=9).follow(pieces(stream))


def page_of(records, events="", told=0):
    """The only page of a log of these records."""
    lines = "".join(line_of(r, flags=flag_names(r.flags)) for r in records)
    (page,) = Watch(words(), told=told).follow([events + lines]).pages.values()
    return page


def flag_names(flags):
    return "|".join(name for flag, name in NAMES.items() if flags & flag) or "none"


def changes(*items):
    """Records of (task, kind, val, ret, refcount, mapcount, flags)."""
    number = count(1)
    return [
        record(next(number), task, kind, val, ret, refs, maps, flags)
        for task, kind, val, ret, refs, maps, flags in items
    ]
