"""The claims of the thread: their verdicts against those worked out by hand, and what is saved of them.

C is the refcount, M the mapcount; a reader's or scanner's own reference is counted in C.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve

from racecheck import Atomic, Model, Process, Shared, always, model, sometimes
from racecheck.claims import CONFIRMED, DEPENDS, REFUTED, UNFINISHED, Case, Claim, Least, Like, claims_in
from racecheck.errors import UsageError
from racecheck.explore.limits import Limits
from racecheck.load import module_of
from racecheck.render.claims import render_claims
from racecheck.render.thread import thread_page
from racecheck.settling import Runs, settle
from racecheck.settling import settled as settled_in_turn
from racecheck.trace import SUFFIX, to_json
from racecheck.verdicts.answer import NOT_ASKED

ROOT = Path(__file__).parents[1]
RUN = [sys.executable, "-c", "from racecheck.cli import main; main()", "claims"]


REAL = bool(os.environ.get("REAL"))
SLOW = (
    {}
    if REAL
    else {
        "c11": {"bias": 8, "limit": 2, "mappings": 10},
        "c14": {"bias": 8, "limit": 2, "mappings": 10},
        "c26": {"bias": 8, "limit": 2, "mappers": 7},
    }
)
"""Claims whose cases take minutes at the kernel's constants: smaller here, but for ``REAL=1 pytest``."""


def quick(claim):
    smaller = SLOW.get(claim.id, {})
    return evolve(claim, cases=[scaled(case, smaller) for case in claim.cases])


def scaled(case, smaller):
    fits = smaller.keys() <= case.model.parameters.keys()
    return Case(case.model, case.parameters | (smaller if fits else {}), case.property, **case.predicted)


class Everything:
    """All claims, settled once."""

    def __init__(self):
        self.runs = Runs()
        claims = [quick(claim) for claim in claims_in("models/claims.py")]
        in_turn = settled_in_turn(claims, self.runs) if REAL else (settle(c, self.runs) for c in claims)
        self.settled = list(in_turn)
        self.by_id = {one.claim.id: one for one in self.settled}
        self.names = [[f"traces/{stem}{SUFFIX}" for stem in one.traces()] for one in self.settled]


@pytest.fixture(scope="module")
def everything():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # traces name their model from here
        yield Everything()


