"""One HTML file that works offline: verdicts, state graph, trace charts, and states to step through."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from attrs import frozen

from racecheck.atlas import UNREACHED, Atlas, truths
from racecheck.diagram import Diagram, operation_text
from racecheck.explore.path import Run
from racecheck.model import Model
from racecheck.places import place_text
from racecheck.render.chart import chart_svg
from racecheck.render.palette import MARKS, style
from racecheck.render.states import states_svg
from racecheck.render.story import Story
from racecheck.render.svg import clean
from racecheck.semantics import Move


@frozen
class Shown:
    """A trace as told, and its run."""

    story: Story
    run: Run


@frozen
class Contents:
    """What goes into a page: ``verdicts`` are rows of verdict, kind, property and what is said of it.

    ``nodes`` and ``marks`` are those of the states of the atlas, by their numbers.
    """

    model: Model
    summary: str
    verdicts: Sequence[tuple[str, str, str, str]]
    atlas: Atlas
    nodes: Sequence[int]
    marks: Sequence[tuple[str, ...]]
    diagram: Diagram | None
    traces: Sequence[Shown]


def page_html(contents: Contents) -> str:
    """The page. Its policy allows its own script and style only, whatever the model's names are."""
    looks, script = f"{style()}{_text('page.css')}", _text("page.js")
    policy = f"default-src 'none'; style-src {_digest(looks)}; script-src {_digest(script)}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{clean(contents.model.name)}</title><style>{looks}</style></head><body>",
        *_head(contents),
        '<div class="columns"><div>',
        *_charts(contents),
        *_graph(contents),
        "</div>",
        STATE,
        "</div>",
        f'<script type="application/json" id="data">{_json(_data(contents))}</script>',
        f"<script>{script}</script>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


STATE = """\
<section class="side" aria-live="polite">
<div class="bar"><h2 id="name">state</h2><button id="back">back</button></div>
<table><tbody id="values" class="mono"></tbody></table>
<h2>who stands where</h2><table><tbody id="places" class="mono"></tbody></table>
<h2>who could move</h2><ul id="moves" class="moves"></ul><p id="nomoves">nobody</p>
<h2>properties in this state</h2><table><tbody id="truths"></tbody></table>
</section>"""


def _text(name: str) -> str:
    return files("racecheck.render").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(data: object) -> str:
    """JSON that is safe inside a script element: nothing in it looks like markup."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _head(contents: Contents) -> list[str]:
    given = ", ".join(f"{name}={value}" for name, value in contents.model.parameters.items())
    rows = [
        f"<tr><td>{_verdict(verdict)}</td><td>{clean(kind)}</td><td>{clean(name)}</td><td>{clean(says)}</td></tr>"
        for verdict, kind, name, says in contents.verdicts
    ]
    table = "<tr><th>verdict</th><th>kind</th><th>property</th><th></th></tr>"
    return [
        f"<h1>{clean(contents.model.name)}</h1>",
        f"<p>{clean(given)}<br>{clean(contents.summary)}</p>",
        f'<section id="verdicts"><table>{table}{"".join(rows)}</table></section>',
    ]


def _verdict(verdict: str) -> str:
    look = {"holds": "good", "unfinished": "muted-text"}.get(verdict, "bad")
    return f'<span class="{look}">{clean(verdict)}</span>'


def _charts(contents: Contents) -> list[str]:
    if not contents.traces:
        return []
    titles = [f"{shown.story.trace.verdict}: {shown.story.trace.property}" for shown in contents.traces]
    options = "".join(f'<option value="{i}">{clean(title)}</option>' for i, title in enumerate(titles))
    charts = [
        f'<div class="scroll chart"{" hidden" * (i > 0)}>{_inline(chart_svg(shown.story))}</div>'
        for i, shown in enumerate(contents.traces)
    ]
    buttons = "".join(
        f'<button id="{name}">{name}</button>' for name in ("first", "previous", "next", "last")
    )
    return [
        '<section><div class="bar"><h2>trace</h2>',
        f'<select id="trace" aria-label="trace">{options}</select></div>',
        f'<div class="bar">{buttons}<input type="range" id="slider" min="0" value="0" aria-label="step">',
        '<span id="at"></span></div>',
        *charts,
        "</section>",
    ]


def _graph(contents: Contents) -> list[str]:
    buttons = (
        '<button id="in" aria-label="larger">+</button><button id="out" aria-label="smaller">-</button>'
        '<button id="fit">fit</button>'
    )
    picture = _inline(states_svg(contents.diagram)) if contents.diagram else ""
    return [
        f'<section><div class="bar"><h2>states</h2>{buttons if picture else ""}',
        '<input id="search" type="search" size="34" aria-label="search"',
        ' placeholder="search: refcount=2 mapper:rests">',
        '<span id="found"></span></div>',
        f'<div class="view" id="graph">{picture}</div></section>' if picture else "</section>",
    ]


def _inline(svg: str) -> str:
    """Without the style sheet: the page has it once."""
    return svg.replace(f"<style>{style()}</style>", "")


def _data(contents: Contents) -> dict[str, Any]:
    program = contents.atlas.program
    return {
        "words": [slot.label for slot in program.slots],
        "states": [_state(contents, number) for number in range(len(contents.atlas.states))],
        "traces": [
            {"states": [contents.atlas.number(state) for state in shown.run.states]}
            for shown in contents.traces
        ],
    }


def _state(contents: Contents, number: int) -> dict[str, Any]:
    atlas, program = contents.atlas, contents.atlas.program
    state, marks = atlas.states[number], contents.marks[number]
    places = [
        (entry.process.name, place_text(entry.graph, place))
        for entry, own in zip(program.entries, state.places, strict=True)
        for place in own
    ]
    labels = [slot.label for slot in program.slots]
    text = [f"{label}={value}" for label, value in zip(labels, state.shared, strict=True)]
    text += [f"{name}:{place}" for name, place in places] + list(marks)
    known = truths(program, state, marks)
    return {
        "values": [str(value) for value in state.shared],
        "places": places,
        "marks": [MARKS[mark].text for mark in marks],
        "truths": [(truth.property, truth.says, truth.good) for truth in known],
        "moves": [_move(atlas, move) for move in atlas.moves(number)],
        "node": contents.nodes[number],
        "text": " ".join(text).lower(),
    }


def _move(atlas: Atlas, move: Move) -> dict[str, Any]:
    target = atlas.number(move.target)
    process = atlas.program.entries[move.entry].process
    text = f"{process.name}: {operation_text(move)}"
    text += f", chooses {', '.join(map(str, move.outcome.choices))}" * bool(move.outcome.choices)
    text += "".join(f", event {name}" for name in move.outcome.events)
    return {"text": text, "target": target if target != UNREACHED else -1}
