"""Models, processes and properties: the values that a model function builds."""

from __future__ import annotations

import enum
import inspect
import traceback
from collections.abc import Callable, Mapping

from attrs import field, frozen

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


@frozen(init=False)
class Process:
    """``count`` interchangeable processes that each run ``function(*args, **kwargs)``.

    Arguments are bound when compiling: functions, shared objects, constants. ``count=0`` is allowed,
    and absent. Raises ModelError for a count below 0 or something that is not a Python function.
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
            raise ModelError(f"Process({name!r}, ...): the first argument is the process's name")
        if not hasattr(function, "__code__"):
            raise ModelError(f"process {name!r} runs {function!r}: pass a Python function")
        if not isinstance(role, Role):
            raise ModelError(f"process {name!r} has role={role!r}: use KERNEL, VICTIM or HOSTILE")
        if not isinstance(count, int) or count < 0:
            raise ModelError(f"process {name!r} has count={count!r}: a count is an int from 0 on")
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
    if at_worst not in RUNGS:
        raise ModelError(f"progress({event!r}, at_worst={at_worst!r}): use one of {', '.join(RUNGS)}")
    costs = tuple((name, _callable(name, value)) for name, value in (cost or {}).items())
    return Property("progress", event, None, unless and _callable(event, unless), costs, at_worst)


def _callable(name: str, condition: Condition) -> Condition:
    if not isinstance(name, str):
        raise ModelError(f"a property's name is a string, not {name!r}")
    if not hasattr(condition, "__code__"):
        raise ModelError(f"property {name!r}: the condition is {condition!r}; write lambda: ...")
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

    def __init__(self, *parts: Process | Property) -> None:
        for part in parts:
            if not isinstance(part, (Process, Property)):
                raise ModelError(f"Model({part!r}): expected a Process or a property")
        processes = tuple(p for p in parts if isinstance(p, Process))
        properties = tuple(p for p in parts if isinstance(p, Property))
        _refuse_twins("processes", [name for p in processes for name in p.instances()])
        _refuse_twins("properties", [p.name for p in properties])
        for reserved in {p.name for p in properties}.intersection(RESERVED):
            raise ModelError(f"a property is named {reserved!r}, which is the name of a built-in check")
        present = tuple(p for p in processes if p.count)
        shared = tuple(context.created or ())
        self.__attrs_init__(present, properties, shared, "", {}, {}, "")

    def named(self, name: str, parameters: dict[str, object], given: dict[str, object], file: str) -> Model:
        """The same model, knowing where it comes from and which parameters were given."""
        copy = object.__new__(Model)
        copy.__attrs_init__(self.processes, self.properties, self.shared, name, parameters, given, file)
        return copy


def _refuse_twins(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"two {what} are named {name!r}: names must differ")


@frozen
class ModelFunction:
    """A function that builds a Model; call it with parameters, as often as you like."""

    function: Callable[..., object]
    parameters: dict[str, Parameter] = field(repr=False)

    @property
    def __name__(self) -> str:
        return self.function.__name__

    @property
    def file(self) -> str:
        """The file that defines the model."""
        return self.function.__code__.co_filename

    @property
    def line(self) -> int:
        """The line where the model function starts."""
        return self.function.__code__.co_firstlineno

    def __call__(self, **values: object) -> Model:
        """Build the model; UsageError for a parameter that does not exist or does not fit."""
        for unknown in values.keys() - self.parameters.keys():
            known = ", ".join(self.parameters) or "no parameters"
            raise UsageError(f"model {self.__name__} has no parameter {unknown!r}; it has {known}")
        defaults = {name: next(iter(p.options)) if p.options else p.default
                    for name, p in self.parameters.items()}  # fmt: skip
        resolved = {
            name: self.parameters[name].resolve(value) for name, value in (defaults | values).items()
        }
        model = self._run({name: value for name, (value, _) in resolved.items()})
        shown = {name: shown for name, (_, shown) in resolved.items()}
        given = {name: shown[name] for name in shown if name in values}
        return model.named(self.__name__, shown, given, self.file)

    def _run(self, values: dict[str, object]) -> Model:
        outer, context.created = context.created, []
        try:
            built = self.function(**values)
        except RacecheckError as error:
            raise _located(error, self.file) from error
        except Exception as error:
            raise _located(ModelError(f"{type(error).__name__}: {error}"), self.file, error) from error
        finally:
            context.created = outer
        if not isinstance(built, Model):
            raise ModelError(
                f"{self.__name__}() returned {built!r}: return Model(...)", self.file, self.line
            )
        return built


def _located(error: RacecheckError, file: str, cause: Exception | None = None) -> RacecheckError:
    """The error with the innermost line of the user's file that led to it."""
    if error.file is not None:
        return error
    frames = traceback.extract_tb((cause or error).__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    return type(error)(error.message, file, lines[-1] if lines else None)


def model(function: Callable[..., object]) -> ModelFunction:
    """Make a function that returns ``Model(...)`` a model; its keyword parameters become options.

    Each parameter needs a default: an int, a bool, a string, or ``one_of(...)``. Raises ModelError if
    one has none.
    """
    file, line = function.__code__.co_filename, function.__code__.co_firstlineno
    parameters = {}
    for name, parameter in inspect.signature(function).parameters.items():
        default = parameter.default
        if not isinstance(default, (int, str, OneOf)):
            raise ModelError(
                f"parameter {name!r} of model {function.__name__} needs a default: an int, a bool, "
                "a string or one_of(...)",
                file,
                line,
            )
        parameters[name] = Parameter(name, default)
    return ModelFunction(function, parameters)
