"""``racecheck observe``: what it prints, draws and refuses."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner
from kernel_log import log_of, record

from racecheck.cli import cli
from racecheck.errors import UsageError
from racecheck.observe.records import MOD, TEST

DATA = Path(__file__).parent / "data"
ANON, SHMEM = str(DATA / "pin_anon.trace.txt"), str(DATA / "pin_shmem.trace.txt")


def run(*args, given=None):
    """Exit status (what the command returns) and standard output, 80 columns wide."""
    done = CliRunner().invoke(
        cli, ["observe", *args], input=given, env={"COLUMNS": "80"}, standalone_mode=False
    )
    if done.exception:
        raise done.exception
    return done.return_value, done.output


def test_json_has_the_promised_keys():
    """Nothing more and nothing less, for each page and each policy."""
    status, text = run(SHMEM, "--json")
    found = json.loads(text)

    assert status == 0
    assert list(found) == ["records", "unparsed", "lost", "pages", "policies"]
    assert [page["pfn"] for page in found["pages"]] == ["0x1810", "0x1fd4f"]
    for page in found["pages"]:
        assert list(page) == [
            "pfn", "records", "reordered", "gaps", "operations", "unexplained", "invariants",
        ]  # fmt: skip
    assert found["policies"]["always_try"] == {"right": 0, "false_skips": 0, "missed": 2}


def test_a_violation_is_the_status():
    """A torn read is none."""
    broken = log_of([record(1, 1, TEST, -1, 1, 0), record(2, 1, MOD, 1, -1, 1)])

    status, text = run("-", "--json", given=broken)

    assert status == 1
    assert json.loads(text)["pages"][0]["invariants"] == [
        {"rule": "a free or frozen page does not change", "line": 6, "judged": "violation"}
    ]


def test_the_text_of_one_page():
    """A kernel developer reads what happened: 80 columns, every line of it."""
    _, text = run(ANON, "--pfn", "0x1808", "--policies")

    assert max(map(len, text.split("\n"))) <= 80
    for expected in (
        "30 records of 1 page, 4 CPUs",
        "each record is of an operation of the models",
        "no invariant is broken",
        "fast pin by rg-59",
        "LRU batch by rg-59, kworker/3:1-46",
        "anon vmsplice (FOLL_GET held)",
        "0x1808         3         1     1     0  skipped",
        "put by rg-59",
        "line 39: held by rg-59 since line 34",
        "line 64: held by rg-59 since line 60",
        "others held the page                                     yy-",
        "the kernel did                                           ssm",
        "mainline_check                         2      0       0  ss.",
        "maybe_dma_pinned                       1      0       1  Ms.",
        "aziz_v2                                2      1       0  ssF",
    ):
        assert expected in text.replace("\n    ", " ")


def test_the_text_of_several_pages():
    """A row for each page, and the attempts on all."""
    _, text = run(SHMEM)

    assert max(map(len, text.split("\n"))) <= 80
    assert "0x1810" in text
    assert "0x1fd4f" in text
    assert "failed, passes: 10" in text
    assert "migrated in pass 1" in text


def test_what_is_odd_is_told():
    """Lines not understood, lost events, gaps, unexplained lines."""
    records = [record(n, 1, MOD, 1, -1, n + (n > 20)) for n in range(1, 60)]
    text = log_of(records).replace("59/59", "59/70") + "what is this?\n"

    _, found = run("-", given=text)

    assert "1 line not understood; 11 events lost" in found
    assert "'what is this?'" in found
    assert "gap before line 25: refcount 20 expected, 21 found" in found


@pytest.mark.parametrize("given", ["", "# tracer: nop\n#\n", "garbage\n" * 50, "\0\n"])
def test_logs_without_records(given):
    """Say that there is none, and are no error."""
    status, text = run("-", given=given)

    assert status == 0
    assert "0 records of 0 pages" in text
    assert "docs/kernel-traces.md" in text


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["none.txt"], "cannot be read"),
        ([str(DATA)], "this is a folder"),
        ([ANON, "--pfn", "0x9"], "no record of page 0x9 among 30"),
        ([ANON, "-o", "page.pdf"], "write .svg or .html"),
        ([ANON, "--models", str(DATA)], "no folio.py here"),
    ],
)
def test_what_is_refused(args, why):
    """Names the value, the rule and what to do, in a line."""
    with pytest.raises(UsageError) as error:
        run(*args)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_a_picture(tmp_path):
    """Well-formed, with a title for each thing in it."""
    run(ANON, "-o", str(tmp_path / "page.svg"))

    picture = ET.parse(tmp_path / "page.svg").getroot()
    titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0].startswith("page 0x1808: 26 records")
    assert any(title.endswith("skipped; 1 held by others") for title in titles)
    assert "reference of rg-59 from line 34 to line 58" in titles
    assert "pin of rg-59 from line 60 to line 72" in titles


def test_a_page(tmp_path):
    """One file, without script, that escapes what the log has."""
    text = Path(ANON).read_text(encoding="utf-8").replace("anon vmsplice", "<script>alert(1)</script>")
    log = tmp_path / "log"
    log.write_text(text, encoding="utf-8")

    run(str(log), "--pfn", "0x1808", "-o", str(tmp_path / "page.html"))

    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "mainline_check" in page
    assert page.count("<svg") == 1


def test_nothing_to_draw():
    """A log without records has no page."""
    with pytest.raises(UsageError, match="nothing to draw"):
        run("-", "-o", "page.svg", given="")
