"""What each policy of ``models/policies.py`` would have said at each attempt, run on what was observed."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from attrs import define

import racecheck
from racecheck.model import Model, Process
from racecheck.observe.attempts import Attempt
from racecheck.observe.records import EXCLUSIVE, HEAD, OWNER, PRIVATE, SWAPBACKED
from racecheck.operations import Operation, effect
from racecheck.words import GhostCell, Word, context

Case = tuple[int, int, int, int, int]
"""What a policy is run on: refcount, mapcount, flags, references of the page cache, and pins."""


@define
class Score:
    """How often a policy skipped what others held, what nobody held, and tried what others held."""

    right: int = 0
    false_skips: int = 0
    missed: int = 0


class Judge:
    """Runs the policies, as they stand in the file of the models, on the counts of a moment."""

    def __init__(self, policies: ModuleType) -> None:
        self.file = policies
        self.heard = self.held = 0
        self.scores = {policy.__name__: Score() for policy in policies.POLICIES}
        self._answers: dict[Case, dict[str, bool]] = {}

    def hear(self, attempt: Attempt) -> dict[str, bool]:
        """Each policy's answer, True for a skip, after counting it for or against the policy."""
        answers = self.answers(attempt)
        held = attempt.references > 0
        self.heard += 1
        self.held += held
        for name, skips in answers.items():
            score = self.scores[name]
            score.right += skips and held
            score.false_skips += skips and not held
            score.missed += held and not skips
        return answers

    def answers(self, attempt: Attempt) -> dict[str, bool]:
        """Each policy's answer to what the scanner's first record read; a new case takes a millisecond."""
        record = attempt.record
        flags = record.flags & (EXCLUSIVE | HEAD | OWNER | PRIVATE | SWAPBACKED)
        key = record.refcount, record.mapcount, flags, attempt.cached, attempt.pins
        if key not in self._answers:
            self._answers[key] = {
                policy.__name__: bool(self._run(policy, key)) for policy in self.file.POLICIES
            }
        return self._answers[key]

    def _run(self, policy: Callable[[Any], object], case: Case) -> object:
        refs, maps, flags, cached, pins = case
        large = bool(flags & HEAD)
        values = {
            "refcount": refs - (policy in self.file.UNREFERENCED),  # it looks before it takes its own
            "mapcount": maps,
            "pincount": pins if large else 0,
            "mapping": bool(cached),
            "private": bool(flags & PRIVATE),
            "anon_exclusive": bool(flags & EXCLUSIVE),
            "page": "anon" if not cached else "shmem" if flags & SWAPBACKED else "file",
            "swapcache": bool(flags & OWNER and flags & SWAPBACKED),
            "nr": 512 if large else 1,
        }
        folio = self._folio(values)
        context.driver = Moment()
        try:
            return policy(folio)
        finally:
            context.driver = None

    def _folio(self, values: dict[str, Any]) -> Any:
        """A folio of the models with these values, which never change."""
        made = []

        def moment() -> Model:
            made.append(self.file.Folio(**values))
            return Model(Process("nobody", self.file.always_try, made[0]))

        racecheck.model(moment)()
        return made[0]


class Moment:
    """Lets policies load the words of a folio as they were at one moment."""

    def perform(self, word: Word, operation: Operation, args: tuple[int, ...]) -> int | bool | None:
        """A load: the word's value."""
        a, b = (*args, 0, 0)[:2]
        return effect(operation)(word.initial, a, b, word.bits)[2]

    def value(self, word: Word | GhostCell) -> int:
        """A bare word's value."""
        return word.initial

    def together(self, words: tuple[Word, ...]) -> tuple[int, ...]:
        """Several words in one load."""
        return tuple(word.initial for word in words)

    def _refused(self, *_: object) -> Any:
        raise racecheck.ModelError("a policy only loads words: it runs on what a log observed")

    set_ghost = wait_until = choose = rest = event = enter = leave = _refused
