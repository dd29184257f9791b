"""The ladder of progress on graphs drawn by hand, which say what each rung needs."""

from itertools import product

import numpy as np
import pytest
from arenas import drawn, shown

from racecheck.model import RUNGS
from racecheck.verdicts.attempts import excuse_comes_and_goes
from racecheck.verdicts.ladder import SETS, worst_rung
from racecheck.verdicts.parts import fair_parts
from racecheck.verdicts.progress import needs_no_attacker, stall

# A and B: the victim succeeds in A, and not in B.
RESTS = """
    A v   -> A goal
    A h1~ -> B
    B v   -> B head
    B h2~ -> A
"""
SPINS = """
    A v  -> A goal
    A h~ -> B
    B v  -> B head
    B h  -> B
    B h  -> A
"""
TOGGLES = """
    A v  -> A goal
    A h~ -> B
    B v  -> B head
    B h  -> A
"""
HARMLESS = """
    A v  -> A goal
    A h~ -> B
    B v  -> B goal
    B h  -> A
"""
LADDER = {"at rest": RESTS, "by strategy": SPINS, "by racing": TOGGLES, "never": HARMLESS}


def rung(arena):
    """The worst rung, and the states of its block."""
    found, block = worst_rung(arena, arena.inside)
    return found, shown(arena, block)


@pytest.mark.parametrize("name", LADDER)
def test_each_rung(name):
    """It rests on B; it can stay in B, or must come back to A, where the victim is served; no B."""
    block = {"at rest": "B", "by strategy": "B", "by racing": "A B", "never": ""}
    assert rung(drawn(LADDER[name])) == (name, block[name])


@pytest.mark.parametrize("pair", list(product(LADDER, LADDER)), ids=" and ".join)
def test_the_worst_wins(pair):
    """Two graphs side by side, in either order, are as bad as the worse of them."""
    first, second = (LADDER[name] for name in pair)
    both = drawn(first + second.replace("A", "C").replace("B", "D"))
    assert rung(both)[0] == max(pair, key=RUNGS.index)


