"""Settling claims: their cases are run, and compared with what was predicted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
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
from racecheck.explore.limits import Limits, cores
from racecheck.model import RUNGS, Model, ModelFunction
from racecheck.report import Report, Result, progress_json

BESIDE = {"stall", "tried_while_excused", "attempts", "block_probability", "expected_attempts", "notes"}
"""What is found beside a rung, and takes most of the time: sought only where a claim speaks of it."""
Key = tuple[str, str, str, bool]
Asked = tuple[ModelFunction, Mapping[str, object], Collection[str]]


@frozen
class Runs:
    """Runs models, each choice of parameters once."""

    limits: Callable[[], Limits] = Limits
    watch: Callable[[Any], None] = lambda _: None
    known: dict[Key, Report] = field(factory=dict)
    begun: dict[Key, Future[Report]] = field(factory=dict)

    def begin(self, asked: Iterable[Asked], pool: Executor) -> None:
        """Run in a pool, in this order, what is going to be asked for; one run has all of it."""
        wanted: dict[Key, Model] = {}
        for model, parameters, keys in asked:
            built = model(**parameters)
            wanted.setdefault(_key(built, keys), built)
        for key, built in wanted.items():
            if key[-1] or (*key[:-1], True) not in wanted:
                self.begun[key] = pool.submit(self._run, built, key[-1])

    def result(
        self, model: ModelFunction, parameters: Mapping[str, object], name: str, keys: Collection[str] = ()
    ) -> tuple[Report, Result]:
        """The result of a property, with the report that it stands in; ``keys`` of it are asked for."""
        built = model(**parameters)
        report = self._report(built, _key(built, keys))
        for result in report.results:
            if result.property == name:
                return report, result
        names = ", ".join(repr(result.property) for result in report.results)
        raise UsageError(f"{model.__name__} has no property {name!r}; it has {names}", model.file)

    def _report(self, built: Model, key: Key) -> Report:
        for enough in dict.fromkeys([(*key[:-1], True), key]):
            if enough in self.begun:
                self.known[enough] = self.begun.pop(enough).result()
            if enough in self.known:
                return self.known[enough]
        self.known[key] = self._run(built, key[-1])
        return self.known[key]

    def _run(self, built: Model, beside: bool) -> Report:
        return report_on(built, limits=self.limits(), watch=self.watch, beside=beside)


def _key(built: Model, keys: Collection[str]) -> Key:
    return built.file, built.name, repr(sorted(built.parameters.items())), not BESIDE.isdisjoint(keys)


def asked(claim: Claim) -> Iterator[Asked]:
    """The runs that a claim needs, and what of them; but not those by which a least value is sought."""
    for case in claim.cases:
        yield case.model, case.parameters, case.predicted
        for value in case.predicted.values():
            if isinstance(value, Like):
                yield case.model, case.parameters | value.parameters, case.predicted
    for number in claim.numbers:
        if not isinstance(number, Least):
            yield number.model, number.parameters, _keys(number)


def _keys(number: Cost | Measure) -> Collection[str]:
    return {number.key} if isinstance(number, Measure) else ()


def settled(claims: Sequence[Claim], runs: Runs) -> Iterator[Settled]:
    """Each claim in turn, its cases run beside those of others, as many at once as there are cores."""
    pool = ThreadPoolExecutor(cores())
    try:
        runs.begin((one for claim in claims for one in asked(claim)), pool)
        for claim in claims:
            yield settle(claim, runs)
    finally:
        pool.shutdown(cancel_futures=True)


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
    report, result = runs.result(case.model, case.parameters, case.property, case.predicted)
    values, predicted, complete = _values(result), {}, True
    for key, value in case.predicted.items():
        if key not in values:
            raise UsageError(f"{case.property!r} has no {key!r} to predict; it has {', '.join(values)}")
        predicted[key] = value
        if isinstance(value, Like):
            alike = case.parameters | value.parameters
            other = runs.result(case.model, alike, case.property, case.predicted)[1]
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
    result = runs.result(number.model, number.parameters, number.property, _keys(number))[1]
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
