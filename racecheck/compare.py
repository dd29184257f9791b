"""One model over all values of some parameters: what each of them lets an attacker do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

from attrs import frozen

from racecheck.api import report_on
from racecheck.compiler.compile import compile_model
from racecheck.compiler.ir import Step, Together
from racecheck.errors import UsageError
from racecheck.explore.limits import Limits, cores
from racecheck.model import VICTIM, Model, ModelFunction
from racecheck.report import Report, Result, report_json

Check = Callable[[Model], Report]


@frozen
class Scaled:
    """The rung at smaller constants, where it is seen to change at the place that the model predicts."""

    parameters: dict[str, Any]
    rung: str
    below: dict[str, Any]
    rung_below: str


@frozen
class Row:
    """One choice of the compared parameters; ``reads`` are the words that the victim loads."""

    values: dict[str, object]
    report: Report
    reads: list[str]
    scaled: Scaled | None

    @property
    def progress(self) -> Result:
        """The result of the row's progress property."""
        return next(result for result in self.report.results if result.progress is not None)


@frozen
class Refused:
    """A choice of the compared parameters that the model does not allow, and why."""

    values: dict[str, object]
    error: UsageError


def compared(function: ModelFunction, given: Mapping[str, object], over: Sequence[str]) -> list[str]:
    """The parameters to run over: those named, or every one_of that is not given and not set apart."""
    for name in over:
        parameter = function.parameters.get(name)
        if parameter is None or parameter.options is None:
            what = "is no one_of(...)" if parameter else "is no parameter"
            raise UsageError(f"--over {name}: it {what} of model {function.__name__}", function.file)
        if name in given:
            raise UsageError(f"--over {name}: -p {name}=... gives it one value; leave one of them out")
    varied = [n for n, p in function.parameters.items() if p.compared and n not in given]
    if not (over or varied):
        apart = [name for name, p in function.parameters.items() if p.options and name not in given]
        why = f"name what to compare with --over: {', '.join(apart)}"
        why = why if apart else "it has no one_of(...) parameter to compare"
        raise UsageError(f"model {function.__name__}: {why}", function.file, function.line)
    return list(over) or varied


def choices(function: ModelFunction, names: Sequence[str]) -> list[dict[str, object]]:
    """Every combination of the values of these parameters, by the names of the values."""
    options = [list(function.parameters[name].options or {}) for name in names]
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*options)]


def compare(
    function: ModelFunction,
    given: Mapping[str, object],
    over: Sequence[str] = (),
    *,
    limits: Callable[[], Limits] = Limits,
    symmetry: bool = True,
    watch: Callable[[Any], None] = lambda _: None,
) -> Iterator[Row | Refused]:
    """A row for each combination of the compared parameters, each within limits of its own.

    A row that hits a limit gets its smaller likeness beside it, if the model has one. As many rows at once
    as there are cores: most of the time goes to machine code, which threads run side by side.
    """

    def check(model: Model) -> Report:
        return report_on(model, symmetry=symmetry, limits=limits(), watch=watch)

    def row(values: dict[str, object]) -> Row | Refused:
        try:
            model = function(**{**given, **values})
        except UsageError as error:
            return Refused(values, error)
        if not any(claim.kind == "progress" for claim in model.properties):
            why = "it has no progress(...) property to compare by"
            raise UsageError(f"model {function.__name__}: {why}", function.file, function.line)
        report = check(model)
        unfinished = any(result.progress and result.progress.at_least for result in report.results)
        scaled = _scaled(function, {**given, **values}, check) if unfinished else None
        return Row(values, report, _reads(model), scaled)

    pool = ThreadPoolExecutor(cores())
    try:
        yield from pool.map(row, choices(function, compared(function, given, over)))
    finally:
        pool.shutdown(cancel_futures=True)


def row_json(row: Row | Refused) -> dict[str, Any]:
    """What ``check --json`` gives, and the row's own."""
    if isinstance(row, Refused):
        return {"values": row.values, "error": row.error.as_json()}
    scaled = row.scaled and {
        "parameters": row.scaled.parameters,
        "rung": row.scaled.rung,
        "below": {"parameters": row.scaled.below, "rung": row.scaled.rung_below},
    }
    return report_json(row.report) | {"values": row.values, "reads": row.reads, "scaled": scaled}


def _scaled(function: ModelFunction, values: Mapping[str, object], check: Check) -> Scaled | None:
    """The smaller likeness, if its verdict changes just where the model says."""
    if function.small is None:
        return None
    pair = function.small(**{name: value for name, (value, _) in function.resolve(values).items()})
    if pair is None:
        return None
    below, at = (check(function(**{**values, **smaller})) for smaller in pair)
    rungs = [_rung(report) for report in (below, at)]
    if None in rungs or rungs[0] == rungs[1]:
        return None
    return Scaled(pair[1], str(rungs[1]), pair[0], str(rungs[0]))


def _rung(report: Report) -> str | None:
    found = next(result.progress for result in report.results if result.progress is not None)
    return None if found.at_least else found.rung


def _reads(model: Model) -> list[str]:
    """The words that the victim only loads, in the order of its source."""
    program = compile_model(model)
    reads: list[str] = []
    for entry in program.entries:
        for node in entry.graph.nodes if entry.process.role is VICTIM else ():
            if isinstance(node, Together):
                reads.append("+".join(_field(program.slots[word.base].label) for word in node.words))
            elif isinstance(node, Step) and not node.operation.new:
                reads.append(_field(program.slots[node.word.base].label))
    return list(dict.fromkeys(reads))


def _field(label: str) -> str:
    return label.rpartition(".")[2]
