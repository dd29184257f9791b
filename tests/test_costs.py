"""What a block costs, by hand; and what is known of it when the time is up."""

import pytest
from decided import decided, searched
from test_oracle_progress import CASES

import racecheck as rc
from racecheck.api import report_on
from racecheck.compiler.compile import compile_model
from racecheck.model import RUNGS
from racecheck.verdicts import filling
from racecheck.verdicts.progress import GAVE_UP, PART, UNKNOWN


class Page(rc.Shared):
    maps = rc.Atomic(0)
    ready = rc.Flag()


def scan(page, few):
    """Succeeds with few mappings."""
    while True:
        if page.maps.read() < few:
            rc.event("isolated")


def climb(page, top):
    """Go up to the top, one mapping at a time."""
    for _ in range(top):
        rc.rest()
        page.maps.inc()


def come_back(page, top):
    """Go up to the top and back to half of it, and tell of it."""
    climb(page, top)
    for _ in range(top // 2):
        rc.rest()
        page.maps.dec()
    page.ready.set()


def wait_for_it(page, few):
    """Succeeds until the climber is back; then as scan."""
    while True:
        if page.ready.test():
            scan(page, few)
        rc.event("isolated")


def climbing(victim=scan, hostile=climb, few=6, top=20):
    """The program of a victim that succeeds with few mappings only."""

    @rc.model
    def program():
        page = Page()
        return rc.Model(
            rc.Process("scanner", victim, page, few, role=rc.VICTIM),
            rc.Process("climber", hostile, page, top, role=rc.HOSTILE),
            rc.progress("isolated", cost={"maps": lambda: page.maps, "spare": lambda: top - page.maps}),
        )

    return compile_model(program())


def costs(found):
    """Least, length and highest, by name."""
    return {name: (cost.least, cost.length, cost.highest) for name, cost in found.costs.items()}


@pytest.mark.parametrize("few", [1, 6, 13, 20])
def test_the_cheapest_block_of_many(few):
    """It rests at any height from ``few`` on: the least is found by halving, the shortest way to it."""
    found = decided(searched(climbing(few=few)))
    # The other cost falls with the height: it is least at the top, and highest at the foot.
    assert costs(found) == {"maps": (few, few, few), "spare": (0, 20, 20)}
    assert (found.rung, found.way) == ("at rest", few)


def test_the_way_to_the_cheapest_block_may_be_dear():
    """It must have been at the top: 20 steps up, 10 back, and one that tells the victim of it."""
    found = decided(searched(climbing(wait_for_it, come_back)))
    assert costs(found) == {"maps": (10, 31, 20), "spare": (10, 31, 20)}


def stopped_after(states, few):
    """The answer when the time is up after so many states."""
    looks = iter(range(states // filling.LOOK))
    return decided(searched(climbing(few=few)), lambda: next(looks, None) is None)


def test_the_time_is_up_while_states_are_looked_at(monkeypatch):
    """Blocks are looked for among the first states, and a note says among how many."""
    monkeypatch.setattr(filling, "PATIENCE", 0)
    monkeypatch.setattr(filling, "LOOK", 8)
    seen = stopped_after(16, few=6)
    assert (seen.rung, seen.at_least, seen.costs["maps"].least) == ("at rest", False, 6)
    assert PART.format(16) in seen.notes
    assert UNKNOWN in seen.notes
    not_seen = stopped_after(16, few=18)
    assert (not_seen.rung, not_seen.at_least, not_seen.lasso) == (None, True, None)


def test_the_time_is_up_while_chances_are_solved():
    """The rung is known by then, and is not "at least"."""
    races, _ = CASES["races"]
    found = decided(searched(compile_model(races())), lambda: True)
    assert (found.rung, found.at_least, found.expected_attempts) == ("by racing", False, None)
    assert GAVE_UP in found.notes


@pytest.mark.parametrize("at_worst", RUNGS)
def test_at_worst(at_worst):
    """A rung that is allowed for holds, and is shown with its lasso all the same."""
    verdict = "holds" if at_worst == "at rest" else "violated"

    @rc.model
    def allowing():
        page = Page()
        return rc.Model(
            rc.Process("scanner", scan, page, 2, role=rc.VICTIM),
            rc.Process("climber", climb, page, 3, role=rc.HOSTILE),
            rc.progress("isolated", at_worst=at_worst),
        )

    (result,) = report_on(allowing, only="isolated").results
    assert (result.verdict, result.progress.rung, result.trace.verdict) == (verdict, "at rest", verdict)
