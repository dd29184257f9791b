"""What tells cases apart is said in the fewest parameters, and is true of all of them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racecheck.conditions import _cover, _within, separation


def grid(true, **domains):
    """Every combination of the values, and whether it is true: ``true`` gets those that it names."""
    names = true.__code__.co_varnames
    points = [dict(zip(domains, values, strict=True)) for values in product(*domains.values())]
    return [(point, bool(true(*(point[name] for name in names)))) for point in points]


def about(true, **domains):
    """The same for features of which one is the property: ``what``."""
    return [({"property": p.pop("what"), **p}, side) for p, side in grid(true, **domains)]


PAGE, MAPS, POLICY = ("anon", "file"), (1, 2, 3, 4), ("a", "b", "c", "d")

TEXTS = [
    (grid(lambda maps: maps > 1, maps=MAPS), "holds with maps 2 or more"),
    (grid(lambda maps: maps in {2, 3}, maps=MAPS), "holds with maps 2 to 3"),
    (grid(lambda maps: maps == 3, maps=MAPS), "holds with maps=3"),
    (grid(lambda maps: maps > 0, maps=(0, 3)), "holds with maps=3"),
    (grid(lambda maps: maps > 1000, maps=(1, 1024, 2048)), "fails with maps at most 1"),
    (grid(lambda policy: policy != "b", policy=POLICY), "fails with policy=b"),
    (grid(lambda policy: policy in {"b", "c"}, policy=POLICY), "holds with policy=b or c"),
    (grid(lambda private: private, private=(False, True)), "holds with private=true"),
    (
        grid(lambda page, maps: maps <= 1 + (page == "file"), page=PAGE, maps=MAPS),
        "holds with maps at most 1, or with page=file and maps at most 2",
    ),
    (
        grid(lambda policy, page: page == "anon" and policy in {"a", "d"}, policy=POLICY, page=PAGE),
        "holds with page=anon and policy=a or d",
    ),
    (
        grid(lambda policy, page: page == "anon" and policy != "c", policy=POLICY, page=PAGE),
        "holds with page=anon and any policy but c",
    ),
    (about(lambda what: what == "x", what="xy", page=PAGE), "holds for 'x'"),
    (grid(lambda asked: asked == "rung", asked=("rung", "stall"), page=PAGE), "holds for its rung"),
    (
        about(lambda what, page: what == "x" or page == "anon", what="xyz", page=PAGE),
        "fails for 'y' and 'z' with page=file",
    ),
]


@pytest.mark.parametrize(("cases", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_texts(cases, text):
    assert separation(cases) == text


def test_what_cannot_be_told_apart():
    assert separation([({"page": "anon"}, True), ({"page": "anon"}, False)]) == ""


VALUES = {"page": PAGE, "maps": MAPS, "policy": POLICY, "private": (False, True)}
POINTS = st.tuples(*map(st.sampled_from, VALUES.values())).map(lambda p: dict(zip(VALUES, p, strict=True)))
SIDES = st.lists(st.booleans(), min_size=20, max_size=20)


def split(points, sides):
    """The points as cases, a point that comes twice on its first side."""
    seen = {}
    for point, side in zip(points, sides, strict=False):
        seen.setdefault(tuple(point.values()), (point, side))
    return list(seen.values())


@given(st.lists(POINTS, min_size=2, max_size=20), SIDES)
def test_boxes_hold_one_side_and_nothing_of_the_other(points, sides):
    cases = split(points, sides)
    yes, no = ([point for point, side in cases if side is wanted] for wanted in (True, False))
    domains = {name: list(dict.fromkeys(point[name] for point, _ in cases)) for name in VALUES}
    boxes = _cover(yes, no, domains)

    assert all(any(_within(point, box) for box in boxes) for point in yes)
    assert not any(_within(point, box) for point in no for box in boxes)
    assert len(boxes) <= len(yes)


@given(st.lists(POINTS, min_size=2, max_size=20), st.sampled_from(list(VALUES)), st.data())
def test_what_one_parameter_decides_is_said_by_one(points, name, data):
    values = list(dict.fromkeys(point[name] for point in points))
    true = data.draw(st.sets(st.sampled_from(values), min_size=1))
    if len(true) == len(values):
        return
    text = separation([(point, point[name] in true) for point in points])
    assert sum(word in text for word in ("page", "maps", "policy", "private")) == 1


def test_cases_that_are_all_alike_need_no_telling():
    assert separation([({"page": "anon"}, True), ({"page": "file"}, True)]) == ""
