"""Parameters of a model: the options that ``-p NAME=VALUE`` sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from racecheck.blame import kind_of
from racecheck.errors import ModelError, UsageError


@frozen
class OneOf:
    """The values that a parameter may take, by name; the first is the default."""

    options: dict[str, object]
    compared: bool = True


def one_of(*options: object, compared: bool = True) -> Any:
    """A parameter with a few named values: functions, strings, tuples of such, or a list or dict of them.

    Elements go by their ``__name__``, a string by itself, a tuple as "a+b"; the first is the default.
    ``racecheck compare`` runs over all of them, or with ``compared=False`` only when told to.
    """
    if len(options) == 1 and isinstance(options[0], Mapping) and options[0]:
        return OneOf({str(name): option for name, option in options[0].items()}, compared)
    if len(options) == 1 and isinstance(options[0], (list, tuple)):
        options = tuple(options[0])
    named = {_option_name(option): option for option in options}
    if not options or len(named) != len(options) or isinstance(options[0], (Mapping, set, frozenset)):
        given = ", ".join(kind_of(option) for option in options)
        raise ModelError(
            f"one_of({given}): give one value or more in an order of their own, each with its own name; "
            "one_of({'name': value, ...}) names them"
        )
    return OneOf(named, compared)


def _option_name(option: object) -> str:
    if isinstance(option, tuple):
        return "+".join(_option_name(item) for item in option) or "none"
    return str(getattr(option, "__name__", option))


@frozen
class Parameter:
    """A keyword of a model function, with its type taken from its default."""

    name: str
    default: object

    @property
    def options(self) -> dict[str, object] | None:
        """The named values, or None for a plain int, bool or string."""
        return self.default.options if isinstance(self.default, OneOf) else None

    @property
    def compared(self) -> bool:
        """Whether ``racecheck compare`` runs over its values unless told otherwise."""
        return isinstance(self.default, OneOf) and self.default.compared

    @property
    def first(self) -> object:
        """The value that it has unless another is given."""
        return next(iter(self.options)) if self.options else self.default

    def describe(self) -> str:
        """What may be given, for a message."""
        if self.options is not None:
            return "one of " + ", ".join(self.options)
        kind = {bool: "true or false", int: "an integer", str: "a string"}[type(self.default)]
        return f"{kind} (default {self.default})"

    def parse(self, text: str) -> object:
        """The value that the text of ``-p name=text`` stands for; UsageError if none."""
        if self.options is not None or isinstance(self.default, str):
            return text
        if isinstance(self.default, bool):
            return {"true": True, "false": False}.get(text.lower(), text)
        try:
            return int(text, 0)
        except ValueError:
            return text

    def resolve(self, value: object) -> tuple[object, object]:
        """The value as the model function gets it, and as a report names it."""
        if self.options is None:
            if type(value) is not type(self.default):
                raise UsageError(f"parameter {self.name}={value!r}: {self.name} is {self.describe()}")
            return value, value
        for name, option in self.options.items():
            if value is option or value == name or (value == option and type(value) is type(option)):
                return option, name
        raise UsageError(f"parameter {self.name}={value!r}: {self.name} is {self.describe()}")
