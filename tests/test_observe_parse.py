"""Every line of a log is a record, another event or a comment, or it is counted."""

import gzip
import io
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_log import HEADER, line_of, log_of, record

from racecheck.errors import UsageError
from racecheck.observe import source
from racecheck.observe.parse import Log, parsed
from racecheck.observe.records import (
    ACTIVE,
    DIRTY,
    EXCLUSIVE,
    FREEZE,
    LRU,
    MOD,
    REFERENCED,
    SWAPBACKED,
    TEST,
    UNLESS,
    Event,
    Record,
    actor_of,
    flag_bits,
    pid_of,
)

DATA = Path(__file__).parent / "data"
FIELDS = "pfn=0x1808 flags=lru|swapbacked count=4 mapcount=1 mapping=00000000a9d7f692 mt=1 val=1 ret=1"


def read(text):
    log = Log()
    return list(parsed([text] if text else [], log)), log


def read_file(path):
    log = Log()
    with source.opened(str(path)) as stream:
        return list(parsed(source.pieces(stream), log)), log


@pytest.mark.parametrize(
    ("head", "pid", "cpu", "time", "name"),
    [
        ("          map0-U-61      [000] .....     6.558981: ", 61, 0, 6.558981, "map0-U"),
        ("              rg-59      (     59) [003] ...1.     2.054800: ", 59, 3, 2.0548, "rg"),
        ("           <...>-1234    (-------) [012] d..2.   284.993652: ", 1234, 12, 284.993652, "<...>"),
        ("     kworker/3:1-46      [003] ...1.     7.177758: ", 46, 3, 7.177758, "kworker/3:1"),
        ("     Web Content-4711    [001] .....     7.177758: ", 4711, 1, 7.177758, "Web Content"),
        ("        odd [000]-77     [001] .....     7.177758: ", 77, 1, 7.177758, "odd [000]"),
        ("            bash-1977    [001] d..2   284.993652: ", 1977, 1, 284.993652, "bash"),
        ("            bash-1977    [001]   284.993652: ", 1977, 1, 284.993652, "bash"),
        ("            bash-1977    [001] .....  81920: ", 1977, 1, 81920.0, "bash"),
        ("          map2-P-63    [001]     8.159189123: ", 63, 1, 8.159189123, "map2-P"),
    ],
)
def test_heads_of_lines(head, pid, cpu, time, name):
    """Names with dashes, spaces and brackets, a lost name, another column, no column, other clocks."""
    (one,), log = read(f"{head}page_ref_mod_unless: {FIELDS}\n")

    assert isinstance(one, Record)
    assert (pid_of(one.actor), one.cpu, one.time) == (pid, cpu, time)
    assert log.names[pid] == name
    assert log.cpus == cpu + 1
    assert not log.unparsed


def test_fields_of_a_record():
    """All of them, as tracefs and as trace-cmd print them."""
    plain = f" map-61 [000] ..... 6.5: page_ref_mod_unless: {FIELDS}\n"
    fields = "pfn=0x1808 flags=0x8003e count=0 mapcount=2 mapping=(____ptrval____) mt=1 val=2 ret=1"
    other = f" map-61 [000] 6.5: page_ref_freeze:      {fields}\n"

    (one, two), log = read(plain + other)

    flags = REFERENCED | DIRTY | LRU | ACTIVE | SWAPBACKED
    assert one == (1, 61 * 8, 0, 6.5, UNLESS, 0x1808, LRU | SWAPBACKED, 4, 1, "00000000a9d7f692", 1, 1)
    assert two[4:] == (FREEZE, 0x1808, flags, 0, 2, "(____ptrval____)", 2, 1)
    assert not log.raw


def test_raw_mapcounts():
    """Since 6.10 an unmapped page has -1: records have the number of mappings all the same."""
    text = "".join(f" map-61 [000] ..... 6.5: page_ref_mod_unless: {FIELDS}\n" for _ in range(2))

    records, log = read(text.replace("mapcount=1", "mapcount=-1", 1))

    assert [r.mapcount for r in records] == [0, 2]
    assert log.raw


def test_flags():
    """Names that do not matter here are nothing; a hexadecimal number has the bits of 6.1."""
    assert flag_bits("uptodate|lru|mappedtodisk") == LRU | EXCLUSIVE
    assert flag_bits("none") == 0
    assert flag_bits("0x20010") == LRU | EXCLUSIVE


def test_who_runs():
    """Interrupts of a task, and the idle tasks of the CPUs, are others than the task."""
    actors = [
        actor_of(5, 1, "....."),
        actor_of(5, 1, "d.h1."),
        actor_of(5, 1, "..s1."),
        actor_of(0, 0, ""),
        actor_of(0, 1, ""),
    ]

    assert len(set(actors)) == len(actors)
    assert [pid_of(actor) for actor in actors] == [5, 5, 5, 0, 0]
    log = Log(names={5: "rg", 0: "<idle>"})
    assert [log.name_of(actor) for actor in actors] == [
        "rg-5",
        "rg-5 (hard interrupt)",
        "rg-5 (soft interrupt)",
        "<idle>-0 on CPU 0",
        "<idle>-0 on CPU 1",
    ]


def test_what_the_log_says_of_itself():
    """The number of CPUs, and what was lost, at the head or on the way."""
    _, log = read("# entries-in-buffer/entries-written: 83374/90000   #P:4\n")
    assert (log.cpus, log.lost) == (4, 6626)
    _, log = read("cpus=16\nCPU:2 [LOST 17 EVENTS]\nCPU:3 [5 EVENTS DROPPED]\nCPU:3 [EVENTS DROPPED]\n")
    assert (log.cpus, log.lost, log.unparsed) == (16, 23, 0)


