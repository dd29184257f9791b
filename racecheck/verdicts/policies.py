"""Policy iteration: each policy of the attacker by one sparse linear system, until no move gains anything.

Costs some 300 bytes an edge: for games that are small, or settle slowly.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from attrs import define, field
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.linalg import bicgstab, splu
from threadpoolctl import threadpool_limits

from racecheck.semantics import Duty
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.game import Floats, Game
from racecheck.verdicts.walks import KEPT, Bools, Flow, GaveUp, Ints

GAIN = 1e-9
"""What a move must gain, relative to the value, to be taken instead: less is rounding."""
PRECISION = 1e-12
"""Of the iterative solution, relative to the right-hand side."""
RESIDUE = 1e-11
"""By how much an equation may be missed, at most: rewards and chances are of the order of 1."""
STAY = -1


@define(eq=False, slots=False)
class Moves:
    """The stands and edges of the open nodes of a game, numbered anew."""

    game: Game
    values: Floats = field(init=False)
    """Those of the last policy."""

    def __attrs_post_init__(self) -> None:
        self.values = self.game.settled.copy()

    @property
    def arena(self) -> Arena:
        """The game's."""
        return self.game.arena

    @cached_property
    def nodes(self) -> Ints:
        """The open nodes."""
        return np.flatnonzero(self.game.open)

    @cached_property
    def names(self) -> Ints:
        """The number of each node that is open."""
        return np.cumsum(self.game.open) - 1

    @cached_property
    def _stands(self) -> tuple[Ints, Ints]:
        return spans(self.arena.first_stand, self.nodes >> self.game.flow.shift)

    @cached_property
    def stand_node(self) -> Ints:
        """The number of the node that a stand is in."""
        return self._stands[0]

    @cached_property
    def place(self) -> Ints:
        """The place of a stand."""
        return self.arena.stand_place[self._stands[1]]

    @cached_property
    def _edges(self) -> tuple[Ints, Ints]:
        return spans(self.arena.first_edge, self._stands[1])

    @cached_property
    def edge_stand(self) -> Ints:
        """The stand that an edge starts from."""
        return self._edges[0]

    @cached_property
    def source(self) -> Ints:
        """The number of the node that an edge starts from."""
        return self.stand_node[self.edge_stand]

    @cached_property
    def told(self) -> Ints:
        """The tale of an edge."""
        return self.arena.told[self._edges[1]]

    @cached_property
    def target(self) -> Ints:
        """The node that an edge leads to."""
        return leads_to(self.game.flow, self.nodes[self.source], self._edges[1])

    @cached_property
    def stop(self) -> Bools:
        """Whether an edge ends the run."""
        return self.game.stop[self._edges[1]]

    @cached_property
    def reward(self) -> Ints:
        """The attempts that fail with an edge."""
        heads = self.game.heads[self.told]
        return np.maximum(heads - 1 + (self.nodes[self.source] & 1), 0) * (heads > 0)

    @cached_property
    def hostile_stand(self) -> Bools:
        """Whether the attacker moves from there."""
        return self.arena.is_hostile[self.place]

    @cached_property
    def resting(self) -> Bools:
        """Whether a process may stay there."""
        found: Bools = self.arena.duty[self.place] == Duty.REST
        return found

    @cached_property
    def movable(self) -> Bools:
        """Whether a process can move from a stand."""
        return np.bincount(self.edge_stand, minlength=len(self.place)) > 0

    @cached_property
    def draws(self) -> Floats:
        """The probability that a process at this stand is drawn."""
        drawn = self.arena.processes[self._stands[1]] * (self.movable | self.resting)
        total = np.bincount(self.stand_node, drawn, len(self.nodes))
        chances: Floats = drawn / np.maximum(total, 1)[self.stand_node]
        return chances

    @cached_property
    def shares(self) -> Floats:
        """The probability of an outcome among those possible, each choice being uniform."""
        share = np.array([1 / tale.ways for tale in self.arena.tales])[self.told]
        totals = np.bincount(self.edge_stand, share, len(self.place))
        shares: Floats = share / totals[self.edge_stand]
        return shares

    def idle(self) -> Ints:
        """The policy by which each hostile stand stays, or takes its first move where it must move."""
        first = np.searchsorted(self.edge_stand, np.arange(len(self.place)))
        flying = self.arena.is_flying[self.place] & self.movable
        return np.where(flying, first, STAY)

    def nearest(self, distances: Ints) -> Ints:
        """The policy by which each hostile stand takes the move that leads to the least distance."""
        moves = np.flatnonzero(self.hostile_stand[self.edge_stand])
        far = -distances[self.target[moves]].astype(np.int64)
        ordered = moves[np.lexsort((far, self.edge_stand[moves]))]
        policy = np.full(len(self.place), STAY)
        policy[self.edge_stand[ordered]] = ordered  # the last of each stand counts
        return policy

    def best(self, policy: Ints) -> Floats:
        """The values under the best policy; this one must come to an end with certainty, or to nothing."""
        while True:
            if self.arena.give_up():
                raise GaveUp
            values = self._values(policy)
            better = self._improved(policy, values)
            if (better == policy).all():
                return values
            policy = better

    def _values(self, policy: Ints) -> Floats:
        draws, size = self.draws, len(self.nodes)
        free = np.flatnonzero(~self.hostile_stand[self.edge_stand])
        edges = np.concatenate([free, policy[policy != STAY]])
        chance: Floats = draws[self.edge_stand[edges]]
        chance[: len(free)] *= self.shares[free]
        sources, targets = self.source[edges], self.target[edges]
        inner = self.game.open[targets] & ~self.stop[edges]
        ends = np.where(inner | self.stop[edges], 0.0, self.game.settled[targets])
        worth: Floats = chance * (self.reward[edges] + ends)
        constant = np.bincount(sources, worth, size).astype(np.float64)
        stays = np.flatnonzero(self.hostile_stand & (policy == STAY))
        here = self.stand_node[stays]
        chances = np.concatenate([chance[inner], draws[stays]])
        rows = np.concatenate([sources[inner], here])
        columns = np.concatenate([self.names[targets[inner]], here])
        moves = csr_array((chances, (rows, columns)), shape=(size, size))
        return self._solved(csr_array(eye_array(size) - moves), constant)

    def _solved(self, matrix: csr_array, right: Floats) -> Floats:
        """The fixed point: iteratively from the last values, or directly where that does not converge."""
        # These vectors are short: threads would wait for one another. It may overflow, and say that it has
        # converged.
        with threadpool_limits(1), np.errstate(all="ignore"):
            found, _ = bicgstab(matrix, right, self.values[self.nodes], rtol=PRECISION)
            solved = abs(matrix @ found - right).max(initial=0) <= RESIDUE
        if not solved:
            found = splu(csc_array(matrix)).solve(right)
        self.values = self.game.settled.copy()
        self.values[self.nodes] = found
        return self.values

    def _improved(self, policy: Ints, values: Floats) -> Ints:
        """The policy that takes, at each stand, a move that gains most, if one gains anything."""
        moves = np.flatnonzero(self.hostile_stand[self.edge_stand])
        worth = np.where(self.stop[moves], 0.0, values[self.target[moves]])
        here = values[self.nodes[self.stand_node]]
        now, chosen = here.copy(), policy != STAY
        now[chosen] = values[self.target[policy[chosen]]]
        stands = self.edge_stand[moves]
        most = np.full(len(now), -np.inf)
        np.maximum.at(most, stands, worth)
        staying = np.where(self.resting, here, -np.inf)
        margin = GAIN * (1 + abs(now))
        best = moves[worth >= most[stands]]
        better = policy.copy()
        gains = most > np.maximum(now, staying) + margin
        picked = best[gains[self.edge_stand[best]]]
        better[self.edge_stand[picked]] = picked
        better[(staying > np.maximum(now, most) + margin) & chosen] = STAY
        return better


def spans(first: Ints, owners: Ints) -> tuple[Ints, Ints]:
    """What begins at ``first`` of each owner and ends before that of the next: whose each is, and which."""
    counts = np.diff(first)[owners].astype(np.int64)
    before = np.cumsum(counts) - counts
    return (
        np.repeat(np.arange(len(owners)), counts),
        np.repeat(first[owners] - before, counts) + np.arange(counts.sum()),
    )


def leads_to(flow: Flow, nodes: Ints, edges: Ints) -> Ints:
    """The node that each edge leads to from its node."""
    targets = flow.target[edges].astype(np.int64)
    if not flow.shift:
        return targets
    after = flow.after[flow.told[edges]]
    bit = np.where(after == KEPT, nodes & 1, after)
    return 2 * targets + (bit | flow.marked[targets])
