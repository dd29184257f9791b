"""Settling claims: their cases are run, and compared with what was predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from racecheck.api import report_on
from racecheck.claims import (
    CONFIRMED,
    DEPENDS,
    REFUTED,
    UNFINISHED,
    Answer,
    Case,
    Claim,
    Cost,
    Least,
    Like,
    Measure,
    Settled,
)
from racecheck.conditions import ASKED, PROPERTY, separation, shown
from racecheck.errors import UsageError
from racecheck.explore.limits import Limits
from racecheck.model import RUNGS, ModelFunction
from racecheck.report import Report, Result, progress_json


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


def condition(answers: Sequence[Answer]) -> str:
    """What tells the cases that came out as predicted from those that did not, model by model."""
    models = dict.fromkeys(answer.case.model.__name__ for answer in answers)
    if len(models) == 1:
        return _condition(answers)
    parts = {name: [a for a in answers if a.case.model.__name__ == name] for name in models}
    return "; ".join(f"in {name} it {_condition(part)}" for name, part in parts.items())


def _condition(answers: Sequence[Answer]) -> str:
    agreed = {answer.agrees for answer in answers}
    if len(agreed) == 1:
        return "holds" if True in agreed else "fails"
    told = separation([(_features(answer), bool(answer.agrees)) for answer in answers])
    return told or "depends on more than the parameters"


def _features(answer: Answer) -> dict[str, object]:
    about = {PROPERTY: answer.case.property, ASKED: " and ".join(answer.predicted)}
    return {**answer.parameters, **about}


def _answer(case: Case, runs: Runs) -> Answer:
    report, result = runs.result(case.model, case.parameters, case.property)
    values, predicted, complete = _values(result), {}, True
    for key, value in case.predicted.items():
        if key not in values:
            raise UsageError(f"{case.property!r} has no {key!r} to predict; it has {', '.join(values)}")
        predicted[key] = value
        if isinstance(value, Like):
            other = runs.result(case.model, case.parameters | value.parameters, case.property)[1]
            predicted[key] = _values(other)[key]
            complete = complete and not _is_open(other)
    found = {key: values[key] for key in predicted}
    agrees = _agrees(result, predicted, found) if complete else None
    return Answer(case, result, predicted, found, agrees, report.parameters)


def _values(result: Result) -> dict[str, Any]:
    """What may be predicted of a result; of a chance four digits, as many as any machine agrees on."""
    values: dict[str, Any] = {"verdict": str(result.verdict)}
    if result.progress is not None:
        values |= progress_json(result.progress)
    return {key: float(f"{v:.4g}") if isinstance(v, float) else v for key, v in values.items()}


def _is_open(result: Result) -> bool:
    """Whether the search ended too early to say it all."""
    if result.progress is not None:
        return result.progress.at_least
    return result.verdict == UNFINISHED


def _agrees(result: Result, predicted: dict[str, Any], found: dict[str, Any]) -> bool | None:
    """Whether all is as predicted; None where the search ended too early to say."""
    if not _is_open(result):
        return found == predicted
    progress, claimed = result.progress, predicted.get("rung")
    if progress is None or progress.rung is None or claimed not in RUNGS:
        return None
    return False if RUNGS.index(progress.rung) > RUNGS.index(claimed) else None


def _unfinished(answers: Sequence[Answer]) -> str:
    open_cases = [given(answer.case.parameters) for answer in answers if answer.agrees is None]
    return f"no answer within the limits for {'; '.join(open_cases)}"


def _number(number: Least | Cost | Measure, runs: Runs) -> float | None:
    if isinstance(number, Least):
        return _least(number, runs)
    result = runs.result(number.model, number.parameters, number.property)[1]
    if result.progress is None or _is_open(result):
        return None
    if isinstance(number, Measure):
        measured: float | None = _values(result)[number.key]
        return measured
    cost = result.progress.costs.get(number.cost)
    return cost.least if cost else None


def _least(number: Least, runs: Runs) -> int | None:
    first = None
    for value in range(number.start, number.most + 1):
        parameters = number.parameters | {number.vary: value}
        result = runs.result(number.model, parameters, number.property)[1]
        seen = result.verdict, result.progress and result.progress.rung
        first = first or seen
        if seen != first:
            return value
    return None


def given(parameters: Mapping[str, object]) -> str:
    """Parameters as on the command line."""
    return ", ".join(f"{name}={shown(value)}" for name, value in parameters.items()) or "the defaults"
