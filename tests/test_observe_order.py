"""The order of changes is found again from records that were written in another one."""

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_log import interleaved, record

from racecheck.observe.order import Order
from racecheck.observe.parse import Log, parsed
from racecheck.observe.records import FREEZE, MOD, SET, TEST, UNFREEZE, UNLESS, Record
from racecheck.observe.reorder import Gap, Stray, applied, before, explain
from racecheck.observe.source import opened, pieces

DATA = Path(__file__).parent / "data"
PAIRS = [((UNLESS, 1), (TEST, -1)), ((MOD, 1024), (TEST, -1024)), ((UNLESS, 1), (MOD, 1023), (TEST, -1024))]
PROGRAMS = st.lists(
    st.lists(st.sampled_from(PAIRS), max_size=3).map(lambda pairs: sum(pairs, ())), min_size=2, max_size=3
)


def in_order(records, window=32):
    order = Order(window)
    return [item for r in records for item in order.add(r)] + list(order.end())


def explained(items):
    """Whether every record follows from the count before it, and reads a count of its time."""
    items = [item for item in items if not isinstance(item, (Gap, Stray))]
    for number, (r, found, after, _, late) in enumerate(items):
        assert applied(r, found) == after
        assert r.refcount in [other[2] for other in items[number : number + late + 1]]
    assert all(one[2] == other[1] for one, other in pairwise(items))


@given(PROGRAMS, st.data())
def test_an_order_is_found_where_there_is_one(programs, data):
    """After a quiet start every interleaving is explained, and keeps the own order of each task."""
    records, _ = interleaved(lambda tasks: data.draw(st.sampled_from(tasks)), programs, 3, patience=8)
    records = [record(0, 9, MOD, 1, -1, 3), *records]

    items = in_order(records)

    assert not any(isinstance(item, (Gap, Stray)) for item in items)
    assert sorted(item[0].line for item in items) == [r.line for r in records]
    explained(items)
    for actor in {r.actor for r in records}:
        lines = [item[0].line for item in items if item[0].actor == actor]
        assert lines == sorted(lines)


def test_long_contention_is_explained_nearly_always():
    """Four tasks of which every record is contended: the search, which goes step by step, seldom errs."""
    erred = 0
    for seed in range(300):
        random = Random(seed)
        programs = [sum(random.choices(PAIRS, k=random.randint(0, 6)), ()) for _ in range(4)]
        records, _ = interleaved(random.choice, programs, 3)
        items = in_order([record(0, 9, MOD, 1, -1, 3), *records])
        erred += any(isinstance(item, (Gap, Stray)) for item in items)

    assert erred <= 3


@given(PROGRAMS, st.data())
def test_the_nearest_order_moves_no_more_than_the_true_one(programs, data):
    """The search's order is not farther from the log's than the order in which the changes were made."""
    records, order = interleaved(lambda tasks: data.draw(st.sampled_from(tasks)), programs, 3, most=2)

    found = explain(3, records, 32, 100_000) if records else []

    reads = sum(placed[4] for placed in found)
    moved = sum(placed[3] for placed in found)
    assert moved + reads <= sum(displaced(order)) + 2 * len(order)


def displaced(order):
    """For each line how many lines above it are still to come."""
    return [sum(later < line for later in order[number:]) for number, line in enumerate(order)]


@given(st.integers(2, 40), st.data())
def test_a_lost_record_is_a_gap(length, data):
    """Of one task's log, a record that is missing is seen, where it is missing and how much it was."""
    records, _ = interleaved(lambda tasks: tasks[0], [[(UNLESS, 1), (TEST, -1)] * length], 3)
    lost = data.draw(st.integers(1, len(records) - 2))

    items = in_order(records[:lost] + records[lost + 1 :])

    gaps = [item for item in items if isinstance(item, Gap)]
    assert gaps == [Gap(records[lost + 1].line, records[lost - 1].refcount, records[lost].refcount)]


