"""What is known of a progress property: plain values, for reports."""

from __future__ import annotations

from attrs import field, frozen

from racecheck.verdicts.witness import Lasso

NO_ATTACKER = "no attacker needed"
COMES_AND_GOES = "the excuse comes and goes"
VICTIM_EXCUSES = "a step of the victim makes the excuse true"
AFTER_GOAL = "the victim has come to its goal before this block: if that was enough, excuse it with unless="
NO_GOAL = "the goal is never reached at all"
STALL_ADDS_NOTHING = "blocked at rest anyway: the stall adds nothing"
UNKNOWN = "attempts and chance are not known: not every run was seen"
PART = "blocks were looked for among the first {:,} states only"
RUNG_GAVE_UP = "the ladder was not climbed: the time is up"
COSTS_GAVE_UP = "what a block costs is not known: the time is up"
BESIDE_GAVE_UP = "stalls, and whether an attacker is needed, are not known: the time is up"
GAVE_UP = "attempts and chance are not known: the time is up"
NOT_ASKED = "stalls, attempts and chance are not known: only the rung and its costs were asked for"


@frozen
class Cheapest:
    """A cost's least value that a block needs, the moves to it, and the highest value on the way."""

    least: int
    length: int
    highest: int


@frozen
class Progress:
    """What is known of a progress property.

    ``rung`` is None where none was found in a search that did not end; ``at_least`` where a worse one may
    have been missed. Costs and the stall of such a search are those found: there may be lesser ones.
    ``attempts`` and ``expected_attempts`` are None if they have no bound, or if a note says that they are
    not known; so is ``block_probability``.
    """

    rung: str | None
    at_least: bool = False
    stall: int | None = None
    costs: dict[str, Cheapest] = field(factory=dict)
    way: int | None = None
    attempts: int | None = None
    block_probability: float | None = None
    expected_attempts: float | None = None
    notes: tuple[str, ...] = ()
    tried_while_excused: bool = False
    lasso: Lasso | None = None
