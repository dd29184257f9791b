"""Arenas as pictures: a line of text for each move, so that a graph can be drawn by hand.

``state place -> target``, then ``goal`` if the move comes to the goal, ``head`` for each passage of the
head of the victim's loop (after ``goal`` it renews the attempt), and ``1/n`` if n outcomes of its choices
are as likely. Lines of one state and place are one stand; without an arrow nobody can move there. States
are numbered as the lines come.

A place is written as its role (v victim, k kernel, h hostile), perhaps a number to tell it from others,
and what it owes: nothing more for a step, + a choice, ? a wait_until, @ a lock, ~ a rest, . an end. Several
processes that stand there go before it: ``2h~``. Processes without a part in the picture are left out.
"""

import re

import numpy as np

from racecheck.explore.engine import Goal
from racecheck.model import HOSTILE, KERNEL, VICTIM
from racecheck.semantics import Duty
from racecheck.verdicts.arena import ROLES, TYPES, Arena, Tale

ROLE = {"v": VICTIM, "k": KERNEL, "h": HOSTILE}
DUTY = dict(zip(["", "+", "?", "@", "~", "."], Duty, strict=True))
STAND = re.compile(r"(?P<count>\d*)(?P<place>(?P<role>[vkh])\d*(?P<duty>[+?@~.]?))")


def drawn(picture, excused="", outside="", begun=True):
    """The arena of a picture; these states are excused, or outside; an attempt is under way at first."""
    lines = [line.split() for line in picture.splitlines() if line.strip()]
    names = list(dict.fromkeys([line[0] for line in lines] + [line[3] for line in lines if line[2:]]))
    stands = list(dict.fromkeys((line[0], line[1]) for line in lines))
    stands.sort(key=lambda stand: names.index(stand[0]))
    seen = [STAND.fullmatch(text) for _, text in stands]
    places = {match["place"]: match for match in seen}
    edges = sorted((stands.index((line[0], line[1])), *line[3:]) for line in lines if line[2:])
    told = [_tale(edge[2:]) for edge in edges]
    tales = list(dict.fromkeys(told))
    columns = {
        "excused": np.isin(names, excused.split()),
        "outside": np.isin(names, outside.split()),
        "first_stand": _firsts([names.index(state) for state, _ in stands], len(names)),
        "stand_place": [list(places).index(match["place"]) for match in seen],
        "processes": [int(match["count"] or 1) for match in seen],
        "first_edge": _firsts([edge[0] for edge in edges], len(stands)),
        "target": [names.index(edge[1]) for edge in edges],
        "told": [tales.index(tale) for tale in told],
        "duty": [DUTY[match["duty"]] for match in places.values()],
        "role": [ROLES.index(ROLE[match["role"]]) for match in places.values()],
    }
    columns = {name: np.array(column, TYPES[name]) for name, column in columns.items()}
    return Arena(**columns, tales=tales, event=Goal(0, "goal"), begun=begun, keys=names)


def shown(arena, states):
    """The names of the states in a set, with spaces between."""
    return " ".join(np.array(arena.keys)[states])


def _tale(words):
    ways = next((int(word[2:]) for word in words if word.startswith("1/")), 1)
    before = words[: words.index("goal")] if "goal" in words else words
    goal = "goal" in words
    return Tale(ways, before.count("head"), goal, goal and words[-1] == "head")


def _firsts(owners, count):
    """Where the things of each owner begin, and where those of the last end."""
    return np.searchsorted(owners, np.arange(count + 1))
