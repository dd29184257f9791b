"""What a progress property may not say, and whom it may not be about."""

import textwrap

import pytest
from test_refusals import HEAD, MODEL, PROCESS, refused

LOOP = "while True:\n    page.x.xchg(3)\n    event('a')"
CLAIM = ", progress('a')"
VICTIMS = {  # of the process p its role and its body, what the model has beside it, and the message
    "kernel": ("KERNEL", LOOP, CLAIM, "no process with role=VICTIM emits event('a')"),
    "another event": ("VICTIM", LOOP, ", progress('b')", "no process with role=VICTIM emits event('b')"),
    "absent": ("VICTIM, count=0", LOOP, CLAIM, "no process with role=VICTIM emits event('a')"),
    "behind the loop": (
        "VICTIM", "while True:\n    page.x.inc()\nevent('a')", CLAIM, "no process with role=VICTIM emits",
    ),
    "a crowd": ("VICTIM, count=2", LOOP, CLAIM, "process 'p': progress('a') has several victims: p 1, p 2"),
    "two": (
        "VICTIM", LOOP, f", Process('q', p, page, role=VICTIM){CLAIM}", "has several victims: p, q;",
    ),
    "no loop": ("VICTIM", "page.x.inc()\nevent('a')", CLAIM, "the victim of progress('a') can return"),
    "break": ("VICTIM", f"{LOOP}\n    if choose(): break", CLAIM, "and would be blocked after its success"),
    "while": ("VICTIM", LOOP.replace("True", "page.x.read()"), CLAIM, "its attempts in 'while True:'"),
}  # fmt: skip


@pytest.mark.parametrize("name", VICTIMS)
def test_victims(name, tmp_path):
    """A progress property has one victim, which comes to its event again and again."""
    role, body, others, message = VICTIMS[name]
    source = HEAD + PROCESS.format(textwrap.indent(body, "    ")) + MODEL.format(role, others)
    place = "def page(" if message.startswith("no process") else "def p("
    assert message in refused(tmp_path, source, source[: source.index(place)].count("\n") + 1)


EXPRESSIONS = {
    "cost=dict(c=lambda: 'a')": "lambda: 'a': the str 'a' is used as an int",
    "cost=dict(c=lambda: (page.x, 1))": "lambda: (page.x, 1): a tuple is used as an int",
    "cost=dict(c=lambda: None)": "lambda: None: None is used as an int",
    "cost=dict(c=lambda: 1.5)": "1.5: the type float is outside the language; use ints",
    "cost=dict(c=lambda: page.x.read())": "name the word without a method",
    "cost=dict(c=lambda: 1 // (page.x - 3))": "1 // (page.x - 3): division by zero",
    "unless=lambda: 1 // (page.x - 3)": "1 // (page.x - 3): division by zero",
    "unless=lambda: 'a'": "lambda: 'a': the str 'a' is used as an int",
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_costs_and_excuses(text, tmp_path):
    """They are numbers, in every state, and take no steps."""
    body = PROCESS.format(textwrap.indent(LOOP, "    "))
    source = HEAD + body + MODEL.format("VICTIM", f", progress('a', {text})  #!\n")
    assert EXPRESSIONS[text] in refused(tmp_path, source)
