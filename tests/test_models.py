"""The models' verdicts, against what was worked out by hand from the step orders.

A mapper moves refcount - mapcount by one at most, and by one only if all of its map (or unmap) falls
between the reader's two loads. So a snapshot shows refcount below mapcount only if one mapper more than
there are other references (the reader's, the page cache's) fits in there; and nobody fits where a lock
that the mapper needs is held by the reader.
"""

from itertools import product
from pathlib import Path

import pytest

from racecheck.api import report_on
from racecheck.load import load_model

MODELS = Path(__file__).parents[1] / "models"
BELOW = "no snapshot shows refcount below mapcount"
HIDES = "no snapshot hides a held reference"
SHOWS = "no snapshot shows a reference that nobody holds"


def verdicts(name, **parameters):
    """Verdict by property, of a model in ``models/``."""
    values = [f"{key}={value}" for key, value in parameters.items()]
    report = report_on(load_model(str(MODELS / f"{name}.py"), values))
    return {result.property: result.verdict for result in report.results}


def expected(read_order, locked, page, paths, maps):
    """The three verdicts by hand."""
    references = 1 if page == "anon" else 2
    excluded = read_order == "refcount_first" and locked == "true" and page == "file" and paths == "faults"
    torn = read_order != "together" and not excluded
    return {BELOW: torn and maps > references, HIDES: torn and maps > 0, SHOWS: maps > 0}


@pytest.mark.parametrize("page", ["anon", "file"])
@pytest.mark.parametrize("read_order", ["mapcount_first", "refcount_first", "together"])
def test_snapshots(read_order, page):
    """Each lock, kernel, kind of mapping and number of mappers up to the one that breaks it."""
    for locked, kernel, paths, maps in product(
        ("false", "true"), ("6.1", "6.6"), ("all", "faults"), range(3 if page == "anon" else 4)
    ):
        found = verdicts(
            "snapshot",
            read_order=read_order, locked=locked, page=page, kernel=kernel, maps=maps, paths=paths,
        )  # fmt: skip
        for name, broken in expected(read_order, locked, page, paths, maps).items():
            assert (found[name] == "violated") == broken, (locked, kernel, paths, maps, name)


@pytest.mark.parametrize("cycles", [0, 2])
def test_repeating_does_not_replace_a_mapper(cycles):
    """One mapper that maps again and again never counts twice."""
    assert verdicts("snapshot", maps=1, cycles=cycles)[BELOW] == "holds"
    assert verdicts("snapshot", maps=2, cycles=cycles)[BELOW] == "violated"


@pytest.mark.parametrize("page", ["file", "anon"])
def test_refcount_rises_first_and_falls_last_in_6_1(page):
    """Then it covers the mappings, and every other reference as well, at every instant."""
    assert set(verdicts("folio", page=page).values()) == {"holds"}


def test_fault_around_maps_first_since_6_6():
    """The page cache's references cover the mappings, but not the references beside them."""
    found = verdicts("folio", kernel="6.6", size="large")
    assert found["refcount covers mapcount"] == "holds"
    assert found["refcount covers mappings and held references"] == "violated"


def test_gup_fast_pins_in_two_steps():
    """Between them the test says unpinned, and nobody who looks again is hurt."""
    found = verdicts("folio", page="anon")
    assert found["the pin test misses a pin in its two steps"] == "holds"
    assert found["no pin is returned on a folio taken away"] == "holds"


@pytest.mark.parametrize(
    ("swapped", "verdict"), [("none", "holds"), ("pin", "violated"), ("unpin", "violated")]
)
def test_pincount_stays_below_refcount_by_the_order_of_steps(swapped, verdict):
    """With either operation's steps swapped it does not."""
    found = verdicts("folio", size="large", page="anon", pinners=2, swapped=swapped)
    assert found["pincount never exceeds refcount"] == verdict
