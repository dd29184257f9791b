"""What a log tells of a page: operations, attempts of compaction, policies, the timeline."""

import lzma

import pytest
from kernel_log import DATA, changes, log_of, page_of, record, watched, words

from racecheck.observe import lexicon as names
from racecheck.observe.chronicle import ROWS, Chronicle, Row, merged
from racecheck.observe.records import MOD, SET, TEST, UNLESS
from racecheck.observe.source import opened, pieces
from racecheck.observe.watch import Watch


@pytest.mark.parametrize(
    ("name", "pfn", "operations"),
    [
        (
            "pin_shmem.trace",
            0x1810,
            {
                names.REFUSED: 20,
                names.UNPIN: 5,
                names.SLOW_PIN: 4,
                names.FAST_PIN: 1,
                names.ISOLATE: 3,
                names.FROZEN: 1,
                names.MIGRATED: 1,
                names.GET: 2,
                names.PUT: 4,
                names.BATCH: 2,
                names.MAP_OR_GET: 1,
                names.UNMAP_OR_PUT: 1,
            },
        ),
        (
            "pin_anon.trace",
            0x1808,
            {
                names.UNPIN: 5,
                names.SLOW_PIN: 4,
                names.FAST_PIN: 1,
                names.GET: 3,
                names.PUT: 3,
                names.SKIP: 2,
                names.BATCH: 1,
                names.ISOLATE: 1,
                names.MIGRATED: 1,
            },
        ),
        (
            "single.trace",
            0x1802,
            {
                names.MAP_OR_GET: 75,
                names.UNMAP_OR_PUT: 75,
                names.MAP: 11,
                names.UNMAP: 11,
                names.TRUNCATE: 1,
            },
        ),
    ],
)
def test_operations_of_real_logs(name, pfn, operations):
    """Pins, compaction under a reference and under a pin, and one process that maps and unmaps."""
    page = watched(name).pages[pfn]

    assert page.operations == operations
    assert not page.unexplained
    assert not page.findings
    assert not page.missing


@pytest.mark.parametrize("name", [path.name.removesuffix(".txt") for path in sorted(DATA.glob("*.txt"))])
def test_nearly_all_records_are_of_an_operation(name):
    """Each excerpt: one record in a hundred may lack one."""
    seen = watched(name)

    unexplained = sum(len(page.unexplained) for page in seen.pages.values())
    assert unexplained <= seen.log.records / 100
    assert not [f for page in seen.pages.values() for f in page.findings if f.judged == "violation"]


def test_kprobes_tell_maps_from_gets():
    """Where the mapcount's changes are in the log, no operation is left open."""
    (page,) = watched("single_kprobes.trace").pages.values()

    assert page.operations == {names.MAP: 14, names.UNMAP: 14}


@pytest.mark.parametrize(
    ("name", "attempts"),
    [
        ("pin_shmem.trace", [("failed", 10, 1), ("failed", 10, 1), ("migrated", 1, 0)]),
        ("pin_anon.trace", [("skipped", 0, 1), ("skipped", 0, 1), ("migrated", 1, 0)]),
        ("race.trace", [("failed", 9, 0)]),
        ("fork.trace", [("migrated", 1, 0)]),
    ],
)
def test_attempts_of_real_logs(name, attempts):
    """How each attempt ended, after how many passes, and what others held."""
    found = [attempt for _, attempt in watched(name).attempts]

    assert [(attempt.outcome, attempt.passes, attempt.references) for attempt in found] == attempts


def test_policies_on_a_real_log():
    """Of two attempts on a held anon page, one has a pin: who looks for pins only misses the other."""
    scores = watched("pin_anon.trace").judge.scores

    def score(name):
        return scores[name].right, scores[name].false_skips, scores[name].missed

    assert score("always_try") == (0, 0, 2)
    assert score("mainline_check") == (2, 0, 0)
    assert score("unreferenced_check") == (2, 0, 0)
    assert score("maybe_dma_pinned") == (1, 0, 1)
    assert score("aziz_v2") == (2, 1, 0)
    assert score("one_load") == (1, 0, 1)
    assert len(scores) == len(words().policies.POLICIES)


def test_copy_on_write_and_refused_forks():
    """Three changes of a task, of which the mapcount tells what they are."""
    page = page_of(
        changes(
            (1, MOD, 1, -1, 4, 3, 0),
            (1, TEST, -1, 0, 3, 2, 0),
            (1, TEST, -1, 0, 2, 2, 0),
            (2, MOD, 1, -1, 3, 2, 0),
        )
    )

    assert page.operations == {names.COPY: 1, names.MAP_OR_GET: 1}


