"""The exceptions that racecheck raises, as a tree."""

from __future__ import annotations


class RacecheckError(Exception):
    """Something that the user can mend; ``str()`` is the whole message, in one or two lines."""

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line

    def as_json(self) -> dict[str, str | int | None]:
        """The message and its place as ``--json`` has them."""
        return {"message": self.message, "file": self.file, "line": self.line}

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