HAND = {
    # Each path raises C first and drops it last; what is not a mapping adds itself to C alone.
    "c01": (CONFIRMED, "", {}),
    # set_pte_range(): M is up by nr and C not yet. The lookup's reference makes up for one page of nr;
    # counted itself, for none.
    "c02": (
        DEPENDS,
        "holds for 'refcount covers mapcount', or for 'refcount covers mappings and held references' with "
        "size=order0",
        {"pages from which on mapcount + cache + other holders can exceed the refcount": 2},
    ),
    # At rest C = M + s, with s = 1 (anon: the reader) or 2 (the page cache). k unmaps between the loads:
    # C - M = s - k, below 0 from k = s + 1 on.
    "c03": (
        DEPENDS,
        "holds with maps 3 or more, or with page=anon and maps 2 or more",
        {
            "complete unmaps between the two loads, anon": 2,
            "complete unmaps between the two loads, file": 3,
        },
    ),
    # The same with k maps, after C was loaded.
    "c04": (
        DEPENDS,
        "holds with maps at most 1, or with page=file and maps at most 2",
        {"complete maps between the two loads, anon": 2, "complete maps between the two loads, file": 3},
    ),
    # The lock keeps out faults, and these alone. With M first it takes unmaps, which need no lock; with C
    # first it takes maps, and forks need none either.
    "c05": (DEPENDS, "holds with read_order=refcount_first and paths=faults", {}),
    # C >= M + s at every instant (c01), so the first two; one mapper between its increments breaks the
    # third.
    "c06": (DEPENDS, "fails for 'no snapshot shows a reference that nobody holds'", {}),
    # int >= unsigned int is unsigned in C. Signed, -1 >= 1024 is false and 0xffffffff >= 1024 true; and
    # one load never gives -1 (c06).
    "c07": (DEPENDS, "fails with constant=signed and read_order=refcount_first or mapcount_first", {}),
    # C - M = s - k as in c03 and c04; -1 is 0xffffffff.
    "c08": (
        DEPENDS,
        "holds with maps at most 1, or with page=file and maps at most 2",
        {
            "racing maps or unmaps for one wrong answer, anon": 2,
            "racing maps or unmaps for one wrong answer, file": 3,
        },
    ),
    # C - M = 1024 + 2 - k < 1024 from k = 3 on. A pinned anon page is exclusive: fork makes a copy, so k
    # = 0. folio_maybe_dma_pinned: C >= 1024 while the pin is held.
    "c09": (
        DEPENDS,
        "fails with page=file and policy=wilcox_difference or wilcox_difference_mapcount_first",
        {"racing maps or unmaps that hide a pin, file": 3},
    ),
    # C = M + cache + scanner + private >= 1024: from M = 1022 on, 1021 with private data, one more
    # without the scanner.
    "c10": (
        REFUTED,
        "",
        {
            "mappings, page cache": 1022,
            "mappings, with private data": 1021,
            "mappings, page cache and without the scanner's own reference": 1023,
            "mappings, private data and without the scanner's own reference": 1022,
        },
    ),
    # A mapper between its increments makes C - extra > M; doing so on each attempt is by racing, one
    # mapping at a time. The difference needs the wrap of c08: 2 or 3 mappings. At rest: see c10; and v2
    # forgets the scanner's reference, so 0. With a limit: M <= 32 after C >= 1024, so 1022 mappings, most
    # of them undone in between. Of anon pages, mainline, too; the long-term test leaves page=file alone.
    "c11": (
        DEPENDS,
        "fails with policy=aziz_v3, aziz_v4, ksm_check, expected_ref_count, aziz_v2, wilcox_difference or "
        "skip_pinned_or, or with page=anon and policy=mainline_check or skip_longterm_or",
        {
            "mappings needed against mainline_check, anon": 1,
            "mappings needed against aziz_v2, anon": 0,
            "mappings needed against aziz_v4, anon": 1,
            "mappings needed against aziz_v4, file": 1,
            "mappings needed against wilcox_difference, anon": 2,
            "mappings needed against wilcox_difference, file": 3,
            "mappings needed against maybe_dma_pinned, anon": 1022,
            "mappings needed against longterm_pinned, shmem": 1022,
            "mappings needed against skip_pinned_or, file": 1022,
        },
    ),
    # One attempt may have read C before the mapper came to rest: it fails, the next one does not. Racing
    # as in c11. A second scanner's reference is one that nobody maps by: in turn they see each other's
    # for ever.
    "c12": (DEPENDS, "fails with attackers=twin, or for its rung with attackers=mapper", None),
    # A reference makes the freeze fail and keeps the page from being freed; but before it is taken the
    # page may have become slab's, whose other half of the word is no mapcount.
    "c13": (DEPENDS, "fails for 'the mapcount is a folio's' with meanwhile=free", {}),
    # Last load: C sees a pin that came since, M does not. Under the folio lock with faults only, C first
    # leaves no room for maps (c05), M first does for unmaps.
    "c14": (
        DEPENDS,
        "in compaction it fails for its tried_while_excused with attackers=mapper+pinner; in snapshot it "
        "fails for 'no snapshot hides a held reference' with locked=true and paths=faults",
        {},
    ),
    "c15": (CONFIRMED, "", {"mappings that make a shmem page look pinned": 1022}),
    # At rest C >= 1024 means M >= 1022 > 32, or a pin. Racing as in c11.
    "c16": (
        DEPENDS,
        "in one_look it holds; in compaction it fails",
        {
            "mappings from which on a pinned shmem page is tried": 33,
            "mappings that an attacker needs to block it by racing": 1022,
        },
    ),
    # large && few: an order-0 page never, a large one with 33 mappings not.
    "c17": (
        DEPENDS,
        "fails with size=large, mapped=33 and policy=skip_longterm_and or skip_pinned_and, or with "
        "size=order0, mapped=32 and policy=skip_longterm_and or skip_pinned_and",
        {},
    ),
    # C = M + s + 1 is one too many for all that compare it with M + s, and mainline does so if !mapping.
    "c18": (DEPENDS, "fails with policy=mainline_check and page=file", {}),
    # C - 1 - cache - private > M just if another holds one; in truncation the cache's reference goes from
    # expected to another's, and truncation's own is there before and after.
    "c19": (CONFIRMED, "", {}),
    # C - cache = M + 1 > M, always.
    "c20": (REFUTED, "", {}),
    # extra = 1 + what was seen; if that goes away, C = 1 + M - ...: below extra if M = 0.
    "c21": (
        DEPENDS,
        "fails with mapped=0 and any race but maps",
        {"attempts needed beside a truncation, patch v4": 2},
    ),
    # Migration clears the entry and looks for pins, GUP pins and looks at the entry: one sees the other.
    "c22": (CONFIRMED, "", {}),
    # Pin: C then P, unpin: P then C. With pin swapped, a second pin's P comes while C has the first's...
    "c23": (CONFIRMED, "", {}),
    # Nobody else maps it: M = 1 stands still, and C = M + 1 + swapped + held. Else an unmap after M was
    # loaded (or a map after C was) makes up for the reference that is held.
    "c24": (DEPENDS, "holds with processes=1", {"processes that map it": 2}),
    # Fork clears the flag unless the page is pinned; GUP pins exclusive pages only.
    "c25": (CONFIRMED, "", {"forks that make an anon page look pinned without it": 1022}),
    # Each one stopped is 1 in C and 0 in M: 1 too many for those that compare. C - M = s + n >= 1024 for
    # the difference, C = M + s + n >= 1024 for the pin test, where anon's owner is one of M.
    "c26": (
        DEPENDS,
        "holds with policy=mainline_check and page=file",
        {
            "mappers stopped in the middle, aziz_v4, anon": 1,
            "mappers stopped in the middle, aziz_v4, file": 1,
            "mappers stopped in the middle, wilcox_difference, anon": 1023,
            "mappers stopped in the middle, wilcox_difference, file": 1022,
            "mappers stopped in the middle, one_load, anon": 1023,
            "mappers stopped in the middle, one_load, file": 1022,
            "mappers stopped in the middle, maybe_dma_pinned, anon": 1022,
            "mappers stopped in the middle, maybe_dma_pinned, file": 1022,
            "mappers stopped in the middle, skip_pinned_or, anon": 1022,
            "mappers stopped in the middle, skip_pinned_or, file": 1022,
        },
    ),
}


