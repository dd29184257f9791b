"""Where a victim's attempts begin, as the compiler sees it."""

import pytest

import racecheck as rc
from racecheck.api import report_on
from racecheck.compiler.compile import compile_model
from racecheck.compiler.ir import Attempt
from racecheck.verdicts.answer import AFTER_GOAL, NO_ATTACKER


class Page(rc.Shared):
    """Two words and a lock."""

    x = rc.Atomic(0)
    y = rc.Atomic(0)
    lock = rc.Lock()


def asserting(page):
    """The loop can be left by a failed assert only."""
    while True:
        if page.x.read() == 0:
            rc.event("goal")
        assert page.y < 5, "y stays small"


def locking(page):
    """An unlock is an assert, too."""
    while True:
        page.lock.lock()
        if page.x.read() == 0:
            rc.event("goal")
        page.lock.unlock()


def preparing(page):
    """The first loop ends; the second one has a loop in it."""
    while page.y.read() > 0:
        page.y.dec()
    while True:
        while page.x.read() > 0:
            page.x.dec_if_positive()
        rc.event("goal")


def twice(page):
    """Two goals of one victim."""
    while True:
        rc.event("goal") if page.x.read() else rc.event("other")


def setter(page):
    """It sets x once, and for ever."""
    rc.rest()
    page.x.set(1)


def model_of(victim, *claims):
    """A victim and a setter."""

    @rc.model
    def made():
        page = Page()
        return rc.Model(
            rc.Process("victim", victim, page, role=rc.VICTIM),
            rc.Process("setter", setter, page, role=rc.HOSTILE),
            *(claims or [rc.progress("goal")]),
        )

    return made


@pytest.mark.parametrize("victim", [asserting, locking, preparing, twice], ids=lambda v: v.__name__)
def test_each_victim_has_one_head(victim):
    """Asserts, unlocks, loops before and loops inside do not hide it."""
    graph = compile_model(model_of(victim)()).entries[0].graph
    heads = [node.site.text for node in graph.nodes if isinstance(node, Attempt)]
    assert heads == ["while True"]


def test_two_goals_of_one_victim():
    """Each progress property is decided by itself: without the setter x stays 0, with it it stays 1."""
    claims = rc.progress("goal"), rc.progress("other", at_worst="at rest")
    results = report_on(model_of(twice, *claims)).results
    found = {r.property: (r.progress.rung, NO_ATTACKER in r.progress.notes) for r in results if r.progress}
    assert found == {"goal": ("at rest", True), "other": ("at rest", False)}


@pytest.mark.parametrize("victim", [asserting, locking], ids=lambda v: v.__name__)
def test_attempts_fail_for_ever_once_x_is_set(victim):
    """Without bound: an assert in the loop does not end the count."""
    (progress,) = (r.progress for r in report_on(model_of(victim)).results if r.progress)
    assert (progress.rung, progress.attempts) == ("at rest", None)


def freer(page):
    """The goal is in reach only once."""
    while True:
        if page.y.xchg(1) == 0:
            rc.event("goal")


def test_a_goal_that_is_reached_once_is_pointed_out():
    """After it the victim is blocked for ever, by nobody: the report says how to excuse that."""
    (found,) = (r.progress for r in report_on(model_of(freer)).results if r.progress)
    assert found.rung == "at rest"
    assert {NO_ATTACKER, AFTER_GOAL} <= set(found.notes)