def test_a_gap_is_not_papered_over_by_moving_records():
    """Two tasks map and unmap without end: a lost change shows, though others could stand in for it."""
    both = [
        record(n, n // 4 % 2, UNLESS if n % 2 else TEST, 1 if n % 2 else -1, n % 2, 4 if n % 2 else 3)
        for n in range(1, 200)
    ]
    lost = [r._replace(refcount=r.refcount - (r.line > 60)) for r in both if r.line != 60]

    gaps = [item for item in in_order(lost) if isinstance(item, Gap)]

    assert len(gaps) == 1
    assert abs(gaps[0].line - 60) <= 8


def test_a_record_written_late_is_found_at_its_gap():
    """A task that is stopped between its change and its record: the gap and the record belong together."""
    ups = [record(n, 1, MOD, 1, -1, n + 1 + (n > 10)) for n in range(1, 101)]
    late = record(101, 2, MOD, 1, -1, 12)
    rest = [record(n, 1, MOD, 1, -1, n + 1) for n in range(102, 140)]

    items = in_order([*ups, late, *rest])

    assert [item for item in items if isinstance(item, (Gap, Stray))] == [Gap(11, 11, 12), Stray(late, 11)]


def test_the_first_count_is_no_gap():
    """A log that begins in the middle of an operation: the first record read another's change too."""
    records = [record(1, 1, MOD, 1, -1, 6), record(2, 2, MOD, 1, -1, 6), record(3, 1, MOD, 1, -1, 7)]

    items = in_order(records)

    assert [item[0].line for item in items] == [1, 2, 3]
    assert items[0][1] == 4


def test_a_page_taken_again_is_a_gap():
    """After a page was freed nothing tells how it came back."""
    items = in_order(
        [record(1, 1, TEST, -1, 1, 0), record(2, 1, MOD, 1, -1, 8), record(3, 1, TEST, -1, 0, 7)]
    )

    assert [item for item in items if isinstance(item, Gap)] == [Gap(2, 0, 7)]


@pytest.mark.parametrize(
    ("kind", "val", "ret", "count", "after"),
    [
        (MOD, -3, -1, 2, -1),
        (MOD, 1, -1, 2**31 - 1, -(2**31)),
        (TEST, -1, 1, 1, 0),
        (TEST, -1, 0, 1, None),
        (UNLESS, 1, 1, 4, 5),
        (UNLESS, 1, 1, 0, None),
        (UNLESS, 1, 0, 0, 0),
        (UNLESS, 1, 0, 3, None),
        (FREEZE, 2, 1, 2, 0),
        (FREEZE, 2, 1, 3, None),
        (FREEZE, 2, 0, 3, 3),
        (FREEZE, 2, 0, 2, None),
        (UNFREEZE, 2, -1, 0, 2),
        (UNFREEZE, 2, -1, 1, None),
        (SET, 1, -1, 7, 1),
    ],
)
def test_what_a_change_does(kind, val, ret, count, after):
    """Each event of page_ref.h, with each result."""
    assert applied(record(1, 1, kind, val, ret, 0), count) == after


@given(
    st.sampled_from([MOD, TEST, UNLESS, FREEZE, UNFREEZE, SET]),
    st.integers(-5, 5),
    st.integers(0, 1),
    st.integers(-5, 5),
)
def test_what_a_record_found_can_be_applied(kind, val, ret, refcount):
    """A record by itself always has a count from which it is possible."""
    r = record(1, 1, kind, val, ret, refcount)

    assert applied(r, before(r)) is not None


@pytest.mark.parametrize("name", ["single", "pin_shmem", "pin_anon", "fork"])
def test_real_logs_without_contention_are_in_order(name):
    """No record of these was written in another order than that of the changes."""
    for records in by_page(name):
        items = in_order(records)

        assert all(not isinstance(item, Gap) and item[3:] == (0, 0) for item in items)
        explained(items)


def test_a_real_log_with_contention_is_put_in_order():
    """Four processes map and unmap: one of them was stopped for 37 lines, longer than the window."""
    items = in_order(*by_page("race"))

    odd = [item for item in items if isinstance(item, (Gap, Stray))]
    assert [type(item) for item in odd] == [Gap, Stray]
    assert odd[1].gap == odd[0].line


def by_page(name):
    pages = {}
    with opened(str(DATA / f"{name}.trace.txt")) as stream:
        for r in parsed(pieces(stream), Log()):
            if isinstance(r, Record):
                pages.setdefault(r.pfn, []).append(r)
    return pages.values()


def test_contention_without_end_is_explained():
    """Four tasks that never stop: the first count is a guess, and what a record read may come later."""
    erred = 0
    for seed in range(10):
        random = Random(seed)
        programs = [sum(random.choices(PAIRS, k=60), ()) for _ in range(4)]
        records, _ = interleaved(random.choice, programs, 3)
        erred += sum(isinstance(item, (Gap, Stray)) for item in in_order(records))

    assert erred == 0
