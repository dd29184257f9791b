"""What messages say of the user's own code: where it went wrong, and what a value is."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FunctionType


def blamed(error: BaseException, file: str) -> tuple[str, int | None]:
    """The innermost line of the user's code that led to an exception: in the file, or beside it."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file or _is_beside(Path(frame.filename), Path(file)):
            return frame.filename, frame.lineno
    return file, None


def _is_beside(path: Path, file: Path) -> bool:
    beside = file.is_absolute() and path.is_relative_to(file.parent)
    return beside and "site-packages" not in path.parts and not path.is_relative_to(Path(__file__).parent)


def told(error: BaseException) -> str:
    """An exception of the user's code, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def kind_of(value: object) -> str:
    """What a value is: itself if it is short, else its type, never an address in memory."""
    if value is None or isinstance(value, (int, str, float)):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, FunctionType):
        return f"the function {value.__name__}"
    name = type(value).__name__
    return f"an {name}" if name.lower().startswith(tuple("aeiou")) else f"a {name}"


def offer(name: str, known: Iterable[str]) -> str:
    """The known names, or the one among them that was probably meant."""
    known = list(known)
    close = difflib.get_close_matches(name, known, 1, 0.75)
    return f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known) or 'none'}"