@pytest.mark.parametrize("claim", HAND)
def test_verdicts_by_hand(everything, claim):
    settled = everything.by_id[claim]
    verdict, condition, numbers = HAND[claim]

    assert (settled.verdict, settled.condition) == (verdict, condition)
    assert numbers is None or settled.numbers == numbers


def test_every_row_has_its_claim(everything):
    assert list(everything.by_id) == [f"c{number:02}" for number in range(1, 27)]


def test_against_the_best_attacker_a_random_scheduler_wins(everything):
    """Of the chances in c12 no more is known by hand than this."""
    numbers = everything.by_id["c12"].numbers
    assert numbers["chance that this mapper blocks it for good"] == 0
    assert all(2 < numbers[name] < 10 for name in numbers if name.startswith("attempts"))


def test_no_case_passes_because_nothing_happens(everything):
    """But that the pin test misses a pin is for GUP's own order of steps."""
    for report in everything.runs.known.values():
        idle = {r.property for r in report.results if (r.kind, r.verdict) == ("sometimes", "violated")}
        missing = {"the pin test misses a pin in its two steps"} if "swapped" in report.given else set()
        assert not idle - missing, (report.model, report.parameters)


def test_saved_traces_are_those_of_a_fresh_run(everything):
    """All of them, and no others of that name; of a slow claim the names only."""
    saved = {path.name.removesuffix(SUFFIX) for path in ROOT.glob(f"traces/c[0-9]*{SUFFIX}")}
    fresh = {stem: trace for one in everything.settled for stem, trace in one.traces().items()}
    assert saved == set(fresh)
    for stem, trace in fresh.items():
        if stem.split("-")[0] in SLOW:
            continue
        assert json.loads((ROOT / "traces" / f"{stem}{SUFFIX}").read_text("utf-8")) == to_json(trace), stem


def test_what_is_refuted_or_depends_has_traces(everything):
    for one in everything.settled:
        assert bool(one.traces()) == (one.verdict in (REFUTED, DEPENDS)), one.claim.id


def test_the_page_is_up_to_date(everything):
    """Else: ``racecheck claims --markdown > docs/thread.md``."""
    saved = sections((ROOT / "docs" / "thread.md").read_text("utf-8"))
    assert saved == sections(thread_page(everything.settled, everything.names))


def sections(page):
    """By claim; of a slow one all but what names its constants: the schedules, and what they are of."""
    parts = {part[:3]: part for part in page.split('<a id="')}
    return parts | {name: answers(parts[name]) for name in SLOW}


def answers(section):
    return [line for line in section.splitlines() if line.startswith(("#", ">", "**", "- ", "|"))]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_keeps_to_its_columns(everything, width):
    """All but names of traces, which are for copying."""
    lines = render_claims(everything.settled, everything.names, width).splitlines()
    assert max(len(line) for line in lines if SUFFIX not in line) <= width
    assert lines[-1].startswith("26 claims: ")