def test_maps_show_in_the_mapcount():
    """A reference is a mapping's when the mapcount rises, and was one's when it fell."""
    page = page_of(
        changes(
            (1, UNLESS, 1, 1, 2, 0, 0),
            (2, UNLESS, 1, 1, 3, 1, 0),
            (3, UNLESS, 1, 1, 4, 2, 0),
            (3, TEST, -1, 0, 3, 2, 0),
            (2, TEST, -1, 0, 2, 1, 0),
            (1, TEST, -1, 0, 1, 0, 0),
        )
    )

    assert page.operations == {
        names.MAP: 2,
        names.UNMAP: 2,
        names.MAP_OR_GET: 1,
        names.UNMAP_OR_PUT: 1,
    }


def test_what_no_model_has():
    """A page's life begins as a model does; who sets the count otherwise is listed."""
    page = page_of(
        changes(
            (1, SET, 1, -1, 1, 0, 0),
            (1, MOD, 32768, -1, 32769, 0, 0),
            (2, TEST, -2, 0, 32767, 0, 0),
            (1, SET, 7, -1, 7, 0, 0),
        )
    )

    assert page.operations == {names.ALLOCATE: 1, names.GET: 1, names.PUT: 1}
    assert page.unexplained == [4]


def test_a_page_mapped_more_often_than_a_pin_weighs():
    """1,100 mappings are no pin, and break nothing."""
    ups = [(n % 50, UNLESS, 1, 1, n + 2, n, 0) for n in range(1100)]
    downs = [(n % 50, TEST, -1, 0, 1100 - n, 1099 - n, 0) for n in range(1100)]

    page = page_of(changes(*ups, *downs))

    assert (
        page.operations[names.MAP]
        == page.operations[names.UNMAP]
        == 1100 - page.operations.get(names.MAP_OR_GET, 0)
    )
    assert not page.findings
    assert not page.unexplained


def test_only_one_page(tmp_path):
    """With a page frame number the others are not kept."""
    path = tmp_path / "log.xz"
    path.write_bytes(lzma.compress((DATA / "race.trace.txt").read_bytes()))
    with opened(str(path)) as stream:
        seen = Watch(words(), 0x1801).follow(pieces(stream))

    assert list(seen.pages) == [0x1801]
    assert seen.log.records == 182


def test_the_last_line_counts_if_it_goes_on():
    """Without its end a line may have lost digits; where it fits what came before, it has not."""
    records = changes((1, MOD, 1, -1, 2, 0, 0), (1, MOD, 1024, -1, 1026, 0, 0))
    text = log_of(records).removesuffix("\n")

    whole, cut = (Watch(words()).follow([one]) for one in (text, text.removesuffix("024")))

    assert (whole.log.records, whole.log.unparsed) == (2, 0)
    assert (cut.log.records, cut.log.unparsed) == (1, 1)


def test_rows_of_a_chronicle_are_bounded():
    """However many operations there are, and of how many sorts."""
    chronicle = Chronicle()
    for n in range(1, 5000):
        name = [names.MAP, names.SLOW_PIN, names.UNPIN][n % 3]
        chronicle.told(name, [record(n, n % 7, MOD, 1, -1, n, n % 5)])
        if n % 100 == 0:
            chronicle.note(n, n / 1000, "mark")

    rows = merged(chronicle.rows, ROWS)

    assert len(rows) <= ROWS
    assert sum(sum(row.operations.values()) for row in rows) == 4999
    assert [row.line for row in rows] == sorted(row.line for row in rows)


def test_notes_part_rows():
    """What programs write into the log stands between what came before it and after it."""
    seen = watched("single.trace")
    (page,) = seen.pages.values()
    rows = merged(page.chronicle.rows, ROWS)

    assert [row.note for row in rows if row.note][:3] == [
        "start single mapper, pfn 0x1802",
        "touch write",
        "unmap",
    ]
    assert isinstance(rows[0], Row)
    assert rows[-1].operations == {names.TRUNCATE: 1}


def test_rows_keep_to_their_side_of_a_note():
    """A mapping is known by what comes later; it is told where it was made all the same."""
    (page,) = watched("single.trace").pages.values()
    rows = merged(page.chronicle.rows, ROWS)
    notes = [row.line for row in rows if row.note]

    assert not [row for row in rows for line in notes if row.line < line < row.end]


def test_what_no_model_explains_is_in_the_timeline():
    """With the gaps, of which many are counted."""
    page = page_of(
        changes((1, SET, 7, -1, 7, 0, 0), *[(1, MOD, 1, -1, 3 * n, 0, 0) for n in range(9)]), told=1
    )
    (row,) = merged(page.chronicle.rows, 1)

    assert row.operations["unexplained"] == 1
    assert row.gaps == len(page.gaps) > 1
