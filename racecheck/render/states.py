"""A state graph as a picture: colours and shapes for what holds in a state, arrows for whose move it is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from attrs import evolve, frozen

from racecheck.diagram import TRACE, WHOLE, Diagram, Link, Node
from racecheck.marks import INITIAL
from racecheck.render.columns import count, wrap_code
from racecheck.render.layout import Arrow, Layout, lay_out
from racecheck.render.palette import GOAL, LIGHT_TEXT, MARKS, ROLES, css
from racecheck.render.svg import CODE, WORDS, Canvas

MARGIN, LINE, FIT = 18, 15, 26
"""The margin, the height of a line, and the characters of a line in a box."""
LABEL_FIT = 38
WIDEST = 1400
"""The width that a picture with labelled arrows may have."""
MOST_LABELS = 45
"""Arrows beyond which they are not labelled: the mouse tells."""
LONGEST_LABEL = 52
SMALL = 6.5
"""Width of a character of small code."""


@frozen
class Box:
    """A node as drawn."""

    lines: list[str]
    mark: str | None
    whole: bool
    """Whether all of its states have the mark."""
    initial: bool

    @property
    def size(self) -> tuple[float, float]:
        """With room for the badge."""
        longest = max(map(len, self.lines), default=1)
        return longest * CODE + 20 + 14 * bool(self.mark), LINE * max(1, len(self.lines)) + 9


def states_svg(diagram: Diagram) -> str:
    """The diagram laid out by Graphviz, with a legend of what occurs in it."""
    words = _varying(diagram)
    boxes = [_box(diagram, node, words) for node in diagram.nodes]
    links = list(diagram.links)
    labels, layout = _laid_out(diagram, boxes)
    head = _head(diagram, words)
    canvas, left, top = Canvas(), MARGIN + 22, MARGIN + 20 * len(head) + 26
    for i, line in enumerate(head):
        canvas.text(MARGIN, MARGIN + 12 + 20 * i, line, "ink title" if i == 0 else "muted")
    canvas.open(class_="graph", transform=f"translate({left} {top})")
    _draw_links(canvas, diagram, links, labels, layout)
    for number, (box, centre) in enumerate(zip(boxes, layout.centres, strict=True)):
        _draw_box(canvas, diagram, number, box, centre)
    canvas.close()
    longest = max(len(head[0]) * WORDS * 1.3, *(len(line) * WORDS for line in head))
    width = max(layout.size[0] + left, longest + MARGIN, 420) + MARGIN
    bottom = _draw_legend(canvas, diagram, boxes, top + layout.size[1] + 30, width)
    return canvas.document(width, bottom, head[0], " ".join(head[1:]))


def _laid_out(diagram: Diagram, boxes: Sequence[Box]) -> tuple[list[list[str]], Layout]:
    """The labels of the arrows, and where all goes: without labels where they would make it too wide."""
    labels = [_label(diagram, link) for link in diagram.links]
    if len(labels) > MOST_LABELS and diagram.by != TRACE:
        labels = [[] for _ in labels]
    sizes = [box.size for box in boxes]
    arrows = [
        Arrow(link.source, link.target, _room(label), link.taken)
        for link, label in zip(diagram.links, labels, strict=True)
    ]
    layout = lay_out(sizes, arrows)
    if layout.size[0] <= WIDEST or diagram.by == TRACE:
        return labels, layout
    return [[] for _ in labels], lay_out(sizes, [evolve(arrow, room=None) for arrow in arrows])


def _varying(diagram: Diagram) -> list[str]:
    """The words that are not the same in all nodes."""
    first = diagram.nodes[0].values
    if len(diagram.nodes) == 1:
        return list(first)
    return [word for word in first if any(node.values[word] != first[word] for node in diagram.nodes)]


def _head(diagram: Diagram, words: Sequence[str]) -> list[str]:
    model = diagram.program.model
    given = ", ".join(f"{name}={value}" for name, value in model.parameters.items())
    constant = [f"{w} {v}" for w, v in diagram.nodes[0].values.items() if w not in words]
    lines = [f"in every state: {', '.join(constant)}"] if constant else []
    if diagram.by in (WHOLE, TRACE):
        lines.append("behind a process's name: the source line of its next step, and its locals")
    what = count(diagram.states, "state")
    if diagram.by == TRACE:
        what += " along the trace, and one move away from it"
    elif diagram.by != WHOLE:
        what += f" in {count(len(diagram.nodes), 'group')}, by {_by(diagram.by)}"
    width = 100
    return [model.name, *(x for text in (given, what, *lines) for x in textwrap.wrap(text, width))]


def _by(by: str) -> str:
    return {"values": "the shared values", "rung": "what holds in them"}.get(by, by)


def _box(diagram: Diagram, node: Node, words: Sequence[str]) -> Box:
    owners = {word.rpartition(".")[0] for word in words}
    values = [f"{_short(word, owners)} {node.values[word]:,}" for word in words]
    lines = _packed(values) + (_packed(node.places.split(", ")) if node.places else [])
    lines += [node.label] if node.label else []
    mark = node.mark if node.mark != INITIAL else None
    if diagram.by not in (WHOLE, TRACE):
        lines.append(count(node.states, "state"))
    whole = mark is not None and node.marks[mark] == node.states
    if mark is not None and not whole:
        lines.append(f"{node.marks[mark]:,} {MARKS[mark].text}")
    return Box(lines, mark, whole, bool(node.marks[INITIAL]))


def _short(word: str, owners: set[str]) -> str:
    """Without its owner, where there is but one."""
    return word.rpartition(".")[2] if len(owners) == 1 else word


def _packed(parts: Sequence[str]) -> list[str]:
    """As many parts in a line as fit."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= FIT:
            lines[-1] += f"  {part}"
        else:
            lines.append(part)
    return lines


