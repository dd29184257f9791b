"""Runs that Hypothesis draws find the planted bugs, quickly and with short schedules, and replay."""

import statistics
import time
from collections import Counter
from functools import cache
from unittest import SkipTest

import mutants
import pytest
from hypothesis import Phase, settings
from hypothesis.database import InMemoryExampleDatabase

import racecheck as rc
from racecheck.api import compiled, report_on
from racecheck.errors import UsageError
from racecheck.explore.limits import Limits
from racecheck.harness import Harness, harness
from racecheck.load import find_model
from racecheck.replay import model_of, replay, replay_native
from racecheck.shrink import sort_key
from racecheck.stateful import check_runs
from racecheck.trace import load, save
from racecheck.walk import Course, Walk, follow, run_of

SEARCH = settings(max_examples=10_000, database=None, derandomize=True, phases=tuple(Phase), deadline=None)
SLOWEST = 30
NAMES = [model.__name__ for model, _ in mutants.MUTANTS]
MANY_STATES = 200_000
"""More than this, and a mutant's shortest schedule is not asked for."""


def reports_of(function, *args, **options):
    """The reports of checks that are made, whether or not they fail."""
    reports = []
    token = harness.set(Harness(told=lambda report: reports.append(report) or {}))
    try:
        function(*args, **options)
    except rc.PropertyError:
        pass
    finally:
        harness.reset(token)
    return reports


def found_by_runs(model, name, chosen=SEARCH):
    """The result on one property."""
    (report,) = reports_of(check_runs, model, only=name, settings=chosen)
    (result,) = report.results
    return result


@cache
def found(number):
    """What the runs of a mutant show, and the seconds that it took."""
    start = time.monotonic()
    return found_by_runs(*mutants.MUTANTS[number]), time.monotonic() - start


@pytest.mark.parametrize("number", range(len(mutants.MUTANTS)), ids=NAMES)
def test_every_mutant_is_found(number, tmp_path):
    """By the property that was planted against, in time; with an ordinary trace, that replays."""
    (result, seconds), name = found(number), NAMES[number]
    assert result.verdict in ("violated", "stuck")
    assert seconds < SLOWEST

    save(result.trace, tmp_path / f"{name}.trace.json")
    trace = load(tmp_path / f"{name}.trace.json")
    model = model_of(trace, tmp_path, f"{mutants.__file__}::{name}")
    assert replay(trace, model).reproduced
    if len(trace.steps) < 100:
        assert not replay_native(trace, model)


def test_schedules_are_near_the_shortest():
    """At most 1.5 times as long as the breadth-first ones, in the median; none is three times as long."""
    ratios = []
    for number, (model, name) in enumerate(mutants.MUTANTS):
        (result,) = report_on(model, only=name, limits=Limits(max_states=MANY_STATES)).results
        if result.trace is not None:
            ratios.append(len(found(number)[0].trace.steps) / len(result.trace.steps))
    assert len(ratios) > len(mutants.MUTANTS) * 0.75
    assert min(ratios) >= 1
    assert statistics.median(ratios) <= 1.5
    assert max(ratios) <= 3


def test_every_model_of_the_repo_has_a_mutant():
    """A file of ``models/`` that holds a model is named among them."""
    files = {
        path.stem
        for path in mutants.MODELS.glob("*.py")
        if "\n@model\n" in path.read_text(encoding="utf-8")
    }
    source = mutants.MODELS.with_name("tests").joinpath("mutants.py").read_text(encoding="utf-8")
    assert {name for name in files if f'repo("{name}"' not in source} == set()


def test_bursts_reach_a_thousand_mappings():
    """With the kernel's constants: 1022 mappings beside the owner's, and then one look of the scanner."""
    result, _ = found(NAMES.index("mappings_look_like_a_pin"))
    assert result.last["folio.mapcount"] >= 1023
    assert Counter(step.process for step in result.trace.steps)["mapper"] >= 2 * 1022


def test_bursts_go_round_interchangeable_processes():
    """Twenty mappers with one mapping each are stopped after the same step."""
    compaction = mutants.repo("compaction")
    model = compaction.compaction(attackers="processes", mappings=20, bias=8)
    walk = Walk(Course(compiled(model), []))
    walk.burst(1, 0, lambda options: options[0], 2, 100)
    assert walk.in_flight() == 0
    assert walk.shared[0] == 1 + 20


def test_an_operation_ends_at_rest_and_at_the_head_of_the_loop():
    """The scanner's at its loop, the mapper's where it is back in user mode."""
    walk = Walk(Course(compiled(mutants.repo("compaction").compaction()), []))
    assert walk.advance(0, 0, lambda options: options[0], 100) == [(), ()]
    assert walk.advance(1, 0, lambda options: options[0], 100) == [(True,), ()]
    assert walk.in_flight() == 0


def test_the_same_seed_gives_the_same_run():
    """Nothing but Hypothesis draws."""
    first, second = (found_by_runs(*mutants.MUTANTS[3]) for _ in range(2))
    assert first.trace == second.trace


