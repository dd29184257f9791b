"""Attempts and chance on graphs drawn by hand, with numbers worked out on paper.

V(A) stands for the attempts that the best attacker can expect to spoil from A on. Where nobody moves away
from a state a draw does not count; so "V = 1/2 (1 + V)" is one attempt, and the expected number is V + 1.
"""

from fractions import Fraction

import numpy as np
import pytest
from arenas import drawn

from racecheck.verdicts.attempts import attempts_needed, in_attempts
from racecheck.verdicts.chance import block_probability, expected_attempts
from racecheck.verdicts.ladder import by_strategy
from racecheck.verdicts.walks import GaveUp

CHAIN = """
    A v -> B head
    B v -> C head
    C v -> C goal
"""
TOGGLES = """
    A v  -> A goal
    A h~ -> B
    B v  -> B head
    B h  -> A
"""
ATTEMPTS = {
    # Two attempts fail on the way, and the third comes to the goal.
    "chain": (drawn(CHAIN), 3),
    # The first passage of the head begins the first attempt.
    "chain, not begun": (drawn(CHAIN, begun=False), 2),
    # An attempt that fails with the step that leaves U has failed; what follows does not count.
    "chain out of U": (drawn(CHAIN, excused="C"), 3),
    "chain with an excuse": (drawn(CHAIN, excused="B"), 2),
    # The longest way counts: by way of B, not straight to C.
    "fork": (drawn("A v -> B head\n A k -> C\n B v -> C head\n B k -> C\n C v -> C goal"), 3),
    # Two passages of the head in one move are two attempts; one that begins none fails none.
    "two in one": (drawn("A v -> B head head\n B v -> B goal"), 3),
    "two in one, not begun": (drawn("A v -> B head head\n B v -> B goal", begun=False), 2),
    # A and B can go on without an attempt that fails, and then one does.
    "round without failing": (drawn("A k -> B\n B k -> A\n A v -> C head\n B v -> C\n C v -> C goal"), 2),
    "round that fails": (drawn("A k -> B\n B k -> A\n A v -> B head\n B v -> C\n C v -> C goal"), None),
    # That round has the goal in it, which ends the run.
    "round by way of the goal": (drawn("A v -> B goal head\n B v -> A head"), 2),
    # From the goal to the next head there is no attempt, so that the first head fails none.
    "goes on after the goal": (drawn("A v -> B goal\n B v -> A head"), 1),
    "begins and succeeds": (drawn("A v -> B head goal\n B v -> C head\n C v -> C goal", begun=False), 1),
    # One fails in the move that comes to the goal, too; what follows in C does not add to that.
    "fails before the goal": (
        drawn("C v -> D head\n C h~ -> A\n D v -> D goal\n A v -> C head goal head\n A h~ -> A"),
        2,
    ),
    # The attacker rests, and in flight it does not count: A alone is quiet.
    "attacker": (drawn(TOGGLES), 1),
    "attacker at rest": (drawn(TOGGLES.replace("h ", "h~")), None),
    # What fails while nobody is in flight counts, wherever the attacker has led.
    "attacker leads there": (drawn("D v -> D goal\n D h~ -> A\n" + CHAIN), 3),
    "nobody gets there": (drawn("D v -> D goal\n" + CHAIN), 1),
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_attempts(name):
    """One more than can fail from a quiet state while the attacker rests; None if that has no bound."""
    arena, most = ATTEMPTS[name]
    assert attempts_needed(in_attempts(arena)) == most


EXPECTED = {
    # V(A) = 1/2 V(B) and V(B) = 1/2 (1 + V(B)) + 1/2 V(A): V(A) = 1, V(B) = 2, and A is quiet.
    "races": (drawn(TOGGLES), 2),
    # Both states are quiet, and it may stay in B: V(B) = 1/2 (1 + V(A)) + 1/2 V(B), V(A) = 1/2 V(B).
    "stays": (drawn("A v -> A goal\n A h1~ -> B\n B v -> A head\n B h2~ -> A"), 3),
    # It does not stay in B where that does not pay: V(A) = 1/2 V(B), V(B) = 1/2 V(A) + 1/2 * 0.
    "moves on": (drawn("A v -> A goal\n A h1~ -> B\n B v -> B goal\n B h2~ -> A"), 1),
    # Two processes at a place are drawn twice as often: V(A) = 2/3 V(B), V(B) = 1 + V(A).
    "weights": (drawn("A v -> A goal\n A 2k -> B\n B v -> B head\n B k -> B\n B k1 -> A"), 4),
    # One that waits, or has returned, is not drawn at all: else some of the chance were lost.
    "waits": (drawn(TOGGLES + "A k@\n B k@\n A k.\n B k."), 2),
    # The attacker prefers the way to C, where attempts fail twice as often as in B.
    "best move": (
        drawn(
            """
            A v  -> A goal
            A h~ -> B
            A h~ -> C
            B v  -> B head
            B h  -> A
            C v  -> C head head
            C h  -> A
            """
        ),
        3,
    ),
    # It spins in B: V(B) = 1/2 (1/2 (1 + V(B))) + 1/2 V(B), and V(A) = 1/2 V(B).
    "spins": (
        drawn(
            """
            A v  -> A goal
            A h~ -> B
            B v+ -> B head 1/2
            B v+ -> B goal 1/2
            B h  -> B
            B h  -> A
            """
        ),
        1.5,
    ),
    # One of two leaves for B, where V = 1; C has 1/4, so that the other stays: V(A) = 1/3 + 1/3 V(A).
    "one moves on, one stays": (
        drawn(
            """
            A v   -> A goal
            A h1~ -> B
            A h2~ -> C
            B v   -> D head
            B h3@
            C v+  -> D head 1/4
            C v+  -> D goal 1/4
            C v+  -> D goal 1/2
            D v   -> D goal
            """
        ),
        1.5,
    ),
    # Two outcomes, one as likely as the other: V = 1/2 (1 + V).
    "toss": (drawn("A v+ -> A goal 1/2\n A v+ -> A head 1/2"), 2),
    # One of four outcomes, and three: V = 1/4 * 0 + 3/4 (1 + V).
    "one of four": (drawn("A v+ -> A goal 1/4\n" + "A v+ -> A head 1/4\n" * 3), 4),
    # A choice within a choice: V = 1/2 (1 + V) + 1/4 (1 + V) + 1/4 * 0.
    "nested": (drawn("A v+ -> A head 1/2\n A v+ -> A head 1/4\n A v+ -> A goal 1/4"), 4),
    # An outcome that is not possible leaves its share to the others: V = 2/3 (1 + V).
    "not possible": (drawn("A v+ -> A head 1/2\n A v+ -> A goal 1/4"), 3),
    # The attempt that fails with the step out of U is counted, and no more: V = 1/2 * 1 + 1/2 * 0.
    "leaves U": (drawn("A v -> B head\n A k -> C\n B v -> B head\n C v -> C goal", "B C"), 1.5),
    # Nor does one fail between the goal and the next head; the run is over then.
    "after the goal": (drawn("A v -> B goal\n B v -> A head"), 1),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_expected_attempts(name):
    """The best attacker's number, from the worst quiet state."""
    arena, number = EXPECTED[name]
    assert not by_strategy(arena, arena.inside).any(), "the number is defined where there is no strategy"
    assert expected_attempts(in_attempts(arena)) == pytest.approx(float(number), abs=1e-9)


# X is the state in which the victim fails for ever; in O it always succeeds.
ENDS = """
    X v -> X head
    O v -> O goal
"""
PROBABILITIES = {
    # The attacker has all the time that it needs, and the victim's goals do not end that.
    "waits for it": ("A v -> A goal\n A h~ -> X", 1),
    # Who is drawn first decides: two in flight against one victim.
    "race": ("A v -> O\n A 2h -> X", Fraction(2, 3)),
    # Or it decides between two in flight, neither of which may wait.
    "race with itself": ("A h1 -> X\n A h2 -> O", Fraction(1, 2)),
    # A toss that is made once, and one that may be made again and again until it succeeds.
    "toss": ("A v -> A goal\n A k -> X 1/2\n A k -> O 1/2", Fraction(1, 2)),
    "tosses": ("A v -> A goal\n A k -> X 1/2\n A k -> A 1/2", 1),
    "unequal toss": ("A v -> O 1/4\n A v -> X 1/4\n A v -> X 1/2", Fraction(3, 4)),
    # B is one toss, C a better one; the attacker can wait for the kernel code to make the way to C.
    "patience": (
        """
        A v  -> A goal
        A h~ -> B
        A k  -> D
        D v  -> D goal
        D h~ -> C
        B k1 -> X 1/2
        B k1 -> O 1/2
        C k2 -> X 1/4
        C k2 -> X 1/2
        C k2 -> O 1/4
        """,
        Fraction(3, 4),
    ),
    # As before, but in flight it cannot wait: 1/2 (3/4) + 1/2 (1/2).
    "no patience": (
        """
        A h  -> B
        A k  -> D
        D h  -> C
        B k1 -> X 1/2
        B k1 -> O 1/2
        C k2 -> X 1/4
        C k2 -> X 1/2
        C k2 -> O 1/4
        """,
        Fraction(5, 8),
    ),
    # The excuse in E is passed by, as the goal is.
    "by way of an excuse": ("A v -> O\n A h -> E\n E v -> E goal\n E h -> X", Fraction(1, 2)),
    # The attacker needs the goal to come to X.
    "by way of the goal": ("A v -> X goal 1/2\n A v -> O 1/2", Fraction(1, 2)),
    # Two chances in a row: 1/2 and then 1/2 of what is left.
    "again": ("A v -> B\n A h1 -> X\n B v -> O\n B h2 -> X", Fraction(3, 4)),
    "no way": ("A v -> O", 0),
}


@pytest.mark.parametrize("name", PROBABILITIES)
def test_block_probability(name):
    """How likely the best attacker ever comes to X from A."""
    picture, probability = PROBABILITIES[name]
    arena = drawn(picture + ENDS, excused="E")
    block = np.array([state == "X" for state in arena.keys])
    assert (by_strategy(arena, arena.inside) == block).all()
    assert block_probability(arena, block) == pytest.approx(float(probability), abs=1e-9)


def test_a_sure_block_is_exactly_so():
    """No rounding where the attacker wins or loses for certain."""
    for name, exact in {"waits for it": 1.0, "tosses": 1.0, "no way": 0.0}.items():
        arena = drawn(PROBABILITIES[name][0] + ENDS)
        assert block_probability(arena, by_strategy(arena, arena.inside)) == exact


def test_the_time_is_up():
    """Solving stops when told to, and claims nothing."""
    watched = in_attempts(drawn(TOGGLES))
    watched.arena.give_up = lambda: True
    with pytest.raises(GaveUp):
        expected_attempts(watched)
