"""The page: it is one file, trusts no name, and does in a browser what it should."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser

import pytest
from drawn import EVIL, GUARD, MODEL, traced, written

from racecheck.compiler.compile import compile_model
from racecheck.explore.limits import Limits
from racecheck.load import load_model
from racecheck.pages import model_page, trace_page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "br", "section", "table", "tbody"),
    *("tr", "th", "td", "span", "div", "button", "input", "select", "option", "ul", "script"),
    *("svg", "desc", "rect", "text", "path", "circle", "g"),
}


class Tags(HTMLParser):
    """The tags and the attributes of a page, and the text of its data."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.styles = set(), set(), [], []
        self.inside = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.inside = tag

    def handle_data(self, data):
        if self.inside in ("script", "style"):
            {"script": self.scripts, "style": self.styles}[self.inside].append(data)

    def handle_endtag(self, tag):  # noqa: ARG002 - as HTMLParser calls it
        self.inside = None


@pytest.fixture
def evil(tmp_path):
    return model_page(compile_model(load_model(written(tmp_path, MODEL))), "", Limits())


@pytest.fixture
def page(tmp_path):
    return model_page(compile_model(load_model(written(tmp_path, GUARD, "guard.py"))), "", Limits())


def test_names_are_text(evil):
    """No tag and no handler but our own, and the name is there as it is."""
    found = Tags(evil)
    assert found.tags <= ALLOWED
    assert not {name for name in found.attributes if name.startswith("on") or name in ("src", "href")}
    assert len(found.scripts) == 2
    data = json.loads(found.scripts[0])
    assert EVIL in {name for state in data["states"] for name, *_ in state["truths"]}
    assert EVIL.replace("\x07", "\ufffd").replace("\ud83d", "\ufffd") in unescape(evil)


def test_only_its_own_code_may_run(page):
    """The policy names the hashes of the script and of the style sheet, and nothing is loaded."""
    found = Tags(page)
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    for text in (found.scripts[1], found.styles[0]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "style=" not in page
    assert not re.search(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)\w", page.partition("<script>")[0])


def test_what_is_known_of_each_state(page):
    """Values, moves that lead on, and the truth of each property, for all states."""
    data = json.loads(Tags(page).scripts[0])
    assert (data["words"], len(data["states"])) == (["page.refs"], 4)
    says = [
        says for state in data["states"] for _, says, _ in state["truths"] if says.startswith("blocked")
    ]
    assert says == ["blocked by racing", "blocked by racing", "blocked at rest", "blocked at rest"]
    targets = [move["target"] for state in data["states"] for move in state["moves"]]
    assert set(targets) == set(range(4))
    assert data["traces"][0]["states"][0] == 0


def test_the_page_of_a_trace(tmp_path):
    """Of a small model it holds all states; the trace goes through them."""
    _, program, trace, run = traced(written(tmp_path, GUARD, "guard.py"), tmp_path)
    data = json.loads(Tags(trace_page(program, trace, run, "")).scripts[0])
    around = json.loads(Tags(trace_page(program, trace, run, "trace")).scripts[0])
    assert len(data["states"]) == 4
    assert len(data["traces"][0]["states"]) == len(around["traces"][0]["states"]) == len(run.states)
    assert all(state["node"] >= 0 for state in around["states"])


DRIVER = """(() => {
const seen = [];
const note = (what) => seen.push(what + "=" + document.getElementById("at").textContent + "|"
  + document.getElementById("values").textContent + "|" + document.querySelectorAll(".here").length);
const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const input = (id, value) => {
  document.getElementById(id).value = value;
  document.getElementById(id).dispatchEvent(new Event("input"));
};
note("start");
press("ArrowRight"); note("right");
press("ArrowLeft"); note("left");
input("slider", 1); note("slider");
document.querySelector("#moves button").click(); note("move");
document.getElementById("back").click(); note("back");
document.getElementById("last").click(); note("last");
input("search", "refs=2"); seen.push(document.getElementById("found").textContent);
seen.push("dim " + document.querySelectorAll("#graph .dim").length);
const svg = document.querySelector("#graph svg"), box = () => svg.getAttribute("viewBox");
document.getElementById("fit").click(); const whole = box();
document.getElementById("in").click(); seen.push("zoomed " + (box() !== whole));
document.querySelector("#graph .node[data-node='0']").dispatchEvent(new Event("click")); note("node");
document.body.dataset.seen = JSON.stringify(seen);
})();"""


def browsed(page, folder):
    """The page as the browser has it after its scripts have run."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8", errors="replace")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="no chromium: the page is not tried in a browser")
def test_in_a_browser(page, tmp_path):
    """Arrow keys, slider, moves, back, search, zoom and a click on a state."""
    open_ = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    driven = open_.replace("</body>", f"<script>{DRIVER}</script></body>")
    seen = json.loads(unescape(re.search(r'data-seen="([^"]*)"', browsed(driven, tmp_path))[1]))
    assert seen == [
        "start=after step 0 of 2|page.refs1|1",
        "right=after step 1 of 2|page.refs2  (was 1)|1",
        "left=after step 0 of 2|page.refs1|1",
        "slider=after step 1 of 2|page.refs2  (was 1)|1",
        "move=after step 1 of 2|page.refs2|1",
        "back=after step 1 of 2|page.refs2|1",
        "last=after step 2 of 2|page.refs2|1",
        "2 of 4 states",
        "dim 2",
        "zoomed true",
        "node=after step 2 of 2 (left the trace)|page.refs1  (was 2)|1",
    ]


@pytest.mark.skipif(BROWSER is None, reason="no chromium: the page is not tried in a browser")
def test_hostile_names_in_a_browser(evil, tmp_path):
    """The page runs under its own policy, and what a name says is not done."""
    dom = browsed(evil, tmp_path)
    assert "<title>page</title>" in dom
    assert re.search(r'id="name">state \d', dom)
    assert "<img" not in dom