@pytest.mark.parametrize("examples", [5, 50])
def test_max_examples_are_respected(examples):
    """So many runs, when nothing is found."""
    model = find_model(str(mutants.MODELS / "snapshot.py"))(maps=0)
    chosen = settings(SEARCH, max_examples=examples)
    (report,) = reports_of(check_runs, model, only="deadlock", settings=chosen)
    assert int(report.stopped.split()[3]) <= 2 * examples


def test_steps_of_a_run_are_respected():
    """A run has ``stateful_step_count`` turns at most."""
    chosen = settings(SEARCH, max_examples=50, stateful_step_count=1)
    (report,) = reports_of(check_runs, mutants.increment_after_a_test, settings=chosen)
    assert not report.verdicts() & {"violated"}
    assert report.depth <= 3 * 4


def test_the_database_of_the_user_is_used():
    """A bug that was found is found again by its example alone, for this model and for no other."""
    database = InMemoryExampleDatabase()
    model, name = mutants.MUTANTS[1]
    assert found_by_runs(model, name, settings(SEARCH, database=database)).trace is not None
    assert database.data

    again = settings(SEARCH, database=database, phases=[Phase.reuse])
    assert found_by_runs(model, name, again).trace is not None
    with pytest.raises(SkipTest, match="no test cases"):
        check_runs(model(users=4), settings=again)


def test_without_the_phase_nothing_is_shrunk():
    """As drawn it is longer."""
    model, name = mutants.MUTANTS[5]
    drawn = found_by_runs(model, name, settings(SEARCH, phases=[Phase.generate]))
    assert len(drawn.trace.steps) > len(found_by_runs(model, name).trace.steps)


def test_a_model_without_bugs_passes():
    """What some run shows holds; of all else it says why it is not decided."""
    model = find_model(str(mutants.MODELS / "compaction.py"))(policy="maybe_dma_pinned")
    report = check_runs(model, settings=settings(SEARCH, max_examples=300))
    assert {(result.property, result.verdict, result.reason) for result in report.results} == {
        ("refcount covers mapcount", "unfinished", "no run breaks it"),
        ("every mapping is made", "holds", ""),
        ("every pin is taken", "holds", ""),
        ("isolated", "unfinished", "runs end; they show no block for ever"),
        ("deadlock", "unfinished", "runs notice it only where nobody can move"),
    }
    assert not report.never_happened


def test_several_bugs_are_found():
    """One does not hide another; unless the user's settings say that one will do."""
    model = find_model(str(mutants.MODELS / "snapshot.py"))(maps=2)
    few = settings(SEARCH, max_examples=1_000)
    (report,) = reports_of(check_runs, model, settings=few)
    assert [result.verdict for result in report.results].count("violated") == 3

    (report,) = reports_of(check_runs, model, settings=settings(few, report_multiple_bugs=False))
    assert [result.verdict for result in report.results].count("violated") < 3


def test_a_deadlock_names_who_waits():
    """Where nobody can move."""
    result = found_by_runs(mutants.locks_in_the_other_order, "deadlock")
    assert (result.verdict, len(result.waiting)) == ("stuck", 3)


def test_the_report_shows_the_trace_by_columns():
    """And how to keep it."""
    with pytest.raises(rc.PropertyError) as failure:
        check_runs(mutants.increment_after_a_test, settings=settings(SEARCH, max_examples=200))
    text = str(failure.value)
    assert text.startswith("violated 'lookup: uses a freed object'\n\ntests/mutants.py::increment_after")
    assert "      reader" in text
    assert "replay: pytest --racecheck-save-traces traces; racecheck replay traces/increment" in text


def test_unknown_properties_are_refused():
    """With the names that there are."""
    with pytest.raises(UsageError, match="no property 'other'; name one of 'lookup: uses"):
        check_runs(mutants.increment_after_a_test, only="other")


def test_errors_of_the_model_are_its_own():
    """Not a broken property."""

    class Words(rc.Shared):
        slots = rc.Array(rc.Atomic(0), 2)

    def climb(words):
        i = 0
        while True:
            words.slots[i].inc()
            i += 1

    @rc.model
    def beyond():
        return rc.Model(rc.Process("climber", climb, Words()))

    with pytest.raises(rc.ModelError, match="index 2"):
        check_runs(beyond, settings=settings(SEARCH, max_examples=50))


def test_a_schedule_is_better_when_shorter_then_with_fewer_turns():
    """The one order of shrinking."""
    a, b = (0, 0, ()), (1, 0, ())
    schedules = [(b,), (a, b), (b, a), (a, a, b), (a, b, a)]
    assert sorted([*schedules[3:], *schedules[:3]], key=sort_key) == schedules


def test_a_schedule_is_followed_where_it_is_possible():
    """What is left of it is a run of the reference interpreter."""
    program = compiled(mutants.increment_after_a_test)
    reader, owner = (1, 0, ()), (0, 0, ())
    walk = follow(Course(program, program.asserts()), [reader, owner, owner, owner, reader, reader])
    assert walk.picks == [reader, owner, owner, reader]
    assert walk.verdict() == "lookup: uses a freed object"
    assert run_of(program, walk.picks).states[-1].shared == walk.shared
