"""Statements of a discussion, each settled by running the cases that it speaks of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from attrs import field, frozen

from racecheck.api import report_on
from racecheck.blame import offer
from racecheck.errors import UsageError
from racecheck.explore.limits import Limits
from racecheck.load import module_of
from racecheck.model import RUNGS, ModelFunction
from racecheck.report import Report, Result, progress_json, relative
from racecheck.trace import Trace, file_stem

CONFIRMED, REFUTED, DEPENDS, UNFINISHED = "confirmed", "refuted", "depends", "unfinished"


@frozen(init=False)
class Case:
    """One run that a claim speaks of, and what the claim predicts of it, never what we think.

    ``predicted`` names keys of a result in ``check --json``: ``verdict``, ``rung``, ``stall`` and so on.
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


@frozen
class Least:
    """The least value of a parameter, from 0 to ``most``, at which a result is no longer as at 0."""

    name: str
    model: ModelFunction
    parameters: dict[str, object]
    property: str
    vary: str
    most: int


@frozen
class Cost:
    """The least cost of the block that a case shows."""

    name: str
    model: ModelFunction
    parameters: dict[str, object]
    property: str
    cost: str


@frozen
class Claim:
    """A statement in our words, with the cases that decide it, the numbers that it asks for, its scope."""

    id: str
    claim: str
    cases: Sequence[Case]
    numbers: Sequence[Least | Cost] = ()
    scope: str = ""


@frozen
class Answer:
    """A case as it came out: the values of what was predicted, whether they agree (None: unfinished)."""

    case: Case
    result: Result
    found: dict[str, Any]
    agrees: bool | None
    parameters: dict[str, Any]

    @property
    def trace(self) -> Trace | None:
        """The run that shows it."""
        return self.result.trace


@frozen
class Settled:
    """A claim's verdict, the condition that separates its cases, and the numbers found."""

    claim: Claim
    verdict: str
    answers: list[Answer]
    condition: str = ""
    numbers: dict[str, int | None] = field(factory=dict)

    def traces(self) -> dict[str, Trace]:
        """By file stem: the runs of cases that did not come out as predicted."""
        against = [answer for answer in self.answers if answer.agrees is False and answer.trace]
        found: dict[str, Trace] = {}
        for answer in against:
            assert answer.trace is not None
            stem = f"{self.claim.id}-{file_stem(answer.trace, answer.case.parameters)}"
            found.setdefault(stem, answer.trace)
        return found


@frozen
class Runs:
    """Runs models, each choice of parameters once."""

    limits: Callable[[], Limits] = Limits
    watch: Callable[[Any], None] = lambda _: None
    known: dict[tuple[str, str, str], Report] = field(factory=dict)

    def result(
        self, model: ModelFunction, parameters: Mapping[str, object], name: str
    ) -> tuple[Report, Result]:
        """The result of a property, with the report that it stands in."""
        built = model(**parameters)
        key = model.file, model.__name__, repr(sorted(built.parameters.items()))
        if key not in self.known:
            self.known[key] = report_on(built, limits=self.limits(), watch=self.watch)
        report = self.known[key]
        for result in report.results:
            if result.property == name:
                return report, result
        names = ", ".join(repr(result.property) for result in report.results)
        raise UsageError(f"{model.__name__} has no property {name!r}; it has {names}", model.file)


def settle(claim: Claim, runs: Runs) -> Settled:
    """Run the cases: all as predicted is confirmed, none is refuted, else it depends."""
    answers = [_answer(case, runs) for case in claim.cases]
    agreed = {answer.agrees for answer in answers}
    numbers = {number.name: _number(number, runs) for number in claim.numbers}
    if None in agreed:
        return Settled(claim, UNFINISHED, answers, _unfinished(answers), numbers)
    if len(agreed) == 1:
        return Settled(claim, CONFIRMED if True in agreed else REFUTED, answers, "", numbers)
    return Settled(claim, DEPENDS, answers, condition(answers), numbers)


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
                "predicted": answer.case.predicted,
                "found": answer.found,
            }
            for answer in settled.answers
        ],
    }


def _answer(case: Case, runs: Runs) -> Answer:
    report, result = runs.result(case.model, case.parameters, case.property)
    values: dict[str, Any] = {"verdict": result.verdict}
    if result.progress is not None:
        values |= progress_json(result.progress)
    for key in case.predicted.keys() - values.keys():
        raise UsageError(f"{case.property!r} has no {key!r} to predict; it has {', '.join(values)}")
    found = {key: values[key] for key in case.predicted}
    return Answer(case, result, found, _agrees(case, result, found), report.parameters)


def _agrees(case: Case, result: Result, found: dict[str, Any]) -> bool | None:
    """Whether all is as predicted; None where the search ended too early to say."""
    progress = result.progress
    if progress is not None and progress.at_least:
        predicted, rung = case.predicted.get("rung"), progress.rung
        worse = rung is not None and predicted in RUNGS and RUNGS.index(rung) > RUNGS.index(str(predicted))
        return False if worse else None
    if progress is None and result.verdict == UNFINISHED:
        return None
    return found == case.predicted


def _unfinished(answers: Sequence[Answer]) -> str:
    open_cases = [_shown(answer.case.parameters) for answer in answers if answer.agrees is None]
    return f"no answer within the limits for {'; '.join(open_cases)}"


def _number(number: Least | Cost, runs: Runs) -> int | None:
    if isinstance(number, Cost):
        progress = runs.result(number.model, number.parameters, number.property)[1].progress
        cost = progress.costs.get(number.cost) if progress is not None and not progress.at_least else None
        return cost.least if cost else None
    first = None
    for value in range(number.most + 1):
        parameters = number.parameters | {number.vary: value}
        result = runs.result(number.model, parameters, number.property)[1]
        seen = result.verdict, result.progress and result.progress.rung
        first = first or seen
        if seen != first:
            return value
    return None


def condition(answers: Sequence[Answer]) -> str:
    """The fewest parameters that tell the cases that agree from those that do not, with their values."""
    features = [_features(answer) for answer in answers]
    names = [name for name in dict.fromkeys(n for f in features for n in f)
             if len({str(f.get(name)) for f in features}) > 1]  # fmt: skip
    for size in range(1, len(names) + 1):
        for chosen in combinations(names, size):
            yes, no = (_values(answers, features, chosen, agrees) for agrees in (True, False))
            if not set(yes) & set(no):
                return f"so with {' or '.join(yes)}; not with {' or '.join(no)}"
    return "the same parameters, but not for each property"


def _features(answer: Answer) -> dict[str, object]:
    return {"model": answer.case.model.__name__, "property": answer.case.property, **answer.parameters}


def _values(
    answers: Sequence[Answer], features: Sequence[dict[str, object]], names: Sequence[str], agrees: bool
) -> list[str]:
    """The values of these parameters in the cases that agree, or do not."""
    pairs = zip(answers, features, strict=True)
    chosen = [{n: f.get(n) for n in names} for answer, f in pairs if answer.agrees is agrees]
    return list(dict.fromkeys(_shown(values) for values in chosen))


def _shown(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items()) or "the defaults"
