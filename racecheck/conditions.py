"""What tells some cases from the others, in as few parameters and words as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, permutations
from typing import TypeVar

T = TypeVar("T")
Features = Mapping[str, object]
Box = dict[str, frozenset[object]]
"""For each parameter the values that it may have."""

PROPERTY, ASKED = "property", "asked"
"""Names of features that are no parameters: the property, and what is predicted of it."""


def separation(cases: Sequence[tuple[Features, bool]]) -> str:
    """The cases that are true, or those that are not, by the fewest parameters; "" if none tell them apart.

    Costs a few milliseconds for a hundred cases; parameters that do not vary cost nothing.
    """
    if len({is_true for _, is_true in cases}) < 2:
        return ""
    everyone = [features for features, _ in cases]
    names = [name for name in dict.fromkeys(n for f in everyone for n in f)
             if len({shown(f.get(name)) for f in everyone}) > 1]  # fmt: skip
    names.sort(key=lambda name: name in (PROPERTY, ASKED))
    for size in range(1, len(names) + 1):
        told = [_told(cases, chosen) for chosen in combinations(names, size)]
        if found := [text for text in told if text]:
            return min(found, key=len)
    return ""


def _told(cases: Sequence[tuple[Features, bool]], names: Sequence[str]) -> str:
    """The shorter of both ways to say it in these parameters, or ""."""
    points = [({name: features.get(name) for name in names}, is_true) for features, is_true in cases]
    yes, no = (_distinct(point for point, side in points if side is wanted) for wanted in (True, False))
    if any(point in no for point in yes):
        return ""
    domains = {name: _distinct(point[name] for point, _ in points) for name in names}
    holds, fails = _cover(yes, no, domains), _cover(no, yes, domains)
    texts = [
        f"{verb} {_boxes_text(boxes, domains)}" for verb, boxes in (("holds", holds), ("fails", fails))
    ]
    return texts[0] if _weight(holds, domains) <= _weight(fails, domains) else texts[1]


def _weight(boxes: Sequence[Box], domains: Mapping[str, list[object]]) -> tuple[int, int]:
    return len(boxes), len(_boxes_text(boxes, domains))


def _cover(
    inside: Sequence[Features], outside: Sequence[Features], domains: Mapping[str, list[object]]
) -> list[Box]:
    """A few boxes that hold all of one side and nothing of the other."""
    orders = list(permutations(domains)) if len(domains) < 5 else [tuple(domains)]
    grown = [_grown(point, outside, domains, order) for point in inside for order in orders]
    boxes: list[Box] = []
    left = list(inside)
    while left:
        box = max(grown, key=lambda box: (sum(_within(p, box) for p in left), -len(_text(box, domains))))
        boxes.append(box)
        left = [point for point in left if not _within(point, box)]
    return [_shrunk(box, boxes[:at], inside, domains) for at, box in enumerate(boxes)]


def _shrunk(
    box: Box, earlier: Sequence[Box], inside: Sequence[Features], domains: Mapping[str, list[object]]
) -> Box:
    """The box without the values that earlier boxes take care of; ranges stay as they are."""
    own = [p for p in inside if _within(p, box) and not any(_within(p, other) for other in earlier)]
    return {
        name: values
        if len(values) == len(domains[name]) or _is_range(domains[name])
        else frozenset(point[name] for point in own)
        for name, values in box.items()
    }


def _grown(
    point: Features, outside: Sequence[Features], domains: Mapping[str, list[object]], order: Iterable[str]
) -> Box:
    """The box around a point, widened in this order of parameters as far as nothing else gets in."""
    box = {name: frozenset([value]) for name, value in point.items()}
    for name in order:
        for values in _directions(domains[name], point[name]):
            for value in values:
                wider = box | {name: box[name] | {value}}
                if not any(_within(other, wider) for other in outside):
                    box = wider
                elif _is_range(domains[name]):
                    break
    return box


def _directions(domain: Sequence[object], value: object) -> list[list[object]]:
    """The other values, for ints upwards and downwards from this one: they make a range."""
    if not _is_range(domain):
        return [list(domain)]
    numbers = sorted(n for n in domain if isinstance(n, int))
    at = numbers.index(value)  # type: ignore[arg-type]
    return [list(numbers[at + 1 :]), list(numbers[:at][::-1])]


def _within(point: Features, box: Box) -> bool:
    return all(point[name] in values for name, values in box.items())


def _boxes_text(boxes: Sequence[Box], domains: Mapping[str, list[object]]) -> str:
    return ", or ".join(_text(box, domains) for box in boxes)


def _text(box: Box, domains: Mapping[str, list[object]]) -> str:
    limited = {name: values for name, values in box.items() if len(values) < len(domains[name])}
    given = [_values_text(name, values, domains[name]) for name, values in limited.items()]
    about = [text for name, text in zip(limited, given, strict=True) if name in (PROPERTY, ASKED)]
    ranges = [text for name, text in zip(limited, given, strict=True) if name not in (PROPERTY, ASKED)]
    ranges.sort(
        key=lambda text: " or " in text or text.startswith("any ")
    )  # "and" after "or" reads wrongly
    return " ".join([*about, *(["with " + _listed(ranges, "and")] if ranges else [])])


def _values_text(name: str, values: frozenset[object], domain: Sequence[object]) -> str:
    chosen = [value for value in domain if value in values]
    others = [value for value in domain if value not in values]
    if name == ASKED:
        return "for its " + _listed(chosen, "and")
    if name == PROPERTY:
        return "for " + _listed([f"'{value}'" for value in chosen], "and")
    if _is_range(domain):
        return f"{name}{_range_text(chosen, domain)}"
    if len(others) == 1 and len(chosen) > 2:
        return f"any {name} but {shown(others[0])}"
    return f"{name}={_listed(chosen, 'or')}"


def _range_text(values: Sequence[object], domain: Sequence[object]) -> str:
    numbers, all_numbers = (sorted(n for n in ns if isinstance(n, int)) for ns in (values, domain))
    low, high = numbers[0], numbers[-1]
    if low == high and len(all_numbers) == 2:
        return f"={low:,}"
    if low == all_numbers[0]:
        return f" at most {high:,}"
    if high == all_numbers[-1]:
        return f" {low:,} or more"
    return f"={low:,}" if low == high else f" {low:,} to {high:,}"


def _listed(values: Sequence[object], word: str) -> str:
    *first, last = [shown(value) for value in values]
    return f"{', '.join(first)} {word} {last}" if first else last


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_range(domain: Sequence[object]) -> bool:
    return all(map(_is_int, domain))


def _distinct(values: Iterable[T]) -> list[T]:
    found: list[T] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def shown(value: object) -> str:
    """As on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
