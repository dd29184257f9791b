"""What a search asks of an engine, and what all engines share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, Protocol

from racecheck.compiler.ir import Attempt, Enter, Event, Node, Step, Together
from racecheck.compiler.program import Claim, Graph, Program
from racecheck.interpreter import Place
from racecheck.model import VICTIM
from racecheck.semantics import State, failed_assert, holds

Key = Any
"""A state as an engine stores it: hashable, and equal exactly for equal states."""

Spot = tuple[int, Hashable]
"""An entry and a place of its processes, as an engine writes it."""


class Goal(NamedTuple):
    """The event that a progress property is about, and the entry of its victim."""

    entry: int
    event: str


class Turn(NamedTuple):
    """One outcome of a move: where it leads, and what it says of the goal.

    ``ways`` is the product of the numbers of options of its choices; ``heads`` counts the passages of the
    head of the victim's loop before it comes to the ``goal``, and it is ``renewed`` by one after that.
    """

    target: Key
    ways: int
    heads: int = 0
    goal: bool = False
    renewed: bool = False


class Stand(NamedTuple):
    """An occupied place in a state: how many processes stand there, and the moves from it."""

    spot: Spot
    processes: int
    turns: list[Turn]


class Overflow(Exception):
    """A value has left its field; the engine has made the field wider."""

    done = 0
    """How many states of the chunk were expanded before."""


class Engine(Protocol):
    """Successors of states, and what holds in them."""

    name: str
    program: Program
    symmetry: bool
    room: int
    """How many targets ``run`` may write."""

    @property
    def happened(self) -> int:
        """A bit for each node of ``coverage_nodes`` that a move has passed."""

    def initial(self) -> Key:
        """The initial state."""

    def expand(self, key: Key, out: list[Key], /) -> int:
        """Write the target of each move into ``out``, and return how many there are.

        Raises Overflow when keys must be translated first, ModelError for an error of the model.
        """

    def run(self, key: Key, out: list[Key], /) -> int:
        """As ``expand``, where ``out`` has room; negative where ``explain`` has something to raise."""

    def explain(self, key: Key, count: int) -> None:
        """Raise what a negative count of ``run`` stands for."""

    def check(self, key: Key, /) -> int:
        """A bit for each claim whose condition is true, then one if an assert has failed.

        If evaluating a condition is an error of the model, which ``examine`` then raises: the negative
        number that differs in every bit from ``normal_bits``.
        """

    def examine(self, key: Key) -> int:
        """A bit for each claim whose condition is true, then one for each assert that has failed."""

    def stands(self, key: Key, goal: Goal | None = None) -> list[Stand]:
        """Each place that is occupied; all of ``key``'s targets were reached before, so none overflows."""

    def spot(self, entry: int, place: Place) -> Spot:
        """A place of an entry's processes as ``stands`` gives it."""

    def place(self, spot: Spot) -> Place:
        """The place that ``spot`` gives this for."""

    def evaluator(self, condition: Graph) -> Callable[[Key], int]:
        """The value of a property's expression in a state, as a function; that raises ModelError."""

    def decode(self, key: Key) -> State:
        """The state; under symmetry the places of an entry are sorted."""

    def encode(self, state: State) -> Key:
        """The key of a state."""

    def translate(self) -> Any:
        """A function from keys before the last Overflow to keys after it."""

    def settle(self) -> None:
        """Called now and then: a chance to forget what is known by now."""


def goal_of(program: Program, claim: Claim) -> Goal:
    """The event of a progress property, and the entry of its victim."""
    for e, entry in enumerate(program.entries):
        events = [getattr(node, "name", None) for node in entry.graph.nodes]
        if entry.process.role is VICTIM and claim.property.name in events:
            return Goal(e, claim.property.name)
    raise AssertionError("the compiler has checked that there is a victim")


def can_wait(program: Program) -> bool:
    """Whether any process takes a Lock or waits for a condition."""
    return any(
        (isinstance(node, Enter) and node.waits) or (isinstance(node, Step) and node.operation.waits)
        for entry in program.entries
        for node in entry.graph.nodes
    )


def coverage_nodes(program: Program) -> list[tuple[int, int]]:
    """The entry and index of each node that reports list when it never happens."""
    return [
        (e, i)
        for e, entry in enumerate(program.entries)
        for i, node in enumerate(entry.graph.nodes)
        if is_covered(node)
    ]


def is_covered(node: Node) -> bool:
    """Whether the node is a step or an event."""
    return isinstance(node, (Step, Together, Enter, Event))


def told(nodes: Iterable[Node], goal: Goal | None, entry: int) -> tuple[int, bool, bool]:
    """What the nodes that a move passes say of the goal: see ``Turn``."""
    heads, met, renewed = 0, False, False
    if goal is None or goal.entry != entry:
        return heads, met, renewed
    for node in nodes:
        met = met or (isinstance(node, Event) and node.name == goal.event)
        if isinstance(node, Attempt):
            heads, renewed = heads + (not met), met
    return heads, met, renewed


def examine(program: Program, state: State) -> int:
    """What ``Engine.examine`` gives, by interpretation."""
    bits = 0
    for i, claim in enumerate(program.claims):
        if claim.condition is not None and holds(program, claim.condition, state):
            bits |= 1 << i
    failed = failed_assert(program, state)
    if failed:
        bits |= 1 << len(program.claims) + program.failures().index(failed)
    return bits


def canonical(state: State) -> State:
    """The state with the places of each entry sorted: identical processes are interchangeable."""
    return State(state.shared, tuple(tuple(sorted(places)) for places in state.places))


def normal_bits(program: Program) -> int:
    """What ``check`` gives for a state in which nothing is of note."""
    return sum(1 << i for i, claim in enumerate(program.claims) if claim.property.kind == "always")


def interesting_bits(program: Program) -> int:
    """The bits of ``check`` that a search looks at: those of conditions, and of a failed assert."""
    bits = sum(1 << i for i, claim in enumerate(program.claims) if claim.condition is not None)
    return bits | (1 << len(program.claims)) if program.failures() else bits
