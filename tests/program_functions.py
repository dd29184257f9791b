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
PEEK, POKE, CHECK = Helper("peek"), Helper("poke"), Helper("check")
BOTH, BUMP = Helper("both", "pair"), Helper("bump", steady=False)
SPIN = Helper("spin", steady=False, plain=False)
# Each may call those before it; those that may be passed as an argument, a ``check``, come first.
HELPERS = (PEEK, POKE, BOTH, BUMP, SPIN)


@dataclass(frozen=True)
class Definition:
    """A helper, its source, and the function that calls of it pass as ``check``."""

    helper: Helper
    form: str
    code: str
    passes: str = ""


@dataclass(frozen=True)
class Worker:
    """A process function, its parameters, and its source."""

    role: str
    takes: tuple[str, ...]
    inner: bool
    body: str

    def code(self, name: str) -> str:
        """The source, under a name."""
        return f"def {name}({', '.join(self.takes)}):\n{indented(self.body)}"


def indented(code: str, levels: int = 1) -> str:
    """The code further to the right."""
    return re.sub(r"^", "    " * levels, code, flags=re.MULTILINE)


def initialised(body: str, start: str = "{name} = 0") -> str:
    """The body, with a start value for each local that it uses."""
    used = [name for name in "abc" if re.search(rf"\b{name}\b", body)]
    return "\n".join([*(start.format(name=name) for name in used), body])


def passable(definitions: list[Definition]) -> list[str]:
    """The functions that may be passed to another as its ``check``."""
    free = [d for d in definitions if d.form not in ("method", "caller")]
    return [d.helper.name for d in free if d.helper in (PEEK, POKE)]


def called(code: str, definitions: list[Definition]) -> str:
    """The code, with every call in the form that the definition of the helper asks for."""
    for definition in definitions:
        call = rf"(?<!def )\b{definition.helper.name}\((\w+)"
        if definition.form == "method":
            code = re.sub(call + "(, )?", rf"\1.{definition.helper.name}(", code)
        elif definition.form == "caller":
            code = re.sub(call, rf"{definition.helper.name}(\1, {definition.passes}", code)
    return code


@st.composite
def definitions(draw: st.DrawFn, errors: bool) -> list[Definition]:
    """Helper functions, each of which may call those before it."""
    chosen = draw(st.lists(st.sampled_from(HELPERS), max_size=3, unique=True))
    found: list[Definition] = []
    for helper in sorted(chosen, key=HELPERS.index):
        found.append(draw(definition(helper, found, errors)))
    return found


@st.composite
def definition(draw: st.DrawFn, helper: Helper, known: list[Definition], wild: bool) -> Definition:
    """A helper function in some form."""
    passed = passable(known)
    form = draw(st.sampled_from([form for form in FORMS if passed or form != "caller"]))
    scope = Scope(
        size=2,
        roots=("self",) if form == "method" else ("o",),
        constants=("up",) if form == "closure" else (),
        helpers=(*(d.helper for d in known), *([CHECK] if form == "caller" else [])),
        result=helper.result,
        spin=not helper.plain,
        group=helper.plain,
        steady=helper.steady,
        errors=wild,
    )
    body = draw(filled(BODIES[helper.result], scope))
    body = initialised(body, "{name}: int = 0" if form == "annotated" else "{name} = 0")
    code = FORMS[form].format(f=helper.name, body=indented(body, 2 if form == "closure" else 1))
    return Definition(helper, form, code, draw(st.sampled_from(passed)) if passed else "")


@st.composite
def workers(draw: st.DrawFn, scope: Scope, passed: list[str]) -> Worker:
    """A process function; an inner one is defined in the model function."""
    role = draw(st.sampled_from(["KERNEL", "KERNEL", "KERNEL", "HOSTILE", "HOSTILE", "VICTIM"]))
    inner = draw(st.sampled_from([False, False, False, True]))
    if inner:
        scope = replace(scope, constants=("high",))
    elif draw(st.booleans()) and passed:
        scope = replace(scope, helpers=(CHECK, *scope.helpers))
    ends = "" if role == "VICTIM" else "bare"
    scope = replace(scope, hostile=role == "HOSTILE", spin=role != "HOSTILE", result=ends)
    body = initialised(draw(piece(role.lower(), scope)))
    takes = [*scope.roots] * (not inner)
    takes += ["check"] * bool(re.search(r"\bcheck\(", body))
    takes += ["n=2"] * bool(re.search(r"\bn\b(?! ?=[^=])", body))
    return Worker(role, tuple(takes), inner, body)