# What is beside the pictures above: the picture, its rung and its block.
PICTURES = {
    # It waits in flight for a lock that nobody gives back: that is as good as resting.
    "waits in flight": ("A v -> A goal\n A h~ -> B\n B v -> B\n B h@", "at rest", "B"),
    # It spins for that lock, and never gets it: then it moves, so that it is not at rest.
    "spins in flight": ("A v -> A goal\n A h~ -> B\n B v -> B\n B h -> B", "by strategy", "B"),
    # Nobody can move in B, where the attacker is in flight; no cycle is needed.
    "deadlock": ("A v -> A goal\n A h~ -> B\n B v@\n B h@", "at rest", "B"),
    # With nobody but processes that rest and have returned it is no different.
    "deadlock of the victim": ("A v -> B\n B v@\n B h~ -> B\n B h.", "at rest", "A B"),
    # The victim is served in B only, where the attacker need not go.
    "needs help": ("A v -> A\n A h~ -> B\n B v -> B goal\n B h -> A", "at rest", "A"),
    # Kernel code leads out of B whenever it likes, so that no attacker can count on staying.
    "kernel helps": (RESTS + "B k -> A\n A k -> A", "by racing", "A B"),
    # ... and it leaves for good: there is no way back to B.
    "kernel helps once": ("B v -> B\n B h~ -> B\n B k -> A\n A v -> A goal\n A h~ -> A", "never", ""),
    # The victim may choose the move that fails, again and again; only a race makes it.
    "victim chooses": ("A v -> A 1/2\n A v -> A goal 1/2\n A h~ -> A", "by racing", "A"),
    # A strategy needs one move that stays, of each process in flight.
    "one of two leaves": ("A v -> A\n A h1 -> A\n A h1 -> B\n A h2 -> B\n B v -> B goal", "never", ""),
    # The victim comes to B by itself, but needs the attacker to come back.
    "victim leads on": ("A v -> B head\n A h~ -> A\n B v -> B goal\n B h~ -> A", "by racing", "A B"),
    # A twin of the victim holds its reference (l) while the victim tests (w), and the other way round.
    "twin": (
        """
        vk v1 -> wk
        vk k1 -> vl
        vl v1 -> wl
        vl k2 -> vk
        wk v2 -> vk goal
        wk k1 -> wl
        wl v2 -> vl head
        wl k2 -> wk
        """,
        "by racing",
        "vk vl wk wl",
    ),
    # The victim waits at a lock that is free in F; the kernel code may keep it in T for ever.
    "lock is kept": (
        """
        F v1@ -> W
        F k1@ -> T
        W v2  -> F goal
        W k1@
        T v1@
        T k2  -> T
        T k2  -> F
        """,
        "by racing",
        "T",
    ),
    # The same without "T k2 -> T": whatever goes round comes by F, where the victim is given the lock.
    "lock is given back": (
        """
        F v1@ -> W
        F k1@ -> T
        W v2  -> F goal
        W k1@
        T v1@
        T k2  -> F
        """,
        "never",
        "",
    ),
    # What is left without F has a process that owes a step.
    "lock is kept by one who must go": (
        """
        F v1@ -> W
        F k1@ -> T
        W v2  -> F goal
        T h~  -> T
        T k2  -> F
        """,
        "never",
        "",
    ),
    # The condition is true in A and not in B, and the victim never looks in time ...
    "wait_until is missed": ("A v? -> A goal\n A k -> B\n B v?\n B k -> A", "by racing", "A B"),
    # ... which it cannot help doing if it is true in B, too.
    "wait_until is true": ("A v? -> A goal\n A k -> B\n B v? -> B goal\n B k -> A", "never", ""),
    # A choice none of whose outcomes is possible in B is missed as a condition is.
    "choice is missed": ("A v+ -> A goal\n A k -> B\n B v+\n B k -> A", "by racing", "A B"),
    "choice is possible": ("A v+ -> A goal\n A k -> B\n B v+ -> B goal\n B k -> A", "never", ""),
    # A process before a choice that cannot move at all owes nothing.
    "choice without outcome": (TOGGLES + "A k+\n B k+", "by racing", "A B"),
    # One that has returned owes nothing, one before a step does: it would lead out of the cycle.
    "has returned": (TOGGLES + "A k.\n B k.", "by racing", "A B"),
    "has a step to take": (TOGGLES + "A k -> C\n B k -> C\n C v -> C goal", "never", ""),
    # A step that comes back to the same place counts.
    "goes round on the spot": (TOGGLES + "A k -> A\n B k -> B", "by racing", "A B"),
    # A cycle of resting processes alone does not make the victim move.
    "only the attacker moves": ("A v -> A goal\n A h~ -> A", "never", ""),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name):
    """What waits, spins, helps, chooses, is missed or kept."""
    picture, *expected = PICTURES[name]
    assert rung(drawn(picture)) == tuple(expected)


def test_a_state_that_is_excused_or_outside_blocks_nobody():
    """B is where it is blocked in each picture."""
    for picture in LADDER.values():
        assert rung(drawn(picture, excused="B")) == ("never", "")
        assert rung(drawn(picture, outside="B")) == ("never", "")


def test_blocks_grow_with_the_states_that_they_may_use():
    """Each has all the states that it can; without B, none of those that need it."""
    arena = drawn(RESTS + SPINS.replace("A", "C").replace("B", "D"))
    without = arena.inside & (np.array(arena.keys) != "B")
    blocks = {
        name: [shown(arena, f(arena, w)) for w in (arena.inside, without)] for name, f in SETS.items()
    }
    assert blocks == {"at rest": ["B", ""], "by strategy": ["B D", "D"], "by racing": ["A B C D", "C D"]}


def test_parts_are_told_apart():
    """Two cycles without a way between them are two; no part is what leads to them, or has no edge."""
    two = TOGGLES + TOGGLES.replace("A", "C").replace("B", "D")
    arena = drawn(two + "E k -> A\n E k -> C\n F v@")
    a, b, c, d, e, f = fair_parts(arena, arena.inside, ~arena.goal).tolist()
    assert a == b != c == d
    assert e == f == -1


def test_no_attacker_needed():
    """The victim's or the kernel's moves alone lead to a block that needs no others."""
    alone = dict.fromkeys(["needs help", "twin", "lock is kept"], True)
    for name, expected in {**alone, "waits in flight": False, "victim leads on": False}.items():
        picture, worst, _ = PICTURES[name]
        assert needs_no_attacker(drawn(picture), worst) == expected, name
    for name, picture in LADDER.items():
        assert not needs_no_attacker(drawn(picture), name), name


