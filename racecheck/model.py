"""Models, processes and properties: the values that a model function builds."""

from __future__ import annotations

import enum
import inspect
import linecache
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, field, fields, frozen

from racecheck.blame import blamed, kind_of, offer, told
from racecheck.errors import ModelError, RacecheckError, UsageError
from racecheck.parameters import OneOf, Parameter
from racecheck.vocabulary import Shared
from racecheck.words import context

Condition = Callable[[], object]


class Role(enum.Enum):
    """Whose code a process is: see the section on fairness in the README's glossary."""

    KERNEL = "kernel"
    VICTIM = "victim"
    HOSTILE = "hostile"


KERNEL, VICTIM, HOSTILE = Role.KERNEL, Role.VICTIM, Role.HOSTILE
RUNGS = ("never", "by racing", "by strategy", "at rest")
RESERVED = ("deadlock",)
MOST_PROCESSES = 10_000
"""More than this, and not even one state is worth writing down."""


@frozen(init=False)
class Process:
    """``count`` interchangeable processes that each run ``function(*args, **kwargs)``.

    Arguments are bound when compiling: functions, shared objects, constants. ``count=0`` is allowed,
    and absent. Raises ModelError for a count below 0, something that is not a Python function, or
    arguments that do not fit it.
    """

    name: str
    function: Callable[..., object]
    args: tuple[object, ...]
    kwargs: tuple[tuple[str, object], ...]
    role: Role
    count: int

    def __init__(
        self,
        name: str,
        function: Callable[..., object],
        *args: object,
        role: Role = KERNEL,
        count: int = 1,
        **kwargs: object,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ModelError(
                f"Process({kind_of(name)}, ...): the first argument is the process's name, then come its "
                "function and the function's arguments"
            )
        if not hasattr(function, "__code__"):
            raise ModelError(
                f"process {name!r} runs {kind_of(function)}: pass a Python function, then its arguments"
            )
        if not isinstance(role, Role):
            raise ModelError(f"process {name!r} has role={role!r}: use KERNEL, VICTIM or HOSTILE")
        if not isinstance(count, int) or count < 0:
            raise ModelError(f"process {name!r} has count={count!r}: a count is an int from 0 on")
        try:
            inspect.signature(function, follow_wrapped=False).bind(*args, **kwargs)
        except TypeError as error:
            raise ModelError(f"process {name!r} runs {function.__name__}(): {error}") from error
        self.__attrs_init__(name, function, args, tuple(kwargs.items()), role, int(count))

    def instances(self) -> list[str]:
        """The names of the real processes: ``name``, or ``name 1`` to ``name n``."""
        if self.count == 1:
            return [self.name]
        return [f"{self.name} {i}" for i in range(1, self.count + 1)]


@frozen
class Property:
    """A claim about the model: ``always`` or ``sometimes`` a condition, or ``progress`` of an event."""

    kind: str
    name: str
    condition: Condition | None = None
    unless: Condition | None = None
    cost: tuple[tuple[str, Condition], ...] = ()
    at_worst: str = "never"

    def is_worse(self, rung: str) -> bool:
        """Whether a rung of the ladder is worse than this claim allows."""
        return RUNGS.index(rung) > RUNGS.index(self.at_worst)


def always(name: str, condition: Condition) -> Property:
    """The condition holds in every reachable state."""
    return Property("always", name, _callable(name, condition))


def sometimes(name: str, condition: Condition) -> Property:
    """The condition holds in some reachable state: guards against a model in which nothing happens."""
    return Property("sometimes", name, _callable(name, condition))


def progress(
    event: str,
    unless: Condition | None = None,
    cost: Mapping[str, Condition] | None = None,
    at_worst: str = "never",
) -> Property:
    """No attacker can keep the victim from emitting the event for ever, except while ``unless`` holds.

    ``cost`` names what an attacker spends. The claim is violated when what the attacker needs is less
    than ``at_worst`` says: one of "never", "by racing", "by strategy", "at rest".
    """
    if not isinstance(event, str) or not event:
        raise ModelError(f"progress({kind_of(event)}): the first argument is the name of an event")
    if at_worst not in RUNGS:
        raise ModelError(f"progress({event!r}, at_worst={at_worst!r}): use one of {', '.join(RUNGS)}")
    if not isinstance(cost or {}, Mapping):
        raise ModelError(f"progress({event!r}): cost is {kind_of(cost)}; write dict(name=lambda: ...)")
    costs = tuple((name, _callable(name, value)) for name, value in (cost or {}).items())
    excuse = None if unless is None else _callable(event, unless)
    return Property("progress", event, None, excuse, costs, at_worst)


def _callable(name: str, condition: Condition) -> Condition:
    if not isinstance(name, str) or not name:
        raise ModelError(
            f"a property's name is a string, not {kind_of(name)}; write always('name', lambda: ...)"
        )
    if not hasattr(condition, "__code__"):
        raise ModelError(f"property {name!r}: the condition is {kind_of(condition)}; write lambda: ...")
    if any(p.default is p.empty for p in inspect.signature(condition).parameters.values()):
        raise ModelError(f"property {name!r}: its condition takes no arguments; write lambda: ...")
    return condition


@frozen(init=False)
class Model:
    """Processes and properties over shared objects, in any order."""

    processes: tuple[Process, ...]
    properties: tuple[Property, ...]
    shared: tuple[Shared, ...]
    name: str
    parameters: dict[str, object]
    given: dict[str, object]
    file: str
    line: int | None

    def __init__(self, *parts: Process | Property) -> None:
        for part in parts:
            if not isinstance(part, (Process, Property)):
                raise ModelError(
                    f"Model() takes processes and properties as its arguments, not {kind_of(part)}"
                )
        processes = tuple(p for p in parts if isinstance(p, Process))
        properties = tuple(p for p in parts if isinstance(p, Property))
        if (number := sum(process.count for process in processes)) > MOST_PROCESSES:
            raise ModelError(f"{number:,} processes: at most {MOST_PROCESSES:,} can be searched; use fewer")
        _refuse_twins("processes", [name for p in processes for name in p.instances()])
        _refuse_twins("properties", [p.name for p in properties])
        for reserved in {p.name for p in properties}.intersection(RESERVED):
            raise ModelError(f"a property is named {reserved!r}, which is the name of a built-in check")
        present = tuple(p for p in processes if p.count)
        shared = tuple(context.created or ())
        self.__attrs_init__(present, properties, shared, "", {}, {}, "", None)


def _with(model: Model, **changes: Any) -> Model:
    """The same model, knowing where it comes from and which parameters were given."""
    copy = object.__new__(Model)
    copy.__attrs_init__(**{a.name: getattr(model, a.name) for a in fields(Model)} | changes)
    return copy


def _refuse_twins(what: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ModelError(f"two {what} are named {name!r}: names must differ")


@frozen
class ModelFunction:
    """A function that builds a Model; call it with parameters, as often as you like."""

    function: Callable[..., object]
    parameters: dict[str, Parameter] = field(repr=False)
    small: Callable[..., Any] | None = field(default=None, repr=False)

    @property
    def __name__(self) -> str:
        return self.function.__name__

    @property
    def file(self) -> str:
        """The file that defines the model."""
        return self.function.__code__.co_filename

    @property
    def line(self) -> int:
        """The line of its ``def``."""
        return _line_of_def(self.function)

    def scaled(self, small: Callable[..., Any]) -> ModelFunction:
        """The same model, with ``small(**parameters)`` as its smaller likeness for ``racecheck compare``.

        It returns two dicts of parameters, just below and at the place where the verdict must change if the
        large constants behave as the small ones do, or None where nothing is predicted.
        """
        return evolve(self, small=small)

    def resolve(self, values: Mapping[str, object]) -> dict[str, tuple[object, object]]:
        """Each parameter as the function gets it and as a report names it; or UsageError."""
        for unknown in values.keys() - self.parameters.keys():
            instead = offer(unknown, self.parameters)
            raise UsageError(f"model {self.__name__} has no parameter {unknown!r}; {instead}")
        given = {name: values.get(name, p.first) for name, p in self.parameters.items()}
        return {name: self.parameters[name].resolve(value) for name, value in given.items()}

    def __call__(self, *unnamed: object, **values: object) -> Model:
        """Build the model; UsageError for a parameter that does not exist or does not fit."""
        if unnamed:
            raise UsageError(f"{self.__name__}({unnamed[0]!r}): give each parameter by name")
        resolved = self.resolve(values)
        model = self._run({name: value for name, (value, _) in resolved.items()})
        shown = {name: shown for name, (_, shown) in resolved.items()}
        given = {name: shown[name] for name in shown if name in values}
        place = {"name": self.__name__, "file": self.file, "line": self.line}
        return _with(model, **place, parameters=shown, given=given)

    def _run(self, values: dict[str, object]) -> Model:
        outer, context.created = context.created, []
        try:
            built = self.function(**values)
        except RacecheckError as error:
            if error.file is not None:
                raise
            raise type(error)(error.message, *blamed(error, self.file)) from error
        except (Exception, SystemExit) as error:
            what = f"{self.__name__}() raised {told(error)}"
            raise ModelError(what, *blamed(error, self.file)) from error
        finally:
            context.created = outer
        if not isinstance(built, Model):
            what = f"{self.__name__}() returned {kind_of(built)}: return Model(...)"
            raise ModelError(what, self.file, self.line)
        return built


def _line_of_def(function: Callable[..., object]) -> int:
    """The first line of a function after its decorators."""
    code = function.__code__
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    starts = (n for n, line in enumerate(lines) if line.lstrip().startswith(("def ", "async def ")))
    return code.co_firstlineno + next(starts, 0)


def model(function: Callable[..., object]) -> ModelFunction:
    """Make a function that returns ``Model(...)`` a model; its keyword parameters become options.

    Each parameter needs a default: an int, a bool, a string, or ``one_of(...)``. Raises ModelError if
    one has none.
    """
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
        raise ModelError(f"@model goes before a plain def that returns Model(...), not {kind_of(function)}")
    place = function.__code__.co_filename, _line_of_def(function)
    parameters = {}
    for name, parameter in inspect.signature(function).parameters.items():
        default = parameter.default
        if not isinstance(default, (int, str, OneOf)) or parameter.kind is parameter.POSITIONAL_ONLY:
            what = f"parameter {name!r} of model {function.__name__} needs a name and a default: "
            raise ModelError(f"{what}an int, a bool, a string or one_of(...)", *place)
        parameters[name] = Parameter(name, default)
    return ModelFunction(function, parameters)
