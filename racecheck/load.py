"""From ``FILE::MODEL`` and ``-p NAME=VALUE`` to a model."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from racecheck.blame import blamed, offer, told
from racecheck.errors import ModelError, RacecheckError, UsageError
from racecheck.model import Model, ModelFunction

_numbers = itertools.count()


def load_model(where: str, values: Sequence[str] = ()) -> Model:
    """Build the model that ``FILE`` or ``FILE::MODEL`` names, with ``NAME=VALUE`` texts applied.

    Runs the file. Raises UsageError for a name or value that does not fit, ModelError for a file that
    does not import.
    """
    function = find_model(where)
    return function(**chosen(function, values))


def chosen(function: ModelFunction, values: Sequence[str]) -> dict[str, object]:
    """The parameters that ``NAME=VALUE`` texts give a model; UsageError for one that does not fit."""
    given: dict[str, object] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"-p {text}: write NAME=VALUE")
        parameter = function.parameters.get(name)
        given[name] = parameter.parse(value) if parameter else value
    try:
        function.resolve(given)
    except UsageError as error:
        raise UsageError(error.message, function.file, function.line) from error
    return given


def find_model(where: str) -> ModelFunction:
    """The model function that ``FILE`` or ``FILE::MODEL`` names."""
    file, _, name = where.partition("::")
    models = models_in(file)
    if not models:
        raise UsageError("no model; write a function with @racecheck.model that returns Model(...)", file)
    if name:
        if name not in models:
            raise UsageError(f"no model {name!r}; {offer(name, models)}", file)
        return models[name]
    if len(models) == 1:
        return next(iter(models.values()))
    if Path(file).stem in models:
        return models[Path(file).stem]
    raise UsageError(f"several models: {', '.join(models)}; choose one with {file}::NAME", file)


def models_in(file: str) -> dict[str, ModelFunction]:
    """The models that a file defines itself, by name. Runs the file."""
    models = [value for value in vars(module_of(file)).values() if isinstance(value, ModelFunction)]
    path = str(Path(file).resolve())
    found = {value.__name__: value for value in models if value.file == path}
    if models and not found:
        other = models[0]
        raise UsageError(f"no model of its own: {other.__name__} is imported from {other.file}", file)
    return found


def module_of(file: str) -> ModuleType:
    """The file as a module of its own. Runs it."""
    return _import(_model_file(file))


def _model_file(file: str) -> Path:
    path = Path(file).resolve()
    if not file:
        raise UsageError("no file is named; write FILE or FILE::MODEL")
    if path.is_dir():
        raise UsageError("this is a folder; name a model file (.py) in it", file)
    if not path.is_file():
        raise UsageError("no such file", file)
    if path.suffix != ".py":
        raise UsageError("a model is a Python file (.py)", file)
    return path


class _Loader(SourceFileLoader):
    """Compiles the file as it is now: a cache tells edits apart by second and size only."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the source."""
        return self.source_to_code(self.get_data(self.path), self.get_filename(fullname))


def _import(path: Path) -> ModuleType:
    # A name of its own: two files called folio.py, or an edited one, must not be mixed up.
    name = f"racecheck_model_{next(_numbers)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module there
    with _importable(path.parent):
        try:
            spec.loader.exec_module(module)
        except RacecheckError as error:
            if error.file is not None:
                raise
            raise type(error)(error.message, *blamed(error, str(path))) from error
        except (Exception, SystemExit) as error:
            what = f"SyntaxError: {error.msg}" if isinstance(error, SyntaxError) else told(error)
            raise ModelError(f"does not import: {what}", *blamed(error, str(path))) from error
    return module


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
