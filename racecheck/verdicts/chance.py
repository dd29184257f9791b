"""Chance: the attacker as the player of a Markov decision process, under a random scheduler.

At each moment one of the processes that can move, or rest, is drawn uniformly. A hostile one takes the
move that is best for the attacker, or stays at its rest; others draw each choice uniformly. Solved by
policy iteration: each policy by one sparse linear system, improved until no move gains anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from attrs import define, field
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.linalg import bicgstab, splu
from threadpoolctl import threadpool_limits

from racecheck.semantics import Duty
from racecheck.verdicts.arena import Arena, Bools, GaveUp, Ints
from racecheck.verdicts.attempts import failures, quiet

Floats = NDArray[np.float64]
GAIN = 1e-9
"""What a move must gain, relative to the value, to be taken instead: less is rounding."""
PRECISION = 1e-12
"""Of the iterative solution, relative to the right-hand side."""
RESIDUE = 1e-11
"""By how much an equation may be missed, at most: rewards and chances are of the order of 1."""
STAY = -1
FAR = np.iinfo(np.int64).max


def expected_attempts(arena: Arena, give_up: Callable[[], object]) -> float:
    """The expected number of attempts, the last one counted, from the worst quiet state in U.

    Only for an empty X, and of an arena ``in_attempts``: then every attacker loses, and the number is
    finite. The run ends at the goal or on leaving U.
    """
    reward = failures(arena).astype(np.float64)
    game = _Game(arena, arena.inside, np.zeros(arena.states), arena.goal, reward)
    values = game.best(game.idle(), give_up)
    return 1 + float(values[quiet(arena)].max(initial=0))


def block_probability(arena: Arena, block: Bools, give_up: Callable[[], object]) -> float:
    """The highest probability, over attackers, of ever coming to the block from the initial state."""
    sure = _surely(arena, block)
    if sure[0]:
        return 1.0
    distances = _distances(arena, sure, np.ones(arena.states, bool))
    if distances[0] == FAR:
        return 0.0
    never = np.zeros(len(arena.target), bool)
    game = _Game(arena, (distances < FAR) & ~sure, sure.astype(np.float64), never, never.astype(np.float64))
    return float(game.best(_nearest(arena, distances), give_up)[0])


@define(eq=False, slots=False)
class _Game:
    """A move is worth its reward, and the value of where it leads unless the run stops with it."""

    arena: Arena
    open: Bools
    """The states whose value is asked for."""
    settled: Floats
    """The value of every other state."""
    stop: Bools
    reward: Floats
    values: Floats = field(init=False)
    """Those of the last policy."""

    def __attrs_post_init__(self) -> None:
        self.values = self.settled.copy()

    def idle(self) -> Ints:
        """The policy by which each hostile stand stays, or takes its first move where it must move."""
        arena = self.arena
        first = arena.first_edge[:-1]
        flying = arena.flying & arena.movable & self.open[arena.stand_state]
        return np.where(flying, first, STAY)

    def best(self, policy: Ints, give_up: Callable[[], object]) -> Floats:
        """The values under the best policy; this one must come to an end with certainty, or to nothing."""
        while True:
            if give_up():
                raise GaveUp
            values = self._values(policy)
            better = self._improved(policy, values)
            if (better == policy).all():
                return values
            policy = better

    def _values(self, policy: Ints) -> Floats:
        arena, draws = self.arena, self._draws
        live = self.open[arena.stand_state]
        chosen = policy[(policy != STAY) & live]
        free = np.flatnonzero(~arena.hostile & self.open[arena.source])
        edges = np.concatenate([free, chosen])
        chance: Floats = draws[arena.edge_stand[edges]]
        chance[: len(free)] *= self._shares[free]
        sources, targets = arena.source[edges], arena.target[edges]
        inner = self.open[targets] & ~self.stop[edges]
        ends = np.where(inner | self.stop[edges], 0.0, self.settled[targets])
        worth: Floats = chance * (self.reward[edges] + ends)
        constant = np.bincount(sources, worth, arena.states).astype(np.float64)
        stays = np.flatnonzero(live & arena.hostile_stand & (policy == STAY))
        here = arena.stand_state[stays]
        chances: Floats = np.concatenate([chance[inner], draws[stays]])
        rows, columns = np.concatenate([sources[inner], here]), np.concatenate([targets[inner], here])
        return self._solved(rows, columns, chances, constant)

    @cached_property
    def _draws(self) -> Floats:
        """The probability that a process at this stand is drawn."""
        arena = self.arena
        drawn = arena.processes * (arena.movable | (arena.duty[arena.stand_place] == Duty.REST))
        total = np.bincount(arena.stand_state, drawn, arena.states)
        chances: Floats = drawn / np.maximum(total, 1)[arena.stand_state]
        return chances

    @cached_property
    def _shares(self) -> Floats:
        """The probability of an outcome among those possible, each choice being uniform."""
        share = 1 / self.arena.ways
        totals = np.bincount(self.arena.edge_stand, share, len(self.arena.stand_state))
        shares: Floats = share / totals[self.arena.edge_stand]
        return shares

    def _solved(self, rows: Ints, columns: Ints, chances: Floats, constant: Floats) -> Floats:
        """The fixed point: iteratively from the last values, or directly where that does not converge."""
        names, size = np.cumsum(self.open) - 1, int(self.open.sum())
        moves = csr_array((chances, (names[rows], names[columns])), shape=(size, size))
        matrix, right = csr_array(eye_array(size) - moves), constant[self.open]
        # These vectors are short: threads would wait for one another. It may overflow, and say that it has
        # converged.
        with threadpool_limits(1), np.errstate(all="ignore"):
            found, _ = bicgstab(matrix, right, self.values[self.open], rtol=PRECISION)
            solved = abs(matrix @ found - right).max(initial=0) <= RESIDUE
        if not solved:
            found = splu(csc_array(matrix)).solve(right)
        self.values = self.settled.copy()
        self.values[self.open] = found
        return self.values

    def _improved(self, policy: Ints, values: Floats) -> Ints:
        """The policy that takes, at each stand, a move that gains most, if one gains anything."""
        arena = self.arena
        moves = np.flatnonzero(arena.hostile & self.open[arena.source])
        worth = np.where(self.stop[moves], 0.0, values[arena.target[moves]])
        now = values[arena.stand_state]
        chosen = policy != STAY
        now[chosen] = values[arena.target[policy[chosen]]]
        most = np.full(len(now), -np.inf)
        np.maximum.at(most, arena.edge_stand[moves], worth)
        resting = arena.duty[arena.stand_place] == Duty.REST
        staying = np.where(resting, values[arena.stand_state], -np.inf)
        margin = GAIN * (1 + abs(now))
        stands = arena.edge_stand[moves]
        best = moves[worth >= most[stands]]
        better = policy.copy()
        gains = most > np.maximum(now, staying) + margin
        picked = best[gains[arena.edge_stand[best]]]
        better[arena.edge_stand[picked]] = picked
        better[(staying > np.maximum(now, most) + margin) & chosen] = STAY
        return better


def _surely(arena: Arena, block: Bools) -> Bools:
    """The states from which some attacker comes to the block with probability 1."""
    sure = np.ones(arena.states, bool)
    while True:
        found = _grown(arena, block, sure)
        if (found == sure).all():
            return sure
        sure = found


def _grown(arena: Arena, block: Bools, within: Bools) -> Bools:
    """The states from which the attacker can stay within the set, and may come to the block."""
    forced = ~arena.hostile & ~within[arena.target]
    leaving = np.zeros(arena.states, bool)
    leaving[arena.source[forced]] = True
    staying = np.bincount(arena.edge_stand[within[arena.target]], minlength=len(arena.movable))
    leaving[arena.stand_state[arena.flying & arena.movable & (staying == 0)]] = True
    return _distances(arena, block, within & ~leaving) < FAR


def _distances(arena: Arena, block: Bools, through: Bools) -> Ints:
    """The least number of moves to the block, by way of the states given; FAR if there is no way."""
    found, new = np.where(block, 0, FAR), np.flatnonzero(block)
    distance = 0
    while new.size:
        distance += 1
        sources = np.unique(arena.source[arena.edges_into(new)])
        new = sources[through[sources] & (found[sources] == FAR)]
        found[new] = distance
    return found


def _nearest(arena: Arena, distances: Ints) -> Ints:
    """The policy by which each hostile stand takes the move that leads nearest to the block."""
    moves = np.flatnonzero(arena.hostile)
    ordered = moves[np.lexsort((-distances[arena.target[moves]], arena.edge_stand[moves]))]
    policy = np.full(len(arena.stand_state), STAY)
    policy[arena.edge_stand[ordered]] = ordered  # the last of each stand counts
    return policy
