"""From ``FILE::MODEL`` and ``-p NAME=VALUE`` to a model."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from racecheck.errors import ModelError, RacecheckError, UsageError
from racecheck.model import Model, ModelFunction

_numbers = itertools.count()


def load_model(where: str, values: Sequence[str] = ()) -> Model:
    """Build the model that ``FILE`` or ``FILE::MODEL`` names, with ``NAME=VALUE`` texts applied.

    Runs the file. Raises UsageError for a name or value that does not fit, ModelError for a file that
    does not import.
    """
    function = find_model(where)
    chosen = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"-p {text}: write NAME=VALUE")
        parameter = function.parameters.get(name)
        chosen[name] = parameter.parse(value) if parameter else value
    try:
        return function(**chosen)
    except UsageError as error:
        raise UsageError(error.message, function.file, function.line) from error


def find_model(where: str) -> ModelFunction:
    """The model function that ``FILE`` or ``FILE::MODEL`` names."""
    file, _, name = where.partition("::")
    models = models_in(file)
    if name:
        if name not in models:
            raise UsageError(f"no model {name!r}; the file has {_names(models)}", file)
        return models[name]
    if len(models) == 1:
        return next(iter(models.values()))
    if Path(file).stem in models:
        return models[Path(file).stem]
    if not models:
        raise UsageError("no model; write a function with @racecheck.model that returns Model(...)", file)
    raise UsageError(f"several models: {_names(models)}; choose one with {file}::NAME", file)


def models_in(file: str) -> dict[str, ModelFunction]:
    """The models that a file defines itself, by name. Runs the file."""
    found = {}
    for value in vars(_import(file)).values():
        if isinstance(value, ModelFunction) and value.file == str(Path(file).resolve()):
            found[value.__name__] = value
    return found


def _names(models: dict[str, ModelFunction]) -> str:
    return ", ".join(models) or "none"


def _import(file: str) -> ModuleType:
    path = Path(file).resolve()
    if not path.is_file():
        raise UsageError("no such file", file)
    if path.suffix != ".py":
        raise UsageError("a model is a Python file (.py)", file)
    # A name of its own: two files called folio.py, or an edited one, must not be mixed up.
    name = f"racecheck_model_{next(_numbers)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _importable(path.parent):
        try:
            spec.loader.exec_module(module)
        except RacecheckError as error:
            raise type(error)(
                error.message, error.file or file, error.line or _line(error, path)
            ) from error
        except SyntaxError as error:
            raise ModelError(f"SyntaxError: {error.msg}", file, error.lineno) from error
        except (Exception, SystemExit) as error:
            what = f"does not import: {type(error).__name__}: {error}"
            raise ModelError(what, file, _line(error, path)) from error
    return module


def _line(error: BaseException, path: Path) -> int | None:
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return lines[-1] if lines else None


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a model import its neighbours, and forget them afterwards."""
    before, path = set(sys.modules), list(sys.path)
    sys.path[:0] = [str(folder), str(Path.cwd())]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if Path(origin).parent == folder:
                del sys.modules[name]
