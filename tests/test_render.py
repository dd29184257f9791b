"""Pictures: every state once, a legend for what occurs, no markup from the model, and SVG that is XML."""

import itertools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import pytest
from attrs import evolve
from drawn import EVIL, GUARD, MODEL, searched, traced, written

from racecheck.diagram import count_groups, diagram_of, readable_diagram
from racecheck.errors import RacecheckError, UsageError
from racecheck.formula import formula
from racecheck.graph import dot, graphml, node_link
from racecheck.load import load_model
from racecheck.marks import marks_of
from racecheck.notebook import space_html, space_svg
from racecheck.render.chart import chart_svg
from racecheck.render.palette import MARKS
from racecheck.render.states import states_svg
from racecheck.render.story import Story, rows, story_of
from racecheck.render.svg import png
from racecheck.semantics import value_of
from racecheck.vicinity import vicinity_of

ROOT = Path(__file__).parents[1]
SHOWN = Path(__file__).parent / "snapshots"
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    """The lines of text in a picture, without the style sheet."""
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def of_class(svg, name):
    """The elements with this class."""
    return [e for e in ElementTree.fromstring(svg).iter() if name in (e.get("class") or "").split()]


@pytest.fixture
def guard(tmp_path):
    return written(tmp_path, GUARD, "guard.py")


def test_every_state_is_drawn_once(guard):
    """And each has its mark, which the legend explains."""
    space, _ = searched(guard)
    marks = marks_of(space)
    svg = states_svg(diagram_of(space, marks, ""))
    nodes = of_class(svg, "node")
    assert sorted(int(node.get("data-node")) for node in nodes) == list(range(space.states))
    assert len(of_class(svg, "link")) == space.transitions
    occurring = {mark for own in marks.of.values() for mark in own}
    assert occurring == {"initial", "at rest", "by racing"}
    assert {MARKS[mark].text for mark in occurring} <= set(texts(svg))
    assert "comes to the goal 'alone'" in texts(svg)


@pytest.mark.parametrize("by", ["values", "rung", "page.refs % 2"])
def test_quotients_hold_every_state(guard, by):
    """The states of the groups add up, and so do their marks; arrows lead between groups."""
    space, _ = searched(guard, "mappers=3")
    marks = marks_of(space)
    diagram = diagram_of(space, marks, by)
    assert sum(node.states for node in diagram.nodes) == space.states
    assert sum(node.marks.total() for node in diagram.nodes) == sum(map(len, marks.of.values()))
    assert len(diagram.nodes) == count_groups(space, marks, by, 1000) < space.states
    assert all(link.source != link.target or link.goal for link in diagram.links)


def test_too_large_to_read(guard):
    """The size, and what can be read instead."""
    space, _ = searched(guard, "mappers=80")
    with pytest.raises(UsageError, match=r"states are too many to read: at most 60.*--by rung \(\d\)"):
        readable_diagram(space, marks_of(space), "")
    assert (space_svg(space), len(readable_diagram(space, marks_of(space), "rung").nodes)) == (None, 2)


