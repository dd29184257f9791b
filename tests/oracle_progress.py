"""Progress decided by brute force: every rung, cost and chance, from the definitions alone.

Plain sets over concrete states, in which every process is its own: no symmetry, no search order, no
engine. Slow, and written to be read beside the definitions; whatever decides progress must agree with
it on random models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

import networkx as nx
from oracle_chance import Draw, Way, best
from oracle_moves import Edge, Machine, Point, Process, Spot, States, System, system_of

from racecheck import Model
from racecheck.compiler.compile import compile_model
from racecheck.semantics import initial, value_of


class Answer(NamedTuple):
    """All that is asked of a progress property; the definitions say what each word means."""

    rung: str
    stall: int | None
    cost: dict[str, int]
    attempts: int | None
    block_probability: Fraction
    expected_attempts: Fraction | None
    no_attacker: bool
    comes_and_goes: bool
    tried_while_excused: bool


def closed(system: System, states: States, allows: Callable[[bool, list[bool]], bool]) -> States:
    """The greatest set that no victim or kernel move leaves, or leads to the goal from.

    A hostile process that can move must be allowed to, given whether it rests and which moves stay.
    """

    machine, moves = system.machine, system.moves

    def keeps(state: Point, process: Process, spot: Spot) -> bool:
        stay = [edge.target in states and not edge.goal for edge in moves[state][process]]
        return allows(machine.rests(spot), stay) if machine.is_hostile(spot[0]) else all(stay)

    def is_kept(state: Point) -> bool:
        return all(keeps(state, *p) for p in machine.standing(state).items() if p[0] in moves[state])

    while bad := {state for state in states if not is_kept(state)}:
        states -= bad
    return states


def blocked_at_rest(system: System, states: States) -> States:
    """R: the attacker begins nothing more."""
    return closed(system, states, lambda rests, _: rests)


def blocked_by_strategy(system: System, states: States) -> States:
    """X: whoever is drawn, the attacker can see to it that the block goes on."""
    return closed(system, states, lambda rests, stay: rests or any(stay))


def blocked_by_racing(system: System, states: States) -> bool:
    """Whether some fair schedule keeps to these states without the goal."""
    return any(True for _ in fair_sets(system.machine, system.edges(states)))


def fair_sets(machine: Machine, edges: list[Edge]) -> Iterator[list[Edge]]:
    """The edges of each greatest strongly connected set in which every process gets its due."""
    parts = list(nx.strongly_connected_components(nx.DiGraph((e.source, e.target) for e in edges)))
    home = {point: i for i, part in enumerate(parts) for point in part}
    inner = defaultdict(list)
    for edge in edges:
        if home[edge.source] == home[edge.target]:
            inner[home[edge.source]].append(edge)
    for i, kept in inner.items():
        yield from served(machine, parts[i], kept)


def served(machine: Machine, points: set[Point], edges: list[Edge]) -> Iterator[list[Edge]]:
    """The edges, if every place that owes a move is stepped from; else what is left without a free lock."""
    spots = {spot for point in points for spot in machine.standing(point).values()}
    waiting = {spot for spot in spots - {edge.spot for edge in edges} if machine.owes(spot, points)}
    locks = {machine.lock(spot) for spot in waiting}
    if not waiting:
        yield edges
    elif None not in locks:
        taken = {point for point in points if all(point.shared[lock] for lock in locks)}
        yield from fair_sets(machine, [e for e in edges if e.source in taken and e.target in taken])


RUNGS = {"at rest": blocked_at_rest, "by strategy": blocked_by_strategy, "by racing": blocked_by_racing}


def worst_rung(system: System) -> str:
    """The first rung of the ladder on which a block exists."""
    return next((rung for rung, blocked in RUNGS.items() if blocked(system, system.unexcused)), "never")


def least_stall(system: System) -> int | None:
    """The fewest processes in flight whose freezing blocks the victim."""
    frozen = closed(system, system.unexcused, lambda _, __: True)
    return min((n for state in frozen if (n := system.machine.in_flight(state))), default=None)


def least_costs(system: System, rung: str) -> dict[str, int]:
    """The least cost, each by itself, of the states of a block on this rung."""
    if rung == "never":
        return {}
    claim = system.machine.claim
    names = [name for name, _ in claim.property.cost]
    return {name: least_cost(system, rung, at) for at, name in enumerate(names)}


def least_cost(system: System, rung: str, at: int) -> int:
    """The least value of one cost that leaves the rung standing."""
    graph = system.machine.claim.cost[at]
    cost = {state: value_of(system.machine.program, graph, state) for state in system.unexcused}
    return next(
        limit
        for limit in sorted(set(cost.values()))
        if RUNGS[rung](system, frozenset(s for s in cost if cost[s] <= limit))
    )


def most_attempts(watched: System) -> int | None:
    """One more than can fail from a quiet state while the attacker rests; None if there is no bound."""
    hostile, quiet = watched.machine.is_hostile, watched.quiet
    edges = [edge for state in quiet for edge in watched.ways(state) if not hostile(edge.process[0])]
    inner = [edge for edge in edges if edge.target in quiet and not edge.goal]
    parts = nx.strongly_connected_components(nx.DiGraph((e.source, e.target) for e in inner))
    home = {state: i for i, part in enumerate(parts) for state in part}
    if any(edge.failed and home[edge.source] == home[edge.target] for edge in inner):
        return None
    return 1 + max(longest(quiet, edges).values(), default=0)


def longest(states: States, edges: list[Edge]) -> dict[Point, int]:
    """The most attempts that fail on a way through the edges, which ends at the goal or elsewhere."""
    most = dict.fromkeys(states, 0)

    def failed(edge: Edge) -> int:
        return edge.failed + (0 if edge.goal else most.get(edge.target, 0))

    while longer := [edge for edge in edges if failed(edge) > most[edge.source]]:
        for edge in longer:
            most[edge.source] = max(most[edge.source], failed(edge))
    return most


def draws(system: System, state: Point, way_of: Callable[[Edge], Way]) -> list[Draw]:
    """The processes that can move or rest here, and where each can go."""
    machine, found = system.machine, []
    for process, spot in machine.standing(state).items():
        ways = [way_of(edge) for edge in system.moves[state].get(process, [])]
        stay = [Way(1, 0, state)] if machine.rests(spot) else []
        if ways + stay:
            found.append(Draw(machine.is_hostile(process[0]), ways + stay))
    return found


def until_goal(edge: Edge) -> Way:
    """The way of an edge in a game that ends at the goal, with a point for each failed attempt."""
    return Way(edge.weight, edge.failed, "goal" if edge.goal else edge.target)


def block_probability(system: System, winning: States) -> Fraction:
    """How likely the best attacker ever comes to where it has a strategy; goals and excuses go by."""
    flow = nx.DiGraph((e.source, e.target) for state in system.moves for e in system.ways(state))
    flow.add_edges_from((state, "won") for state in winning)
    hopeful = nx.ancestors(flow, "won") - winning if winning else set()
    game = {state: draws(system, state, lambda e: Way(e.weight, 0, e.target)) for state in hopeful}
    found = best(game, dict.fromkeys(winning, 1.0))
    return near(found.get(initial(system.machine.program), 0))


def expected_attempts(watched: System) -> Fraction:
    """The attempts that the best attacker can expect to spoil from a quiet state, and one more."""
    found = best({state: draws(watched, state, until_goal) for state in watched.unexcused}, {})
    return 1 + near(max((found[state] for state in watched.quiet), default=0))


def near(value: float) -> Fraction:
    """The simple fraction that the solver meant."""
    return Fraction(value).limit_denominator(10**6)


def comes_and_goes(watched: System) -> bool:
    """Whether again and again an attempt fails without any excuse during it, in a run that has excuses."""
    return any(
        any(edge.failed and not edge.source.pardoned for edge in edges)
        and any(edge.source in watched.excused for edge in edges)
        for edges in fair_sets(watched.machine, watched.edges(watched.alive))
    )


def decide(model: Model, event: str | None = None) -> Answer:
    """What an attacker needs to block the one progress property of a model, or the one of an event."""
    program = compile_model(model)
    (claim,) = (
        claim
        for claim in program.claims
        if claim.property.kind == "progress" and event in (None, claim.property.name)
    )
    system = system_of(program, claim)
    watched, alone, rung = system.watched(), system.without_attacker(), worst_rung(system)
    winning = blocked_by_strategy(system, system.unexcused)
    return Answer(
        rung=rung,
        stall=least_stall(system),
        cost=least_costs(system, rung),
        attempts=most_attempts(watched),
        block_probability=block_probability(system, winning),
        expected_attempts=None if winning else expected_attempts(watched),
        no_attacker=rung != "never" and bool(RUNGS[rung](alone, alone.unexcused)),
        comes_and_goes=comes_and_goes(watched),
        tried_while_excused=any(e.goal for state in system.excused for e in system.ways(state)),
    )
