"""Statements of a discussion: what each predicts, and how its cases came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from racecheck.blame import offer
from racecheck.conditions import shown
from racecheck.errors import UsageError
from racecheck.load import module_of
from racecheck.model import ModelFunction
from racecheck.report import Result, relative
from racecheck.trace import Trace, readable

CONFIRMED, REFUTED, DEPENDS, UNFINISHED = "confirmed", "refuted", "depends", "unfinished"


@frozen(init=False)
class Case:
    """One run that a claim speaks of, and what the claim predicts of it, never what we think.

    ``predicted`` names keys of a result in ``check --json``: ``verdict``, ``rung``, ``stall`` and so on;
    a ``Like`` predicts the value that another run has.
    """

    model: ModelFunction
    parameters: dict[str, object]
    property: str
    predicted: dict[str, object]

    def __init__(
        self, model: ModelFunction, parameters: Mapping[str, object], about: str, **predicted: object
    ) -> None:
        if not predicted:
            raise UsageError(f"a case of {model.__name__} predicts nothing; write verdict=... or rung=...")
        self.__attrs_init__(model, dict(parameters), about, predicted)


@frozen(init=False)
class Like:
    """A prediction: the same as in the case with these parameters changed."""

    parameters: dict[str, object]

    def __init__(self, **parameters: object) -> None:
        self.__attrs_init__(parameters)


@frozen
class Least:
    """The least value of a parameter, from ``start`` to ``most``, where a result is not as at first."""

    name: str
    model: ModelFunction
    parameters: dict[str, object]
    property: str
    vary: str
    most: int
    start: int = 0


@frozen
class Cost:
    """The least cost of the block that a case shows."""

    name: str
    model: ModelFunction
    parameters: dict[str, object]
    property: str
    cost: str


@frozen
class Measure:
    """A number in the result of a case: ``stall``, ``attempts``, ``expected_attempts``."""

    name: str
    model: ModelFunction
    parameters: dict[str, object]
    property: str
    key: str


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


@frozen
class Claim:
    """A statement in our words, who made it, its cases, the numbers that it asks for, its scope.

    Texts may be broken into lines as it suits the source.
    """

    id: str
    by: str
    claim: str = field(converter=_in_one_line)
    cases: Sequence[Case]
    numbers: Sequence[Least | Cost | Measure] = ()
    scope: str = field(default="", converter=_in_one_line)


@frozen
class Answer:
    """A case as it came out: what was predicted and found, whether they agree (None: unfinished)."""

    case: Case
    result: Result
    predicted: dict[str, Any]
    found: dict[str, Any]
    agrees: bool | None
    parameters: dict[str, Any]

    @property
    def trace(self) -> Trace | None:
        """The run that shows what was found, if it is a verdict or a rung."""
        return self.result.trace if {"verdict", "rung"} & self.predicted.keys() else None

    @property
    def length(self) -> int:
        """The steps of that run."""
        return len(self.trace.steps) + len(self.trace.cycle) if self.trace else 0


@frozen
class Settled:
    """A claim's verdict, the condition that separates its cases, and the numbers found."""

    claim: Claim
    verdict: str
    answers: list[Answer]
    condition: str = ""
    numbers: dict[str, float | None] = field(factory=dict)

    def deciding(self) -> list[Answer]:
        """The shortest run for each verdict or rung that was not predicted; else, that was predicted."""
        shown = [answer for answer in self.answers if answer.trace]
        against = [answer for answer in shown if answer.agrees is False] or shown
        shortest: dict[str, Answer] = {}
        for answer in sorted(against, key=lambda answer: answer.length):
            rung = answer.result.progress and answer.result.progress.rung
            shortest.setdefault(repr((answer.case.property, answer.result.verdict, rung)), answer)
        runs: dict[str, Answer] = {}
        for answer in shortest.values():
            steps = answer.trace and [str(step) for step in answer.trace.steps]
            runs.setdefault(repr((answer.parameters, steps)), answer)
        return list(runs.values())

    def traces(self) -> dict[str, Trace]:
        """By file stem: the runs that decide it, unless it is confirmed."""
        if self.verdict not in (REFUTED, DEPENDS):
            return {}
        return {self.stem(answer): answer.trace for answer in self.deciding() if answer.trace}

    def stem(self, answer: Answer) -> str:
        """The name of a case's run: the claim, the model, and what tells its cases apart."""
        same = [other for other in self.answers if other.case.model.__name__ == answer.case.model.__name__]
        words = {name: shown(value) for name, value in answer.case.parameters.items()}
        told = [f"{k}-{v}" for k, v in words.items() if len({str(o.parameters[k]) for o in same}) > 1]
        about = [answer.case.property] if len({other.case.property for other in same}) > 1 else []
        return readable([self.claim.id, answer.case.model.__name__, *told, *about])


def claims_in(file: str) -> list[Claim]:
    """The CLAIMS of a file. Runs the file."""
    claims = getattr(module_of(file), "CLAIMS", None)
    if not isinstance(claims, Sequence) or not all(isinstance(claim, Claim) for claim in claims):
        raise UsageError("no claims; write CLAIMS = [Claim(...), ...]", file)
    return list(claims)


def chosen(claims: Sequence[Claim], only: Sequence[str]) -> list[Claim]:
    """The claims with these ids, or all; UsageError for an id that none has."""
    ids = [claim.id for claim in claims]
    for unknown in set(only) - set(ids):
        raise UsageError(f"no claim {unknown!r}; {offer(unknown, ids)}")
    return [claim for claim in claims if not only or claim.id in only]


def claims_json(settled: Settled, traces: Sequence[str]) -> dict[str, Any]:
    """What ``racecheck claims --json`` prints of a claim."""
    return {
        "id": settled.claim.id,
        "by": settled.claim.by,
        "claim": settled.claim.claim,
        "verdict": settled.verdict,
        "condition": settled.condition or None,
        "numbers": settled.numbers,
        "traces": list(traces),
        "scope": settled.claim.scope,
        "cases": [
            {
                "model": f"{relative(answer.case.model.file)}::{answer.case.model.__name__}",
                "parameters": answer.parameters,
                "property": answer.case.property,
                "predicted": answer.predicted,
                "found": answer.found,
            }
            for answer in settled.answers
        ],
    }
