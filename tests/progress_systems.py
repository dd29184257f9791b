"""Random systems about progress as source text: small, and of every rung of the ladder.

``systems()`` draws the text of a file with one model called ``program``; ``programs.load_program`` runs
such a file. Words stay small: ``ref`` is only raised and lowered in pairs, and whatever is done to
``map`` and ``busy`` keeps them between 0 and 2. So nearly all systems have at most a few thousand states.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st
from program_functions import indented
from programs import finished

START = """
from racecheck import HOSTILE, VICTIM, Atomic, Ghost, Lock, Model, Process, Shared
from racecheck import atomic, choose, event, model, progress, rest, wait_until


class Page(Shared):
    ref = Atomic(1)
    map = Atomic(0)
    busy = Atomic(0)
    lock = Lock()
    pins = Ghost(0)
"""

# {kind} stands for a rule of that kind, and {kind:1} for the same one wherever :1 appears in a rule.
# Words start at 0 and the victim mostly hopes for 0, so that it is mostly the attacker who blocks it.
RULES = {
    "value": ["0", "1", "1", "2"],
    "wish": ["== 0", "== 0", "== 0", "< 2", "!= 1", ">= 1"],
    "word": ["page.map", "page.map", "page.busy"],
    "look": ["{word}.read()", "{word}.read()", "page.ref.read()"],
    "change": [
        "{word}.xchg({value})",
        "{word}.cmpxchg({value}, {value})",
        "{word}.fetch_and(1)",
        "{word}.fetch_or(1)",
        "{word}.dec_if_positive()",
    ],
    "test": [
        "{word}.read() {wish}",
        "{word}.read() {wish}",
        "{word}.read() {wish} and {word}.read() {wish}",
        "page.ref.read() == 1",
        "page.ref.read() < 3",
        "page.ref.read() < 2 + {word}.read()",
        "{change} {wish}",
        "{word}.try_cmpxchg(0, {value})",
    ],
    "touch": [
        "{word}.set({value})",
        "{word}.set({value})",
        "{word}.set({value})",
        "{word}.add_unless(1, 2)",
        "{change}",
        "{look}",
        "{word:1}.set(1)\n{word:1}.set(0)",
        "if {test}:\n    {touch}",
        "{word}.set({value})\nassert page.map + page.busy < 4",
    ],
    "wait": ["wait_until(lambda: {word} {wish})", "wait_until(lambda: page.ref < 2)"],
    "goal": ["if {test}:\n    event('goal')"],
    "victim": ["while True:\n    {attempt}"],
    "attempt": [
        "{goal}",
        "{goal}",
        "{goal}",
        "{goal}\n{touch}",
        "{touch}\n{goal}",
        "{goal}\nel{goal}",
        "{wait}\n{goal}",
        "{wait}\nevent('goal')",
        "if choose():\n    {goal}\nelse:\n    {goal}",
        "if choose():\n    {touch}\nel{goal}",
        "for i in range(2):\n    {goal}\n        break",
        "page.lock.lock()\n{goal}\npage.lock.unlock()",
        "if page.lock.trylock():\n    {goal}\n    page.lock.unlock()",
        "page.ref.inc()\nif page.ref.read() < 3 + {word}.read():\n    event('goal')\npage.ref.dec()",
        "with atomic():\n    {touch}\n    {goal}",
    ],
    "kernel": [
        "while True:\n    {touch}",
        "while True:\n    {wait}\n    {touch}",
        "while True:\n    {calm}",
        "while True:\n    if choose():\n        {wait}\n    else:\n        {wait}\n    {touch}",
        "while True:\n    if choose():\n        page.lock.lock()\n    else:\n        page.lock.lock()\n"
        "    {touch}\n    page.lock.unlock()",
        "{calm}\n{touch}",
        "if {test}:\n    {touch}",
        "{latch}",
    ],
    "latch": ["page.busy.set(1)", "if choose():\n    page.busy.set(1)\nelse:\n    {word}.set(1)"],
    "calm": [
        "page.ref.inc()\n{touch}\npage.ref.dec()",
        "page.lock.lock()\n{touch}\npage.lock.unlock()",
        "{word:1}.set({value})\nif choose():\n    {touch}\n{word:1}.set(0)",
    ],
    "hostile": [
        "while True:\n    rest()\n    {act}",
        "while True:\n    rest()\n    {hold}",
        "while True:\n    rest()\n    {act}\n    rest()\n    {act}",
        "while True:\n    rest()\n    {spin}",
        "while True:\n    rest()\n    {spin}",
        "while True:\n    rest()\n    {spin}",
        "while True:\n    {hold}\n    rest()",
        "while True:\n    rest()\n    if choose():\n        {act}\n    else:\n        {act}",
        "{touch}\nrest()\n{calm}",
        "page.lock.lock()\n{touch}",
    ],
    "early": [
        "while True:\n    rest()\n    if page.busy.read() == 0:\n        {hold}",
        "while True:\n    rest()\n    if page.busy.read() == 0:\n        page.map.set(1)\n        rest()",
    ],
    "excused": [
        "while True:\n    rest()\n    {hold}\n    page.busy.set(1)\n    {touch}\n    page.busy.set(0)"
    ],
    "act": ["{touch}", "{calm}", "{hold}", "{hold}", "while choose():\n    {touch}"],
    "hold": [
        "page.ref.inc()\n{part}\npage.ref.dec()",
        "{word:1}.set(1)\n{part}\n{word:1}.set(0)",
        "{word:1}.set(1)\n{part}\n{word:1}.set(0)",
        "page.lock.lock()\n{part}\npage.lock.unlock()",
        "if page.lock.trylock():\n    {part}\n    page.lock.unlock()",
        "page.ref.inc()\npage.pins += 1\n{part}\npage.ref.dec()\npage.pins -= 1",
        "{word:1}.set(1)\n{look}\npage.pins += 1\n{part}\n{word:1}.set(0)\npage.pins -= 1",
        "with atomic():\n    page.lock.lock()\n    {touch}\n{part}\npage.lock.unlock()",
    ],
    "spin": [
        "page.ref.inc()\nwhile choose():\n    {look}\npage.ref.dec()",
        "{word:1}.set(1)\nwhile choose():\n    {touch}\n{word:1}.set(0)",
        "{word:1}.set(1)\nwhile choose():\n    {word:1}.set(1)\n{word:1}.set(0)",
    ],
    "part": [
        "{touch}",
        "{touch}",
        "rest()",
        "while choose():\n    {look}",
        "while choose():\n    {touch}",
        "if choose():\n    {touch}\nelse:\n    {touch}",
        "{wait}",
    ],
    "pardon": ["", "", "unless=lambda: page.pins > 0, ", "unless=lambda: page.busy == {value}, "],
    "busy": ["unless=lambda: page.busy == 1, "],
    "costs": [
        "",
        "cost=dict(refs=lambda: page.ref)",
        "cost=dict(maps=lambda: page.map)",
        "cost=dict(refs=lambda: page.ref, load=lambda: page.map - 2 * page.busy)",
    ],
}
SLOT = re.compile(r"\{(\w+)(:\d)?\}")
# What the first hostile process does, what other code there may be, and what excuses the victim. The last
# two find what is rare: a block that must be set up in time, and an excuse that comes and goes.
SCHEMES = [("hostile", ["", "", "kernel", "victim"], "pardon")] * 4
SCHEMES += [("early", ["latch"], "pardon"), ("excused", ["", "kernel"], "busy")]


@st.composite
def filled(draw: st.DrawFn, template: str) -> str:
    """The template with a piece in each slot; a piece of several lines is indented as its slot is."""
    labelled: dict[str, str] = {}
    while slot := SLOT.search(template):
        text = labelled.get(slot[0]) or draw(filled(draw(st.sampled_from(RULES[slot[1]]))))
        if slot[2]:
            labelled[slot[0]] = text
        line = template[: slot.start()].rpartition("\n")[2]
        text = text.replace("\n", "\n" + " " * (len(line) - len(line.lstrip())))
        template = template[: slot.start()] + text + template[slot.end() :]
    return template


@st.composite
def systems(draw: st.DrawFn) -> str:
    """The source of a model with a victim, one or two entries of hostile processes, perhaps other code."""
    hostile, others, excuse = draw(st.sampled_from(SCHEMES))
    count, kinds = draw(st.sampled_from([(1, {}), (2, {}), (1, {"two": "hostile"})]))
    kinds = {"victim": "victim", "one": hostile} | kinds
    roles = {"victim": ", role=VICTIM", "one": f", role=HOSTILE, count={count}", "two": ", role=HOSTILE"}
    parts = [f"Process({name!r}, {name}, page{roles[name]})" for name in kinds]
    if other := draw(st.sampled_from(others)):
        kinds.setdefault(other, other)
        parts.append(f"Process('other', {other}, page)")
    parts.append(draw(filled(f"progress('goal', {{{excuse}}}{{costs}})")))
    bodies = {name: indented(draw(filled(f"{{{kind}}}"))) for name, kind in kinds.items()}
    functions = [f"def {name}(page):\n{body}" for name, body in bodies.items()]
    built = indented(f"page = Page()\nreturn Model({', '.join(parts)})")
    return finished("\n".join([START, *functions, f"@model\ndef program():\n{built}"]))