def test_other_lines():
    """Other events are counted, some are followed; stacks and comments are no events; the rest is shown."""
    head = "  rg-57      [001] .....     2.462407: "
    text = (
        "#\n"
        f"{head}tracing_mark_write: start: pfn 0x1802\n"
        f"{head}sched_switch: prev_comm=rg\n"
        f"{head}<stack trace>\n"
        " => page_ref_add_unless\n"
        " => 0xffffffff81000000\n"
        f"{head}mm_migrate_pages: nr_succeeded=1 nr_failed=0\n"
        f"{head}page_add_file_rmap: (page_add_file_rmap+0x0/0x210) pg=0xffffea0000060c00\n"
        f"{head}vfs_read <-ksys_read\n"
        f"{head}page_ref_mod: pfn=0x1808 flags=lru count=4 mapc\n"
        "\n"
        "what is this?\n"
    )

    events, log = read(text)

    assert [(event.line, event.name, event.text) for event in events] == [
        (2, "tracing_mark_write", "start: pfn 0x1802"),
        (7, "mm_migrate_pages", "nr_succeeded=1 nr_failed=0"),
        (8, "page_add_file_rmap", "(page_add_file_rmap+0x0/0x210) pg=0xffffea0000060c00"),
    ]
    assert all(isinstance(event, Event) for event in events)
    assert sum(log.events.values()) == 6
    assert log.unparsed == 2
    assert [line for line, _ in log.examples] == [10, 12]


def test_a_record_without_its_result_is_cut():
    """Only events without a result may lack one."""
    cut = FIELDS.removesuffix(" ret=1")
    records, log = read(
        f" a-1 [000] ..... 1: page_ref_mod_unless: {cut}\n a-1 [000] ..... 2: page_ref_mod: {cut}\n"
    )
    assert [r.kind for r in records] == [MOD]
    assert log.unparsed == 1


@given(st.integers(1, len(log_of([record(1, 1, TEST, -1, 0, 2), record(2, 1, MOD, 1024, -1, 1026)])) - 1))
def test_a_log_that_is_cut(length):
    """Wherever a log ends, the whole lines are read, and a last one that may lack digits is set apart."""
    text = log_of([record(1, 1, TEST, -1, 0, 2), record(2, 1, MOD, 1024, -1, 1026)])[:length]

    records, log = read(text)

    whole = text.count("ret=0")
    assert len(records) == whole == log.records
    assert log.unparsed + (log.unended is not None) <= 1


@given(st.text(max_size=300))
def test_garbage_is_counted(text):
    """Any text can be read, and each line is accounted for."""
    records, log = read(text)

    assert records == [] or log.records or log.events
    assert log.lines == len(text.removesuffix("\n").split("\n")) * bool(text)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_text(raw):
    """Bytes that no encoding knows are shown as such."""
    assert isinstance("".join(source.pieces(io.BytesIO(raw))), str)


@given(st.lists(st.text("ab\n", max_size=9)), st.integers(1, 7))
def test_pieces_are_whole_lines(texts, size):
    """However a stream gives its bytes, pieces end with a line, but where a line is longer than they."""
    text = "".join(texts)

    class Stream(io.BytesIO):
        def read1(self, _):
            return self.read(size)

    found = list(source.pieces(Stream(text.encode())))

    assert "".join(found) == text
    assert all(piece.endswith("\n") for piece in found[:-1])


def test_an_endless_line_takes_no_memory():
    """A file without line ends is given out in parts."""
    found = list(source.pieces(io.BytesIO(b"x" * (3 * source.PIECE))))
    assert max(map(len, found)) <= 2 * source.PIECE


@pytest.mark.parametrize(
    ("suffix", "compress"), [("txt", bytes), ("xz", lzma.compress), ("gz", gzip.compress)]
)
def test_compression_is_told_by_the_content(tmp_path, suffix, compress):
    """The name of the file does not matter."""
    raw = (DATA / "single.trace.txt").read_bytes()
    path = tmp_path / f"{suffix}.log"
    path.write_bytes(compress(raw))

    records, log = read_file(path)

    assert (log.records, len(records), log.unparsed) == (175, 188, 0)


@pytest.mark.parametrize("compress", [lzma.compress, gzip.compress])
def test_a_compressed_log_that_is_cut(tmp_path, compress):
    """What comes before the damage is read."""
    raw = compress((DATA / "race.trace.txt").read_bytes())
    path = tmp_path / "log"
    path.write_bytes(raw[: len(raw) // 2])
    log, found = Log(), []

    with source.opened(str(path)) as stream, pytest.raises(source.TORN):
        found.extend(parsed(source.pieces(stream), log))

    assert log.records > 10


def test_no_log(tmp_path):
    """A folder, and a file that is not there."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError), source.opened(str(path)):
            pass


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("single.trace", 175),
        ("single_kprobes.trace", 28),
        ("pin_shmem.trace", 95),
        ("pin_anon.trace", 30),
        ("fork.trace", 145),
        ("race.trace", 182),
        ("race.trace-cmd", 225),
    ],
)
def test_real_logs(name, records):
    """Each line of the excerpts is understood."""
    _, log = read_file(DATA / f"{name}.txt")

    assert (log.records, log.unparsed, log.lost, log.cpus) == (records, 0, 0, 4)


def test_a_written_log_is_read_again():
    """What the tests write is what the parser reads."""
    records = [record(n, n % 3, TEST, -1, 0, n) for n in range(1, 50)]

    found, log = read(log_of(records))

    assert [r[1:9] for r in found] == [(*r[1:6], REFERENCED | LRU | SWAPBACKED, *r[7:9]) for r in records]
    assert HEADER.format(49, 4) in log_of(records)
    assert line_of(records[0]).endswith(" ret=0\n")
    assert log.records == 49
