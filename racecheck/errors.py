"""The exceptions that racecheck raises, as a tree, and whom to blame for others."""

from __future__ import annotations

import traceback
from pathlib import Path


class RacecheckError(Exception):
    """Something that the user can mend; ``str()`` is the whole message, in one or two lines."""

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line

    def __str__(self) -> str:
        if self.file is None:
            return self.message
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.message}"


class UsageError(RacecheckError):
    """A parameter, an option or a file name that does not fit."""


class ModelError(RacecheckError):
    """The model is outside the language, or goes wrong while it runs."""


class TraceError(RacecheckError):
    """A trace file that is malformed."""


class PropertyError(AssertionError):
    """A check did not end in "holds" for every property; its text is the report."""


def blamed(error: BaseException, file: str) -> tuple[str, int | None]:
    """The innermost line of the user's own code that led to an exception: in the file or beside it."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file or _is_beside(Path(frame.filename), Path(file)):
            return frame.filename, frame.lineno
    return file, None


def _is_beside(path: Path, file: Path) -> bool:
    inside = file.is_absolute() and path.is_relative_to(file.parent)
    return inside and not path.is_relative_to(Path(__file__).parent) and "site-packages" not in path.parts


def told(error: BaseException) -> str:
    """An exception of the user's code, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def kind_of(value: object) -> str:
    """What a value is, for a message: its type, without the address that its repr may show."""
    if value is None or isinstance(value, (int, str, float)):
        return repr(value)
    name = getattr(value, "__name__", None)
    if isinstance(value, type):
        return f"the class {name}"
    return f"the function {name}" if callable(value) and name else f"a {type(value).__name__}"