EXPRESSIONS = {
    "page.refs - 1": 0,
    "page.refs * 2 >= 2 and not page.seen": 1,
    "u32(page.seen - 1)": 2**32 - 1,
    "(page.refs + 8) // 2 % 3 if page.refs < 2 <= 3 else 9": 1,
    "max(page.refs, 3) << 2 | -page.refs": -1,
}
REFUSED = [
    "__import__('os').system('x')",
    "page.refs.read()",
    "(lambda: 1)()",
    "page.refs ** 99",
    "page.lost",
    "1 / 2",
    "page.refs and",
    "open('x')",
    "1" * 1001,
    "page.__class__",
    "[page.refs]",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text, tmp_path):
    """The engine and the reference agree on their values."""
    space, _ = searched(written(tmp_path, MODEL))
    graph, start = formula(space.program, text), next(iter(space.parents))
    value = value_of(space.program, graph, space.engine.decode(start))
    assert space.engine.evaluator(graph)(start) == value == EXPRESSIONS[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_expression(text, tmp_path):
    """It is refused, and nothing of it is run."""
    with pytest.raises(UsageError):
        formula(searched(written(tmp_path, MODEL))[0].program, text)


def test_no_markup_from_the_model(tmp_path):
    """Whatever its names are, every picture is XML in which they are text."""
    path, program, trace, run = traced(written(tmp_path, MODEL), tmp_path)
    space, _ = searched(written(tmp_path, MODEL))
    pictures = [
        chart_svg(story_of(program, trace, run)),
        chart_svg(Story(trace)),
        states_svg(vicinity_of(program, trace, run)),
        states_svg(diagram_of(space, marks_of(space), "")),
    ]
    for svg in pictures:
        assert not [e for e in ElementTree.fromstring(svg).iter() if e.tag.endswith(("img", "script"))]
        assert "<img" not in svg
    assert any("<img src=x" in text for text in texts(pictures[0]))
    assert path.exists()


@pytest.mark.parametrize("name", ["chart", "states"])
def test_snapshots(name, guard, tmp_path):
    """The small pictures are as they were; delete the file and run again to accept a change."""
    _, program, trace, run = traced(guard, tmp_path)
    space, _ = searched(guard)
    svg = chart_svg(story_of(program, trace, run))
    if name == "states":  # positions are Graphviz's; the words and their order are ours
        svg = "\n".join(texts(states_svg(diagram_of(space, marks_of(space), "")))) + "\n"
    path = SHOWN / f"{name}.{'svg' if name == 'chart' else 'txt'}"
    if not path.exists():
        path.write_text(svg, encoding="utf-8")
    assert svg == path.read_text(encoding="utf-8")


def test_charts_fold_rounds_and_cut_what_is_long(guard, tmp_path):
    """All steps are accounted for, in order, whatever their number."""
    _, program, trace, run = traced(guard, tmp_path)
    found = rows(story_of(program, trace, run))
    ends = [(row.first, row.last) for row in found]
    assert ends[0][0] == 0
    assert all(before[1] == after[0] for before, after in itertools.pairwise(ends))
    assert ends[-1][1] == len(trace.steps) + len(trace.cycle)
    assert any("for ever" in row.told for row in found)


def test_a_crowd_shares_a_column(guard, tmp_path):
    """Hundreds of processes that are alike do the same one after another: one column, one row."""
    _, _, trace, _ = traced(guard, tmp_path)
    step = evolve(trace.steps[0], changed={})
    crowd = [evolve(step, process=f"mapper {n}", changed={"page.refs": n}) for n in range(1, 1025)]
    svg = chart_svg(Story(evolve(trace, steps=crowd)))
    assert {"mapper (1,024 of them)", "mapper 1, mapper:20"} <= set(texts(svg))
    assert "the same step 1,023 times more, to step 1,024" in texts(svg)
    assert float(ElementTree.fromstring(svg).get("width")) < 800


@pytest.mark.parametrize("path", sorted((ROOT / "traces").glob("*.trace.json")), ids=lambda p: p.stem[-40:])
def test_text_stays_inside(path):
    """In the chart of each saved trace no line of text leaves the picture, by the widest usual font."""
    from racecheck.pictures import followed

    svg = chart_svg(story_of(*followed(path, None)))
    width = float(ElementTree.fromstring(svg).get("width"))
    for element in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        if element.get("text-anchor") is None:
            size = 7.3 if "code" in element.get("class") else 6.2
            assert float(element.get("x")) + size * len("".join(element.itertext())) <= width


def test_graph_files(guard, tmp_path):
    """Every format reads back with all states, moves and values; attributes are plain."""
    space, _ = searched(guard)
    graph = space.to_networkx()
    data = [dict(d) for _, d in graph.nodes(data=True)] + [d for *_, d in graph.edges(data=True)]
    assert {type(value) for attributes in data for value in attributes.values()} <= {int, str}
    back = nx.node_link_graph(json.loads(node_link(graph)), edges="edges")
    path = tmp_path / "g.graphml"
    path.write_text(graphml(graph), encoding="utf-8")
    for other in (back, nx.read_graphml(path, node_type=int, force_multigraph=True)):
        assert (len(other), other.size()) == (space.states, space.transitions)
        assert other.nodes[0]["page.refs"] == 1
    import pygraphviz

    read = pygraphviz.AGraph(string=dot(graph))
    assert (len(read.nodes()), len(read.edges())) == (space.states, space.transitions)


@pytest.mark.parametrize("suffix", ["svg", "png", "dot", "graphml", "json", "html"])
def test_render_writes_by_suffix(suffix, guard, tmp_path):
    """Of a model and of a trace; the name of the file that was written is printed."""
    path, *_ = traced(guard, tmp_path)
    for what in (guard, str(path)):
        out = tmp_path / "new" / f"out.{suffix}"
        code = "from racecheck.cli import main; main()"
        command = [sys.executable, "-c", code, "render", what, "-o", str(out), "--model", guard]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{out}\n", "")
        assert out.stat().st_size > 300
        assert [p.name for p in out.parent.iterdir()] == [out.name]
        out.unlink()


REFUSALS = {
    ("guard.py", "-o", "x.gif"): "the suffix says what to write; use one of .svg, .png",
    ("guard.py", "-o", "x.svg", "--by", "trace"): "name a .trace.json file",
    ("guard.py", "-o", "x.svg", "--by", "page.ref"): "did you mean 'page.refs'?",
    ("guard.py", "-o", "x.svg", "--by", "1 // (page.refs - page.refs)"): "division by zero",
    ("guard.py", "-p", "mappers=80", "-o", "x.svg"): "are too many to read: at most 60. Choose --by rung",
    ("one.trace.json", "-o", "x.svg", "-p", "mappers=2"): "a trace has its own parameters",
}


@pytest.mark.parametrize("arguments", REFUSALS, ids=" ".join)
def test_refusals(arguments, guard, tmp_path):
    """One message with what to do, status 2, and no file."""
    traced(guard, tmp_path)
    command = [sys.executable, "-c", "from racecheck.cli import main; main()", "render", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert REFUSALS[arguments] in done.stderr
    assert not list(tmp_path.glob("x.*"))


def test_png_is_the_picture_in_pixels(guard):
    """Twice as large as in the SVG, for sharp text."""
    svg = space_svg(searched(guard)[0])
    data = png(svg)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    size = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
    stated = [float(n) for n in re.findall(r'(?:width|height)="([\d.]+)"', svg)[:2]]
    assert size == pytest.approx([2 * n for n in stated], abs=2)


def test_without_graphviz(guard, monkeypatch):
    """Said in one message, with what to install and what works all the same."""
    space, _ = searched(guard)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(UsageError, match=r"cannot be loaded: .*apt install libglib2"):
        space_svg(space)


def test_notebooks(guard, tmp_path):
    """Small spaces and all traces draw themselves; the frame keeps the page's style to itself."""
    space, report = searched(guard)
    trace = next(result.trace for result in report.results if result.trace)
    for svg in (space._repr_svg_(), trace._repr_svg_()):
        ElementTree.fromstring(svg)
    assert space._repr_html_().startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert trace._repr_html_().startswith('<img alt="trace" src="data:image/svg+xml;base64,')
    assert space_html(space).count("<") == 2
    assert EVIL not in space_html(searched(written(tmp_path, MODEL))[0])


def test_a_trace_that_its_model_no_longer_has(guard, tmp_path):
    """It is said which step, and where to look."""
    from racecheck.pictures import followed

    path, *_ = traced(guard, tmp_path)
    Path(guard).write_text(GUARD.replace("page.refs.inc()", "page.refs.add(1)"), encoding="utf-8")
    with pytest.raises(
        RacecheckError, match=r"step 1 is not possible in its model: mapper: page\.refs\.inc"
    ):
        followed(path, None)
    assert load_model(guard).name == "guard"


def test_the_pictures_of_the_documentation(tmp_path):
    """They say what their commands draw now; ``make pictures`` draws them again. Places are Graphviz's."""
    page = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")
    for command in re.findall(r"^\$ racecheck (.*)$", page, re.MULTILINE):
        moved = command.replace("docs/pictures", str(tmp_path)).replace("build/", f"{tmp_path}/")
        run = [sys.executable, "-c", "from racecheck.cli import main; main()", *shlex.split(moved)]
        done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (int(command.startswith("check")), ""), command
    for path in (ROOT / "docs" / "pictures").glob("*.svg"):
        now = tmp_path / path.name
        assert sorted(texts(now.read_text("utf-8"))) == sorted(texts(path.read_text("utf-8"))), path.name


def test_drawing_loads_nothing_early():
    """The command line knows ``render`` without what draws."""
    code = "import racecheck.cli, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"networkx", "pygraphviz", "numpy", "resvg_py", "racecheck.render.svg"}
    assert not set(loaded.split()) & heavy