def _label(diagram: Diagram, link: Link) -> list[str]:
    """Whose move it is, and what operation, in few lines."""
    if link.source == link.target or (diagram.by == TRACE and not link.taken):
        return []
    owners = {slot.owner for slot in diagram.program.slots}
    operations = diagram.links[link]
    text = operations[0]
    if len(owners) == 1:
        text = text.replace(f"{next(iter(owners))}.", "")
    text = textwrap.shorten(text, LONGEST_LABEL, placeholder=" …")
    more = f", {len(operations) - 1} more" if len(operations) > 1 else ""
    number, dot, rest = text.partition(". ")
    text = f"{number}. {link.process}: {rest}" if dot and link.process else f"{link.process}: {text}"
    return wrap_code(f"{text}{more}".removeprefix(": "), LABEL_FIT).split("\n")


def _room(label: Sequence[str]) -> tuple[float, float] | None:
    return (max(map(len, label)) * SMALL + 10, 13 * len(label) + 4) if label else None


def _draw_links(
    canvas: Canvas, diagram: Diagram, links: Sequence[Link], labels: Sequence[list[str]], layout: Layout
) -> None:
    for i, link in enumerate(links):
        look = "goal" if link.goal else link.role.value
        weight = " taken" if link.taken else ""
        told = f"{link.process}: {', '.join(diagram.links[link])}"
        canvas.open(told, class_="link", data_source=link.source, data_target=link.target)
        start, *rest = layout.curves[i]
        way = " ".join(f"{x:.1f} {y:.1f}" for x, y in rest)
        canvas.path(f"M{start[0]:.1f} {start[1]:.1f}C{way}", f"line {look}{weight}")
        canvas.arrow(
            layout.tips[i], layout.curves[i][-1], f"{look}-fill solid", 13 if link.goal or link.taken else 9
        )
        at = layout.labels[i]
        for number, line in enumerate(labels[i]):
            assert at is not None
            y = at[1] + 13 * (number - (len(labels[i]) - 1) / 2) + 4
            canvas.text(at[0], y, line, f"{look}-fill code small", "middle")
        canvas.close()


def _draw_box(canvas: Canvas, diagram: Diagram, number: int, box: Box, centre: tuple[float, float]) -> None:
    width, height = box.size
    x, y = centre[0] - width / 2, centre[1] - height / 2
    node = diagram.nodes[number]
    told = "; ".join(filter(None, [node.places, ", ".join(MARKS[mark].text for mark in node.marks)]))
    canvas.open(told, class_="node", data_node=number)
    border = css(box.mark) if box.mark else "initial" if box.initial else "plain"
    fill = f" {css(box.mark)}-state" if box.mark and box.whole else ""
    canvas.rect(x, y, width, height, f"state {border}{fill}", radius=5)
    light = box.whole and box.mark in LIGHT_TEXT
    if box.mark:
        look = "white" if light else f"{css(box.mark)}-fill"
        canvas.badge(
            MARKS[box.mark].badge, x + 12, y + 13, f"{look} {css(box.mark)}" if not light else "light"
        )
    if box.initial:
        canvas.line([(x + 14, y - 18), (x + 14, y - 8)], "line initial")
        canvas.arrow((x + 14, y - 1), (x + 14, y - 10), "ink solid", 9)
    for i, line in enumerate(box.lines):
        at = x + 10 + 14 * bool(box.mark), y + LINE * (i + 1)
        canvas.text(*at, line, "white code" if light else "ink code")
    canvas.close()


def _draw_legend(canvas: Canvas, diagram: Diagram, boxes: Sequence[Box], top: float, width: float) -> float:
    """What the looks mean that occur here; where it ends."""
    x, y = float(MARGIN), top
    used = {box.mark for box in boxes} | ({INITIAL} if any(box.initial for box in boxes) else set())
    entries = [(mark, MARKS[mark].text, True) for mark in MARKS if mark in used]
    roles = {link.role for link in diagram.links if not link.goal}
    entries += [(role.value, f"move of {role.value}", False) for role in ROLES if role in roles]
    if any(link.goal for link in diagram.links):
        entries.append(("goal", f"{GOAL.text} {diagram.goal!r}", False))
    for name, text, is_state in entries:
        room = 44 + len(text) * WORDS + 16
        if x + room > width and x > MARGIN:
            x, y = MARGIN, y + 26
        _draw_key(canvas, name, is_state, x, y)
        canvas.text(x + 40, y + 4, text, "ink")
        x += room
    return y + 26


def _draw_key(canvas: Canvas, name: str, is_state: bool, x: float, y: float) -> None:
    if not is_state:
        canvas.line([(x, y), (x + 24, y)], f"line {css(name)}")
        canvas.arrow((x + 34, y), (x + 24, y), f"{css(name)}-fill solid", 9)
        return
    fill = f" {css(name)}-state" if MARKS[name].fill else ""
    canvas.rect(x, y - 9, 32, 18, f"state {css(name)}{fill}", radius=4)
    light = name in LIGHT_TEXT
    canvas.badge(MARKS[name].badge, x + 16, y, "light" if light else f"{css(name)}-fill {css(name)}")
