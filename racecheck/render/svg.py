"""SVG as text: shapes with classes, names escaped, sizes of text estimated."""

from __future__ import annotations

import re
from html import escape

from attrs import define, field

from racecheck.errors import UsageError
from racecheck.render.palette import style

CODE = 7.3
"""Width of a character of code of 12 px: that of the widest of the usual fonts."""
WORDS = 6.7
"""Width of a character of words of 12 px, on average and a little more."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: object) -> str:
    """Text for XML or HTML: escaped, and without the characters that neither may hold."""
    return escape(_FORBIDDEN.sub("\ufffd", str(text)))


def number(value: float) -> str:
    """A coordinate: one digit behind the point, if it has any."""
    return f"{value:.1f}".removesuffix(".0")


@define
class Canvas:
    """The elements of a picture, drawn from back to front."""

    parts: list[str] = field(factory=list)

    def text(self, x: float, y: float, text: str, look: str = "ink", anchor: str = "start") -> None:
        """A line of text with its baseline at ``y``."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(
            f'<text x="{number(x)}" y="{number(y)}" class="{look}"{where} xml:space="preserve">'
            f"{clean(text)}</text>"
        )

    def rect(
        self, x: float, y: float, width: float, height: float, look: str, *, radius: float = 0
    ) -> None:
        """A box."""
        size = f'width="{number(width)}" height="{number(height)}"'
        round_ = f' rx="{number(radius)}"' * bool(radius)
        self.parts.append(f'<rect x="{number(x)}" y="{number(y)}" {size}{round_} class="{look}"/>')

    def line(self, points: list[tuple[float, float]], look: str, close: bool = False) -> None:
        """Straight lines from point to point."""
        ways = "L".join(f"{number(x)} {number(y)}" for x, y in points)
        self.path(f"M{ways}{'Z' * close}", look)

    def path(self, way: str, look: str) -> None:
        """A path in SVG's own notation."""
        self.parts.append(f'<path d="{way}" class="{look}"/>')

    def circle(self, x: float, y: float, radius: float, look: str) -> None:
        """A circle."""
        self.parts.append(
            f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" class="{look}"/>'
        )

    def open(self, title: str = "", **attributes: object) -> None:
        """Begin a group; ``title`` is what a screen reader says and a mouse shows."""
        given = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{clean(v)}"' for name, v in attributes.items()
        )
        self.parts.append(f"<g{given}>" + f"<title>{clean(title)}</title>" * bool(title))

    def close(self) -> None:
        """End a group."""
        self.parts.append("</g>")

    def arrow(
        self, tip: tuple[float, float], back: tuple[float, float], look: str, size: float = 8
    ) -> None:
        """The head of an arrow that comes from ``back``."""
        (x, y), (u, v) = tip, back
        length = ((x - u) ** 2 + (y - v) ** 2) ** 0.5 or 1
        dx, dy = (x - u) / length * size, (y - v) / length * size
        wing = 0.45
        sides = [(x - dx - dy * wing, y - dy + dx * wing), (x - dx + dy * wing, y - dy - dx * wing)]
        self.line([tip, *sides], look, close=True)

    def badge(self, shape: str, x: float, y: float, look: str) -> None:
        """The small shape of a mark, about a point."""
        at = {
            "square": [(-4, -4), (4, -4), (4, 4), (-4, 4)],
            "roof": [(0, -5), (5, 4), (-5, 4)],
            "bar": [(-5, -2), (5, -2), (5, 2), (-5, 2)],
            "arrow": [(-5, -5), (5, 0), (-5, 5)],
        }
        if shape in at:
            self.line([(x + dx, y + dy) for dx, dy in at[shape]], f"{look} solid", close=True)
        elif shape == "cross":
            self.path(f"M{number(x - 4)} {number(y - 4)}l8 8m0 -8l-8 8", f"line {look} loop")
        elif shape == "ring":
            self.circle(x, y, 3.5, f"{look.rsplit(maxsplit=1)[-1]} line loop")
        else:
            self.circle(x, y, 4, f"{look} solid")

    def document(self, width: float, height: float, title: str, description: str) -> str:
        """The whole picture, with a title and a description for those who can't see it."""
        size = f'width="{number(width)}" height="{number(height)}"'
        box = f'viewBox="0 0 {number(width)} {number(height)}"'
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img">',
            f"<title>{clean(title)}</title><desc>{clean(description)}</desc>",
            f"<style>{style()}</style>",
            f'<rect {size} class="paper"/>',
        ]
        return "\n".join([*head, *self.parts, "</svg>"]) + "\n"


def png(svg: str, zoom: float = 2) -> bytes:
    """The picture in pixels, in its light colours; UsageError where the machine has no font."""
    import resvg_py

    nothing, letter = (_pixels(f"<text y='9'>{text}</text>") for text in ("", "x"))
    if nothing == letter:
        raise UsageError("a .png takes the machine's fonts, and it has none: install one, or write .svg")
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom))


def _pixels(text: str) -> bytes:
    import resvg_py

    frame = f"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{text}</svg>"
    return bytes(resvg_py.svg_to_bytes(svg_string=frame))