def test_no_attacker_is_needed_for_what_starts_blocked():
    """By strategy, too, it must hold without any hostile move: one in flight must move in B."""
    begins_in_b = "\n".join(SPINS.strip().splitlines()[2:] + SPINS.strip().splitlines()[:2])
    assert rung(drawn(begins_in_b)) == ("by strategy", "B")
    assert not needs_no_attacker(drawn(begins_in_b), "by strategy")
    begins_in_b = "\n".join(RESTS.strip().splitlines()[2:] + RESTS.strip().splitlines()[:2])
    assert needs_no_attacker(drawn(begins_in_b), "at rest")


STALLS = {
    # In flight in B, where the victim fails; frozen there it need not go on to A.
    "one": (TOGGLES, 1),
    # At its rest in B it is not in flight: that is no stall.
    "at rest": (RESTS, None),
    "none": (HARMLESS, None),
    # One in flight does no harm, two do.
    "two": ("A v -> A goal\n A h -> B\n A h~ -> B\n B v -> B\n B 2h -> A", 2),
    # Either two or three do: the least counts.
    "two or three": ("A v -> A\n A 3h -> B\n B v -> B\n B 2h -> A\n B h~ -> A", 2),
    # The victim's own steps must not lead to where it succeeds.
    "for a while": ("A v -> B\n A h -> A\n B v -> B goal\n B h -> B", None),
    # Two places, with one process in flight at each.
    "two places": ("A v -> A\n A h1 -> A\n A h2@", 2),
}


@pytest.mark.parametrize("name", STALLS)
def test_stall(name):
    """The fewest in flight that block while they stand still."""
    picture, least = STALLS[name]
    assert stall(drawn(picture)) == least


# The excuse begins in C. In B the attempt fails; v1 and v2 are the two halves of an attempt.
ROUND = """
    A v  -> A goal
    A h~ -> B
    B v  -> B head
    B h1 -> C
    C v  -> C goal
    C h2 -> A
"""
LONG = """
    A1 v1 -> A2
    A1 h~ -> C1
    A2 v2 -> A1 {A}
    A2 h~ -> C2
    C1 v1 -> C2
    C1 h  -> A1
    C2 v2 -> C1 {C}
    C2 h  -> A2
"""
COMES_AND_GOES = {
    # Each round of the attacker has an excuse, but the victim fails in B, when there is none.
    "between": (ROUND, "C", "never", True),
    # The attacker goes on when an attempt has failed with the excuse there, from D; that changes nothing.
    "and then fails": (
        ROUND.replace("C v  -> C goal", "C v  -> D head").replace("C h2", "D h2"),
        "C D",
        "never",
        True,
    ),
    # Without an excuse this is a block, with one for all of B it is none at all.
    "never": (ROUND, "", "by racing", False),
    "always": (ROUND, "B C", "never", False),
    # In A the attempt succeeds. Where it fails, in C, it has an excuse.
    "as it fails": (LONG.format(A="goal", C="head"), "C1 C2", "never", False),
    # It fails in A, but only after its first half was in C.
    "as it began": (
        """
        A1 v1 -> A1 goal
        A1 h~ -> C1
        C1 v1 -> C2
        C1 h  -> C1
        C2 v2 -> C1 goal
        C2 h  -> A2
        A2 v2 -> A1 head
        A2 h~ -> A2
        """,
        "C1 C2",
        "never",
        False,
    ),
    # An attempt can begin and fail in A again and again: then A is a block.
    "a block, too": (LONG.format(A="head", C="head"), "C1 C2", "at rest", True),
    # The run with the excuse must be fair: one that must leave for D ends it.
    "unfair": (ROUND + "A k -> D\n B k -> D\n C k -> D\n D v -> D goal", "C", "never", False),
    # The excuse is never over, once it begins.
    "comes and stays": ("A v -> A head\n A h~ -> C\n C v -> C head\n C h~ -> C", "C", "at rest", False),
}


@pytest.mark.parametrize("name", COMES_AND_GOES)
def test_excuses_come_and_go(name):
    """Whether attempts without an excuse fail again and again, between others that have one."""
    picture, excused, worst, expected = COMES_AND_GOES[name]
    arena = drawn(picture, excused)
    assert (rung(arena)[0], excuse_comes_and_goes(arena)) == (worst, expected)
