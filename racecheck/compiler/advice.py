"""What to write instead of what is outside the language."""

from __future__ import annotations

import ast
import builtins
import difflib
import os
import sys
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from racecheck.operations import OPERATIONS

_EXCEPTIONS = "there are no exceptions in the language; "
_ASYNC = "there is no async: every atomic operation is a step by itself"
_COMPREHENSION = "comprehensions are outside the language; write a for loop over range()"

ADVICE: Final[dict[str, str]] = {
    "Try": f"{_EXCEPTIONS}test the value and branch",
    "TryStar": f"{_EXCEPTIONS}test the value and branch",
    "Raise": f"{_EXCEPTIONS}write assert condition, 'message'",
    "Global": "globals do not change; share a word in a Shared class",
    "Nonlocal": "outer locals do not change; share a word in a Shared class",
    "Delete": "del is outside the language; a local that is not used again costs nothing",
    "Import": "import at the top of the file",
    "ImportFrom": "import at the top of the file",
    "FunctionDef": "define the function outside, and call it",
    "ClassDef": "define the class outside; its objects are made in the model function",
    "Match": "match is outside the language; write if and elif",
    "AsyncFor": _ASYNC,
    "AsyncWith": _ASYNC,
    "AsyncFunctionDef": _ASYNC,
    "Div": "/ makes a fraction; write // for integers",
    "Pow": "** is not C; write the constant, or a shift",
    "MatMult": "there are no matrices; write * for integers",
    "List": "a list has no place in a state; use a tuple of locals, or an Array in a Shared class",
    "Dict": "a dict has no place in a state; use locals, or an Array in a Shared class",
    "Set": "a set has no place in a state; use the bits of an int",
    "ListComp": _COMPREHENSION,
    "SetComp": _COMPREHENSION,
    "DictComp": _COMPREHENSION,
    "GeneratorExp": "a generator stands only in all(), any() or sum() of a property or an assert",
    "JoinedStr": "f-strings are outside the language; write a constant",
    "NamedExpr": ":= is outside the language; assign on a line of its own",
    "Await": _ASYNC,
    "Yield": "yield is outside the language: every atomic operation is a step by itself",
    "YieldFrom": "yield is outside the language; call the function",
    "Starred": "* in a call or an assignment is outside the language; write each item out",
}


def advice_on(node: ast.AST) -> str:
    """Why a piece of syntax is refused, and what to write instead."""
    kind = type(node).__name__
    return ADVICE.get(kind, f"{kind} is outside the language")


BARE: Final = {
    "Atomic": "a bare atomic is not a value; write .read()",
    "Flag": "a bare flag is not a value; write .test()",
    "Lock": "a bare lock is not a value; write .trylock() to try it",
}


def unknown_operation(kind: str, name: str) -> str:
    """Why a word has no operation of this name, and which it has."""
    known = OPERATIONS[kind]
    close = difflib.get_close_matches(name.removeprefix("atomic_"), known, 1, 0.75)
    if close:
        return f"{kind} has no operation {name!r}; did you mean .{close[0]}()?"
    base = ", ".join(n for n in known if not n.endswith(("_relaxed", "_acquire", "_release")))
    weaker = "; most have _relaxed, _acquire and _release forms" if kind == "Atomic" else ""
    return f"{kind} has no operation {name!r}; it has {base}{weaker}"


def uncalled(kind: str, name: str) -> str:
    """Why an attribute of a word is not a value."""
    if name in OPERATIONS[kind]:
        return f"{name} is an operation; write .{name}() to do it"
    return f"{kind} has no attribute {name!r}; {BARE[kind].partition('; ')[2]}"


def without_result(kind: str, name: str) -> str:
    """That an operation returns nothing, and which like it do."""
    base = name.partition("_")[0]
    forms = f"{base}_return", f"{base}_and_test", f"fetch_{base}", f"test_and_{base}", f"try{base}"
    known = [form for form in forms if form in OPERATIONS[kind]]
    known = known or ["xchg"] * (kind == "Atomic" and base == "set")
    advice = f"; write {' or '.join(f'.{form}()' for form in known)} for a result" if known else ""
    return f"{name}() returns nothing{advice}"


def uncallable(function: Any) -> str:
    """Why a call is refused of something that is not a function of the user's."""
    name = getattr(function, "__name__", type(function).__name__)
    owner = getattr(function, "__self__", None)
    module = getattr(function, "__module__", None) or type(owner).__module__
    if getattr(builtins, name, None) is function:
        return f"{name}() is outside the language; of the builtins it has abs, bool, int, len, max and min"
    if isinstance(function, type):
        return f"{name} is a class: make objects in the model function, and pass them to the process"
    if module in sys.stdlib_module_names and module != "builtins":
        return (
            f"{module}.{name}() is outside the language; write a def, and what is up to chance as choose()"
        )
    return f"{name} has no Python source to compile; write a def"


def is_standard(function: FunctionType) -> bool:
    """Whether a function is part of Python."""
    file = function.__code__.co_filename
    return file.startswith((str(Path(os.__file__).parent), "<frozen")) and "site-packages" not in file


def needs_call(function: FunctionType) -> str:
    """That the vocabulary does something only when it is called."""
    return f"{function.__name__} is a function, and always true; write {function.__name__}()"
