"""What an attacker can win at most when processes are drawn at random: policy iteration on a game."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

import networkx as nx
import numpy as np
from scipy.sparse import csr_array, identity
from scipy.sparse.linalg import spsolve

Game = Mapping[Hashable, list["Draw"]]
Values = dict[Hashable, float]


class Way(NamedTuple):
    """Where a drawn process goes: how likely, if nobody chooses, and what the attacker gets for it."""

    weight: float
    reward: float
    target: Hashable


class Draw(NamedTuple):
    """A process that can be drawn, each as likely as the others; the attacker picks a hostile one's way."""

    hostile: bool
    ways: list[Way]


def best(game: Game, final: Values) -> Values:
    """The most that the attacker can get from each position; elsewhere it ends, worth ``final`` or nothing.

    The first policy makes for the end, so that every policy after it comes to an end as well: one that
    went round for ever would have to be better on the way, and going round is worth the same everywhere.
    """
    far = distances(game)
    picks = {
        (at, i): min(draw.ways, key=lambda way: far.get(way.target, 0))
        for at, draws in game.items()
        for i, draw in enumerate(draws)
        if draw.hostile
    }
    while True:
        values = final | worth_of(game, picks, final)
        better = improvements(game, picks, values)
        if not better:
            return values
        picks |= better


def distances(game: Game) -> dict[Hashable, int]:
    """How many moves each position is from the end of the game, at least."""
    back = nx.DiGraph()
    for at, draws in game.items():
        targets = {way.target for draw in draws for way in draw.ways}
        back.add_edges_from((target if target in game else "end", at) for target in targets)
    return dict(nx.single_source_shortest_path_length(back, "end")) if "end" in back else {}


def worth_of(game: Game, picks: Mapping[tuple[Hashable, int], Way], final: Values) -> Values:
    """What one policy of the attacker is worth from each position: a linear system."""
    number = {at: i for i, at in enumerate(game)}
    entries: list[tuple[float, int, int]] = []
    gains = np.zeros(len(number))
    for at, draws in game.items():
        for i, draw in enumerate(draws):
            for way in [picks[at, i]._replace(weight=1)] if draw.hostile else draw.ways:
                share = way.weight / len(draws)
                gains[number[at]] += share * (
                    way.reward + final.get(way.target, 0) * (way.target not in game)
                )
                if way.target in game:
                    entries.append((share, number[at], number[way.target]))
    if not entries:
        return dict(zip(game, gains.tolist(), strict=True))
    shares, rows, columns = zip(*entries, strict=True)
    moves = csr_array((shares, (rows, columns)), shape=(len(number), len(number)))
    return dict(zip(game, spsolve((identity(len(number)) - moves).tocsr(), gains).tolist(), strict=True))


def improvements(
    game: Game, picks: Mapping[tuple[Hashable, int], Way], values: Values
) -> dict[tuple[Hashable, int], Way]:
    """The picks of a policy that another would be better than, for what is worth so much from there."""

    def worth(way: Way) -> float:
        return way.reward + values.get(way.target, 0)

    better = {(at, i): max(game[at][i].ways, key=worth) for at, i in picks}
    return {
        key: way
        for key, way in better.items()
        if worth(way) > worth(picks[key]) + 1e-10 * (1 + abs(worth(way)))
    }
