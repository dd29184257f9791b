"""Where a check stops early, and what this version cannot do."""

import pytest

import racecheck as rc
from racecheck.api import report_on
from racecheck.explore import limits
from racecheck.explore.limits import Limits
from racecheck.load import load_model


class Words(rc.Shared):
    """Two words, and what each side has read."""

    x = rc.Atomic(0)
    y = rc.Atomic(0)
    zeros = rc.Ghost(0)


def publish(words, mine, other):
    """Store to one word, then load the other."""
    mine.set(1)
    if other.read() == 0:
        words.zeros += 1


@rc.model
def store_buffering():
    """The litmus test SB: can both sides miss the other's store?"""
    words = Words()
    return rc.Model(
        rc.Process("left", publish, words, words.x, words.y),
        rc.Process("right", publish, words, words.y, words.x),
        rc.sometimes("both read zero", lambda: words.zeros == 2),
    )


@rc.model
def climber(top=100_000):
    """A counter that takes long to come to its top."""
    words = Words()
    return rc.Model(
        rc.Process("up", climb, words, top),
        rc.always("x stays low", lambda: words.x < 3),
        rc.sometimes("x gets to two", lambda: words.x == 2),
        rc.sometimes("x gets to the top", lambda: words.x == top),
    )


def climb(words, top):
    """Count up."""
    for _ in range(top):
        words.x.inc()


def verdicts(report):
    """Verdict by property."""
    return {result.property: result.verdict for result in report.results}


@pytest.mark.xfail(strict=True, reason="only sequential consistency is checked")
def test_stores_are_buffered_on_x86():
    """On real machines both sides can read zero; here that is never seen."""
    assert verdicts(report_on(store_buffering))["both read zero"] == "holds"


def test_progress_is_decided():
    """A scanner that always tries cannot be blocked."""

    def scan(words):
        while True:
            words.x.xchg(1)
            rc.event("isolated")

    @rc.model
    def alone():
        return rc.Model(rc.Process("scanner", scan, Words(), role=rc.VICTIM), rc.progress("isolated"))

    assert verdicts(report_on(alone))["isolated"] == "holds"


LIMITS = [
    Limits(max_states=1000),
    Limits(max_seconds=0.0),
    Limits(max_memory=1),
    Limits(interrupted=lambda: True),
]


@pytest.mark.parametrize("limits", LIMITS, ids=["states", "seconds", "memory", "interrupt"])
@pytest.mark.parametrize("engine", ["python", "reference"])
def test_a_search_that_stops_claims_nothing_but_what_it_found(limits, engine):
    """Violations and witnesses that were found stand; all else is unfinished, and says why."""
    report = report_on(climber, engine=engine, limits=limits)
    found = verdicts(report)
    assert report.stopped
    assert found["x gets to the top"] == "unfinished"
    assert found["deadlock"] == "unfinished"
    assert found["x stays low"] in ("violated", "unfinished")
    assert found["x gets to two"] in ("holds", "unfinished")


def test_the_widest_ranges_are_named():
    """What to bound, when a search does not end."""
    report = report_on(climber, limits=Limits(max_states=1000))
    assert any(text.startswith("words.x 0 to ") for text in report.ranges)
    assert verdicts(report)["x stays low"] == "violated"


def test_exactly_as_many_states_as_allowed_is_complete():
    """The limit is on what is beyond it."""
    assert report_on(climber(top=9), limits=Limits(max_states=10)).stopped is None
    assert report_on(climber(top=10), limits=Limits(max_states=10)).stopped == "--max-states 10"


def test_check_raises_when_unfinished():
    """A test must not pass on a search that did not end."""
    with pytest.raises(rc.PropertyError, match="STOPPED by --max-states 5"):
        rc.check(climber, max_states=5)


def test_check_returns_the_report_when_all_holds(request):
    """The mapping model of the bench, which is correct."""
    report = rc.check(load_model(str(request.config.rootpath / "bench/models/mapunmap.py")))
    assert set(verdicts(report).values()) == {"holds"}


@pytest.mark.parametrize("engine", ["python", "reference"])
def test_only_who_waits_for_ever_is_named(engine):
    """Another waits in the same state, and will be freed."""

    def wait(word):
        rc.wait_until(lambda: word == 1)

    @rc.model
    def waiting():
        words = Words()
        return rc.Model(
            rc.Process("patient", wait, words.x),
            rc.Process("stuck", wait, words.y),
            rc.Process("helper", climb, words, 1),
        )

    (result,) = report_on(waiting, engine=engine).results
    assert result.verdict == "stuck"
    assert [text.partition(" at ")[0] for text in result.waiting] == ["stuck"]


@pytest.mark.parametrize(
    "text, granted", [("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), ("max 100000", 4)]
)
def test_cores_are_those_that_are_granted(monkeypatch, tmp_path, text, granted):
    """A control group may grant less than the cores that a process is bound to."""
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: range(4))
    monkeypatch.setattr(limits, "GRANTED", tmp_path / "cpu.max")
    assert limits.cores() == 4
    (tmp_path / "cpu.max").write_text(text)
    assert limits.cores() == granted
