"""The colours of all pictures: each also has a shape, a dash or a weight, for greyscale and print."""

from __future__ import annotations

from attrs import frozen

from racecheck.model import HOSTILE, KERNEL, VICTIM, Role


@frozen
class Look:
    """A colour on white and on black, with what tells it apart without colour.

    ``fill`` is the colour of a state, ``line`` that of a border or an arrow; ``badge`` names the shape in a
    state's corner.
    """

    text: str
    line: tuple[str, str]
    fill: tuple[str, str] | None = None
    dash: str = ""
    width: float = 1.4
    badge: str = ""


INK, PAPER = ("#1b1f24", "#e8eaed"), ("#ffffff", "#15181c")
MUTED, FAINT = ("#5b636d", "#a3abb5"), ("#cfd4da", "#434a53")
PANEL = ("#f5f6f8", "#1e2227")

ROLES: dict[Role, Look] = {
    VICTIM: Look("victim", ("#0b62a8", "#6db8f2"), ("#e8f1fa", "#12293d"), width=2.4),
    HOSTILE: Look("hostile", ("#c2410c", "#f59a63"), ("#fdeee4", "#3a2013"), dash="6 3", width=1.6),
    KERNEL: Look("kernel", ("#4b535d", "#b4bcc6"), ("#f1f2f4", "#2a2f36")),
}
GOAL = Look("comes to the goal", ("#0a7a55", "#4cc79a"), width=4.2)

MARKS: dict[str, Look] = {
    "violated": Look("violates a property", ("#a3123f", "#ff7d9c"), ("#a3123f", "#c2315b"), "", 3, "cross"),
    "stuck": Look("stuck", ("#5b21b6", "#b79bf5"), ("#5b21b6", "#6d46b8"), "", 3, "bar"),
    "at rest": Look("blocked at rest", ("#b45309", "#f7b267"), ("#c8660f", "#b3600f"), "", 3, "square"),
    "by strategy": Look(
        "blocked by strategy", ("#b45309", "#f7b267"), ("#f0a94e", "#8a5410"), "", 2, "roof"
    ),
    "by racing": Look("blocked by racing", ("#8a6d00", "#e9d66b"), ("#f9e9a6", "#5c4e12"), "", 1.4, "disc"),
    "excused": Look("excused", ("#6b7280", "#9aa2ad"), ("#e5e7eb", "#30353c"), "2 3", 1.4, "ring"),
    "initial": Look("initial", INK, None, "", 3, "arrow"),
}
"""The marks of a state, worst first: the first that it has gives its colour."""
LIGHT_TEXT = ("violated", "stuck", "at rest")
"""Marks whose colour is dark in both themes: text on them is white."""


def style() -> str:
    """The style sheet of every SVG: light, and dark where the reader's theme is."""
    dark = "".join(_rules(1))
    return f"{''.join(_rules(0))}{_fixed()}@media (prefers-color-scheme: dark){{{dark}}}"


def _fixed() -> str:
    """What is the same in both themes."""
    looks = {role.value: look for role, look in ROLES.items()} | MARKS | {"goal": GOAL}
    rules = [
        "text{font-family:ui-sans-serif,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;font-size:12px}",
        ".code{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:12px}",
        ".small{font-size:10.5px}.head{font-size:13px;font-weight:bold}.title{font-size:15px;font-weight:bold}",
        ".line{fill:none}.thin{stroke-width:1}.plot{stroke-width:2.2;fill:none}.dots{stroke-dasharray:2 3}",
        ".white,.light{fill:#fff}.light{stroke:#fff}.solid{stroke:none}",
    ]
    for name, look in looks.items():
        dash = f";stroke-dasharray:{look.dash}" if look.dash else ""
        rules.append(f".{css(name)}{{stroke-width:{look.width}{dash}}}")
    return "".join([*rules, ".loop{stroke-dasharray:none;stroke-width:3}.taken{stroke-width:4}"])


def _rules(theme: int) -> list[str]:
    plain = {"ink": INK, "muted": MUTED}
    rules = [f".{name}{{fill:{colours[theme]}}}" for name, colours in plain.items()]
    rules += [
        f".paper{{fill:{PAPER[theme]}}}.panel{{fill:{PANEL[theme]}}}",
        f".faint{{stroke:{FAINT[theme]}}}.plot{{stroke:{INK[theme]}}}",
        f".state{{fill:{PAPER[theme]};stroke:{INK[theme]}}}",
    ]
    for name, look in {role.value: look for role, look in ROLES.items()}.items():
        assert look.fill is not None
        rules.append(f".{name}{{stroke:{look.line[theme]}}}.{name}-fill{{fill:{look.line[theme]}}}")
        rules.append(f".{name}-box{{fill:{look.fill[theme]}}}")
    for name, look in {**MARKS, "goal": GOAL}.items():
        rules.append(
            f".{css(name)}{{stroke:{look.line[theme]}}}.{css(name)}-fill{{fill:{look.line[theme]}}}"
        )
        if look.fill is not None:
            rules.append(f".{css(name)}-state{{fill:{look.fill[theme]}}}")
    return rules


def css(name: str) -> str:
    """The class of a mark: "by-racing"."""
    return name.replace(" ", "-")
