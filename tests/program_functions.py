"""The functions of random models: helpers in every form that a modeller may use, and processes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from program_syntax import Helper, Scope, filled, piece

FORMS = {
    "function": "def {f}(o, n=1):\n{body}",
    "annotated": "def {f}(o: Obj, n: int = 1) -> object:\n    'Helps.'\n{body}",
    "method": "def {f}(self, n=1):\n{body}",
    "closure": "def for_{f}(up):\n    def {f}(o, n=up):\n{body}\n    return {f}\n{f} = for_{f}(2)",
    "caller": "def {f}(o, check, n=1):\n{body}",
}
BODIES = {"value": "{block}\nreturn {mixed}", "pair": "{block}\nreturn {twin}"}
CALLS = ("{root}", "{root}, {pure}", "{root}, n={num}", "{root}, {stepint}")
CHECK = Helper("check", tuple(f"check({call})" for call in CALLS), "value")


@dataclass(frozen=True)
class Definition:
    """A helper and its source."""

    helper: Helper
    form: str
    code: str


@dataclass(frozen=True)
class Worker:
    """A process function, its parameters, and its source."""

    name: str
    role: str
    takes: tuple[str, ...]
    inner: bool
    code: str


def indented(code: str, levels: int = 1) -> str:
    """The code further to the right."""
    return re.sub(r"^", "    " * levels, code, flags=re.MULTILINE)


def initialised(body: str, start: str = "{name} = 0") -> str:
    """The body, with a start value for each local that it uses."""
    used = [name for name in "abc" if re.search(rf"\b{name}\b", body)]
    return "\n".join([*(start.format(name=name) for name in used), body])


def passable(definitions: list[Definition]) -> list[Helper]:
    """The helpers that may be passed to a function as its ``check``."""
    found = [d.helper for d in definitions if d.form not in ("method", "caller")]
    return [h for h in found if h.result == "value" and h.steady and h.plain]


def calls(name: str, form: str, passed: list[Helper]) -> tuple[str, ...]:
    """The ways to call a helper."""
    if form == "method":
        return tuple(f"{{root}}.{name}({call[8:]})" for call in CALLS)
    if form != "caller":
        return tuple(f"{name}({call})" for call in CALLS)
    ways = (
        "{{root}}, {}",
        "{{root}}, {}, {{num}}",
        "{{root}}, check={}",
        "{{root}}, n=2, check={}",
    )
    return tuple(f"{name}({way.format(h.name)})" for h in passed for way in ways)


@st.composite
def definitions(draw: st.DrawFn, errors: bool) -> list[Definition]:
    """Helper functions, each of which may call those before it."""
    found: list[Definition] = []
    for number in range(1, draw(st.integers(0, 3)) + 1):
        found.append(draw(definition(f"helper{number}", found, errors)))
    return found


@st.composite
def definition(draw: st.DrawFn, name: str, known: list[Definition], errors: bool) -> Definition:
    """A helper function in some form; one that is not ``plain`` may wait and spin."""
    passed = passable(known)
    form = draw(st.sampled_from([form for form in FORMS if passed or form != "caller"]))
    result = draw(st.sampled_from(["value", "value", "value", "pair"]))
    steady, plain = (draw(st.sampled_from([True, True, False])) for _ in range(2))
    scope = Scope(
        size=2,
        roots=("self",) if form == "method" else ("o",),
        constants=("up",) if form == "closure" else (),
        helpers=(*(d.helper for d in known), *([CHECK] if form == "caller" else [])),
        result=result,
        spin=not plain,
        group=plain,
        steady=steady,
        errors=errors,
    )
    body = draw(filled(BODIES[result], scope))
    body = initialised(body, "{name}: int = 0" if form == "annotated" else "{name} = 0")
    body = indented(body, 2 if form == "closure" else 1)
    helper = Helper(name, calls(name, form, passed), result, steady, plain)
    return Definition(helper, form, FORMS[form].format(f=name, body=body))


@st.composite
def worker(draw: st.DrawFn, name: str, role: str, scope: Scope, passed: list[Helper]) -> Worker:
    """A process function; an inner one is defined in the model function."""
    inner = draw(st.sampled_from([False, False, False, True]))
    if inner:
        scope = replace(scope, constants=("high",))
    elif passed and draw(st.sampled_from([False, True])):
        scope = replace(scope, helpers=(CHECK, *scope.helpers))
    ends = "" if role == "VICTIM" else "bare"
    scope = replace(scope, hostile=role == "HOSTILE", spin=role != "HOSTILE", result=ends)
    body = initialised(draw(piece(role.lower(), scope)))
    takes = [*scope.roots] * (not inner)
    takes += ["check"] * bool(re.search(r"\bcheck\(", body))
    takes += ["n=2"] * bool(re.search(r"\bn\b(?! ?=[^=])", body))
    code = f"def {name}({', '.join(takes)}):\n{indented(body)}"
    return Worker(name, role, tuple(takes), inner, code)
