"""Breadth-first search over an engine's states."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from attrs import define, field

from racecheck.compiler.program import Program
from racecheck.explore.engine import Engine, Key, Overflow, interesting_bits, normal_bits
from racecheck.explore.limits import Limits

if TYPE_CHECKING:
    import networkx as nx

CHUNK = 2048
"""States between two looks at the limits, at most."""
MOMENT = 0.1
"""Seconds between two looks at the limits, about: so that Ctrl-C is heard however slow a step is."""
SETTLED = 500
"""States before which it does not pay to let the engine forget what is known."""

Watch = Callable[["Space"], None]


@define(eq=False)
class Space:
    """The states that a search has reached, breadth-first, each with the one it was first reached from."""

    engine: Engine
    parents: dict[Key, Key]
    found: dict[int, Key] = field(factory=dict)
    """For each bit of ``check`` that was not as usual: the first state where."""
    frontier: list[Key] = field(factory=list)
    """States that are reached but not expanded: empty when the search is complete."""
    pending: int = 0
    """The bits of ``check`` whose first unusual state is still to be found."""
    out: list[Key] = field(factory=list)
    chunk: int = 16
    transitions: int = 0
    depth: int = 0
    stopped: str | None = None
    seconds: float = 0.0
    remark: str = ""
    """Why it was not the fastest engine that searched, if it might have been."""

    @property
    def program(self) -> Program:
        """The program that was searched."""
        return self.engine.program

    @property
    def complete(self) -> bool:
        """Whether every reachable state was expanded."""
        return self.stopped is None

    @property
    def states(self) -> int:
        """How many states were reached."""
        return len(self.parents)

    def note(self, key: Key) -> None:
        """Keep the state if it is the first in which something is of note."""
        unusual = self.engine.examine(key) ^ normal_bits(self.program)
        for bit in range(unusual.bit_length()):
            if unusual >> bit & 1:
                self.found.setdefault(bit, key)
        claims = len(self.program.claims)
        self.pending &= ~sum(1 << bit for bit in self.found if bit < claims)
        if all(claims + i in self.found for i in range(len(self.program.failures()))):
            self.pending &= (1 << claims) - 1

    def path(self, key: Key) -> list[Key]:
        """The states from the initial one to this, by first discovery: a shortest path."""
        path = [key]
        while self.parents[path[-1]] != path[-1]:
            path.append(self.parents[path[-1]])
        return path[::-1]

    def to_networkx(self) -> nx.MultiDiGraph[int]:
        """The states and moves as ``racecheck.graph.to_networkx`` has them. Costs 1 to 2 KB a state."""
        from racecheck.graph import to_networkx

        return to_networkx(self)

    def _repr_svg_(self) -> str | None:
        from racecheck.notebook import space_svg

        return space_svg(self)

    def _repr_html_(self) -> str | None:
        from racecheck.notebook import space_html

        return space_html(self)


def explore(engine: Engine, limits: Limits, watch: Watch = lambda _: None) -> Space:
    """Reach every state from the initial one, or as many as the limits allow.

    ``watch`` is called now and then with the space so far. Costs one dict entry for each state.
    """
    start = engine.initial()
    pending = interesting_bits(engine.program)
    space = Space(engine, {start: start}, pending=pending, out=[start] * engine.room)
    space.note(start)
    level = [start]
    settled = SETTLED
    while level and not space.stopped:
        level = _expand_level(space, level, limits, watch)
        space.depth += bool(level)
        if space.states > 2 * settled:
            engine.settle()
            settled = space.states
    space.frontier = level
    space.seconds = limits.seconds()
    return space


def _expand_level(space: Space, level: list[Key], limits: Limits, watch: Watch) -> list[Key]:
    """Expand the states of one depth; the states of the next, or what is left when it must stop."""
    following: list[Key] = []
    most = limits.max_states or sys.maxsize
    done = 0
    while done < len(level):
        space.frontier = following
        watch(space)
        space.stopped = limits.reason(space.states)
        if space.stopped:
            return level[done:] + following
        try:
            start = time.monotonic()
            done += _expand_chunk(space, level[done : done + space.chunk], following, most)
            quick = time.monotonic() - start < MOMENT
            space.chunk = min(2 * space.chunk, CHUNK) if quick else max(1, space.chunk // 2)
        except Overflow as overflow:
            done += overflow.done
            level, following = _translate(space, level, following)
    return following


def _expand_chunk(space: Space, chunk: list[Key], following: list[Key], most: int) -> int:
    """Expand some states, and stop early when there are too many; how many were expanded."""
    parents, pending, out = space.parents, space.pending, space.out
    run, check = space.engine.run, space.engine.check
    normal = normal_bits(space.program)
    transitions = 0
    for done, key in enumerate(chunk):
        count = run(key, out)
        if count < 0:
            space.transitions += transitions
            _explain(space.engine, key, count, done)
        transitions += count
        for target in out[:count]:
            if target not in parents:
                parents[target] = key
                following.append(target)
                if pending and (check(target) ^ normal) & pending:
                    space.note(target)
                    pending = space.pending
        if len(parents) > most:
            break
    space.transitions += transitions
    return done + 1


def _explain(engine: Engine, key: Key, count: int, done: int) -> NoReturn:
    """Raise what stopped the chunk after some states were done."""
    try:
        engine.explain(key, count)
    except Overflow as overflow:
        overflow.done = done
        raise
    raise AssertionError("an engine must explain a negative count")


def _translate(space: Space, *lists: list[Key]) -> list[list[Key]]:
    """Write every key in the engine's new layout; the order is kept."""
    new = space.engine.translate()
    space.parents = _translated(space.parents, new)
    space.found = {bit: new(key) for bit, key in space.found.items()}
    return [[new(key) for key in keys] for keys in lists]


def _translated(parents: dict[Key, Key], new: Callable[[Key], Key]) -> dict[Key, Key]:
    """The parents with each key written anew, once: parents come in the order of the keys."""
    keys = [new(key) for key in parents]
    pairs = zip(parents, keys, strict=True)
    old = fresh = None
    result = {}
    for key, parent in zip(keys, parents.values(), strict=True):
        while old != parent:
            old, fresh = next(pairs)
        result[key] = fresh
    return result
