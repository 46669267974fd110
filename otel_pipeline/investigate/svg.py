"""A few shapes of SVG. All text goes through :class:`Svg`, which escapes it: names come from telemetry."""

from collections.abc import Sequence

from otel_pipeline.sanitize import Svg

FONT = "ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif"
INK, FAINT, RED, BLUE = "#1f2933", "#9aa5b1", "#d64545", "#4c6ef5"
COLOURS = ("#4c6ef5", "#12a594", "#e8890c", "#8e4ec6", "#0091ff", "#978365", "#30a46c", "#e5484d", "#d6409f", "#6e56cf")


def document(width: float, height: float, title: str, shapes: Sequence[str]) -> str:
    """A picture on white."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
    head += f' viewBox="0 0 {width:g} {height:g}" font-family="{FONT}" font-size="12" role="img">'
    ground = f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{Svg.of(title)}</title>", ground, *shapes, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, *, colour: str = INK, anchor: str = "start", size: float = 12) -> str:
    """A line of text."""
    look = f'fill="{colour}" text-anchor="{anchor}" font-size="{size:g}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{Svg.of(words)}</text>'


def box(x: float, y: float, width: float, height: float, colour: str, *, opacity: float = 1.0, tip: str = "") -> str:
    """A filled rectangle; ``tip`` shows when the pointer rests on it."""
    inside = f"<title>{Svg.of(tip)}</title>" if tip else ""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(0.8, width):.1f}" height="{height:.1f}" rx="1.5"'
    return f'<rect {place} fill="{colour}" opacity="{opacity:g}">{inside}</rect>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = FAINT, *, dashed: bool = False) -> str:
    """A thin line."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'


def dot(x: float, y: float, colour: str, tip: str = "") -> str:
    """A mark."""
    inside = f"<title>{Svg.of(tip)}</title>" if tip else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}">{inside}</circle>'


def cut(words: str, pixels: float, size: float = 12) -> str:
    """As much of a text as about fits."""
    most = max(1, int(pixels / (size * 0.58)))
    return words if len(words) <= most else words[: most - 1] + "…"