class Page(Shared):
    refs = Atomic(0)


def get(page):
    page.refs.inc()


@model
def gets(users=1, allowed=2):
    page = Page()
    return Model(
        Process("user", get, page, count=users),
        always("few references", lambda: page.refs <= allowed),
        sometimes("all references", lambda: page.refs == users),
    )


def case(users, **predicted):
    return Case(gets, {"users": users}, "few references", **predicted)


def settled(*cases, numbers=(), limits=Limits):
    return settle(Claim("c99", "nobody", "Few.", cases, numbers), Runs(limits))


@pytest.mark.parametrize(
    ("predicted", "verdict"),
    [("hh", CONFIRMED), ("vv", REFUTED), ("hv", DEPENDS)],
)
def test_a_claim_is_what_its_cases_are(predicted, verdict):
    words = {"h": "holds", "v": "violated"}
    cases = [case(users, verdict=words[letter]) for users, letter in zip((1, 2), predicted, strict=True)]
    assert settled(*cases).verdict == verdict


def test_a_search_that_does_not_end_settles_nothing():
    one = settled(case(2, verdict="holds"), limits=lambda: Limits(1))
    assert one.verdict == UNFINISHED
    assert one.condition == "no answer within the limits for users=2"


def test_a_case_may_be_predicted_by_another():
    assert settled(case(2, verdict=Like(users=1))).verdict == CONFIRMED
    assert settled(case(3, verdict=Like(users=1))).verdict == REFUTED


def test_the_least_value_is_where_the_result_changes():
    def least(start, most):
        number = Least("users", gets, {}, "few references", "users", most, start)
        return settled(case(1, verdict="holds"), numbers=[number]).numbers["users"]

    assert least(0, 5) == least(1, 3) == 3
    assert least(1, 2) is None


def test_a_case_says_what_is_wrong_with_it():
    with pytest.raises(UsageError, match="predicts nothing"):
        case(1)
    with pytest.raises(UsageError, match="has no 'rung' to predict; it has verdict"):
        settled(case(1, rung="never"))
    with pytest.raises(UsageError, match="no property 'none'; it has 'few references'"):
        settled(Case(gets, {}, "none", verdict="holds"))


def test_claims_come_out_alike_side_by_side():
    """In a pool, one run for what several ask of it; and no more is sought than is asked for."""
    compaction = module_of("models/compaction.py").compaction
    few = {"mappings": 1, "attackers": "mapper", "page": "anon"}
    claims = [
        Claim(
            name, "nobody", "Few.", [Case(compaction, {**few, "policy": policy}, "isolated", **predicted)]
        )
        for name, policy, predicted in (
            ("c1", "mainline_check", {"rung": "never"}),
            ("c2", "mainline_check", {"attempts": 2, "stall": Like(policy="aziz_v4")}),
            ("c3", "aziz_v3", {"rung": "by racing", "cost": {"mappings": 1}}),
        )
    ]
    runs = Runs()
    together = list(settled_in_turn(claims, runs))
    assert [one.verdict for one in together] == [REFUTED, CONFIRMED, CONFIRMED]
    assert [one.verdict for one in together] == [settle(claim, Runs()).verdict for claim in claims]
    assert sorted(key[-1] for key in runs.known) == [False, True, True]
    assert {asked: NOT_ASKED in notes for asked, notes in noted(runs)} == {False: True, True: False}


def noted(runs):
    for key, report in runs.known.items():
        yield key[-1], next(result.progress.notes for result in report.results if result.progress)


def run(*arguments):
    return subprocess.run([*RUN, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_json_of_claims():
    (data,) = json.loads(run("--only", "c03", "--json").stdout)
    assert (data["id"], data["verdict"]) == ("c03", DEPENDS)
    assert Counter(map(type, data["numbers"].values())) == {int: 2}
    assert all((ROOT / name).is_file() for name in data["traces"])
    assert data.keys() == {
        "id",
        "by",
        "claim",
        "verdict",
        "condition",
        "numbers",
        "traces",
        "scope",
        "cases",
    }
    assert data["cases"][0].keys() == {"model", "parameters", "property", "predicted", "found"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--only", "c3"], "no claim 'c3'"), (["models/folio.py"], "no claims; write CLAIMS = ")],
)
def test_what_cannot_be_settled_is_refused(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
