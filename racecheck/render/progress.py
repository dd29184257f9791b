"""What an attacker needs, in words."""

from __future__ import annotations

from racecheck.render.columns import count, filled
from racecheck.verdicts.answer import Progress

NEEDS = {
    "at rest": "once set up, the attacker begins nothing more, and the victim never succeeds",
    "by strategy": "the attacker must keep choosing, and blocks the victim whatever the scheduler does",
    "by racing": "the attacker must win a race on every attempt; a random scheduler ends that",
    "never": "no fair schedule keeps the victim from it, where it is not excused",
}
FAIR = (
    "assumes a fair scheduler: whoever can move from some time on at every moment moves; who waits at a "
    "Lock that is free again and again gets it; a wait_until may be missed; hostile processes may stay at "
    "a rest() for ever. Sequential consistency. The parameters above"
)


def rung_text(found: Progress) -> str:
    """The rung, as far as it is known."""
    if found.rung is None:
        return "not known"
    return f"at least {found.rung}" if found.at_least else found.rung


def render_progress(event: str, found: Progress, width: int) -> str:
    """What the attacker needs, the cheapest way in, attempts, chance, and what that assumes."""
    lines = [f"{rung_text(found)}: {NEEDS[found.rung]}" if found.rung else "no block was seen so far"]
    for name, cost in found.costs.items():
        least = "or less" if found.at_least else "at the least"
        way = f", with up to {cost.highest:,} on the way" if cost.highest > cost.least else ""
        steps = f"the block is {count(cost.length, 'step')} from the start{way}"
        lines.append(f"costs the attacker: {name} {cost.least:,} {least}; {steps}")
    if found.stall is not None:
        who = "1 hostile process" if found.stall == 1 else f"{found.stall} hostile processes"
        lines.append(f"stall: {who} stopped in flight can block for as long as that lasts")
    lines += [attempts_text(found), chance_text(found)]
    lines += [f"note: {note}" for note in found.notes]
    lines += [FAIR] if found.rung else []
    shown = [filled(f"  {line}", width) for line in filter(None, lines)]
    return "\n".join([f"progress of {event!r}:", *shown])


def attempts_text(found: Progress) -> str:
    """How many attempts the victim needs when the attacker rests."""
    if found.block_probability is None:
        return ""
    if found.attempts is None:
        return "attempts: without bound, even while the attacker rests"
    if found.rung == "at rest":
        return "attempts: one may never end, even while the attacker rests"
    return f"attempts: {found.attempts} at most, once the attacker rests"


def chance_text(found: Progress) -> str:
    """What the best attacker gets from a random scheduler."""
    if found.block_probability is None:
        return ""
    if found.expected_attempts is None:
        chance = f"{found.block_probability:.4g}"
        return f"chance: the best attacker comes to block it for good with probability {chance}"
    number = f"{found.expected_attempts:.4g}"
    attempts = f"{number} attempt{'s' * (number != '1')}"
    return f"chance: {attempts} expected from the worst quiet state, until it succeeds or is excused"
