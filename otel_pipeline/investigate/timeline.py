"""The course of a trouble as a picture: anomalous traffic, and what moved when, service by service."""

from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate import svg
from otel_pipeline.investigate.model import Investigation

WIDTH, LEFT, RIGHT, BARS, LANE, TOP = 1100.0, 170.0, 20.0, 90.0, 26.0, 40.0
BINS = 120
MARGIN = timedelta(seconds=30)
SIGNALS = {
    "error": svg.RED,
    "latency": "#e8890c",
    "gap": "#8e4ec6",
    "metric": "#12a594",
    "log line": "#0091ff",
    "release": "#1f2933",
    "restart": "#1f2933",
}


def timeline(db: Database, found: Investigation) -> str:
    """The picture of a report as SVG."""
    seconds = max(1.0, _shown(found) / timedelta(seconds=1) / BINS)
    span = _window(found)
    bins = db.rows("investigate__picture", start=span.start, end=span.end, seconds=seconds)
    return draw(found, bins, seconds)


def draw(found: Investigation, bins: list[dict[str, Any]], seconds: float) -> str:
    """Bins of traffic (rows of ``investigate__picture``) and the onsets of a report as SVG."""
    span = _window(found)
    length = max(1.0, (span.end - span.start).total_seconds())
    scale = (WIDTH - LEFT - RIGHT) / length

    def x(at: datetime) -> float:
        return LEFT + scale * min(length, max(0.0, (at - span.start).total_seconds()))

    lanes = list(dict.fromkeys(onset.service for onset in found.timeline))
    bottom = TOP + BARS + 14 + LANE * len(lanes)
    shapes = [svg.text(12, 24, svg.cut(f"{found.verdict}: {found.headline}", WIDTH - 24, 14), size=14)]
    if found.focus != found.window or found.incidents:
        wide = x(found.focus.end) - x(found.focus.start)
        shapes.append(svg.box(x(found.focus.start), TOP, wide, bottom - TOP, svg.RED, opacity=0.08))
    most = max((row["Traces"] for row in bins), default=1)
    for row in bins:
        left, wide = LEFT + scale * row["Bin"] * seconds, max(1.0, scale * seconds - 1)
        for count, colour in ((row["Traces"], "#cbd2d9"), (row["Anomalous"], svg.RED)):
            tall = BARS * count / most
            if count:
                tip = f"{row['Traces']} traces, {row['Anomalous']} anomalous"
                shapes.append(svg.box(left, TOP + BARS - tall, wide, tall, colour, tip=tip))
    shapes.append(svg.text(LEFT - 10, TOP + 14, f"{most} traces", colour=svg.FAINT, anchor="end", size=10))
    shapes.append(svg.text(LEFT - 10, TOP + BARS, "anomalous in red", colour=svg.FAINT, anchor="end", size=10))
    for number, service in enumerate(lanes):
        y = TOP + BARS + 14 + LANE * number + LANE / 2
        shapes.append(svg.line(LEFT, y, WIDTH - RIGHT, y, "#e4e7eb"))
        shapes.append(svg.text(LEFT - 10, y + 4, svg.cut(service, LEFT - 20), anchor="end"))
        for onset in reversed([o for o in found.timeline if o.service == service]):
            colour = SIGNALS.get(onset.signal, svg.INK)
            tip = f"{onset.at:%H:%M:%S} {onset.signal}: {onset.what}"
            if onset.signal in ("release", "restart"):
                shapes.append(svg.line(x(onset.at), TOP, x(onset.at), bottom, colour, dashed=True))
            shapes.append(svg.dot(x(onset.at), y, colour, tip))
    for tick in range(6):
        at = span.start + (span.end - span.start) * tick / 5
        anchor = "end" if tick == 5 else "middle"
        shapes.append(svg.text(x(at), bottom + 16, f"{at:%H:%M:%S}", colour=svg.FAINT, anchor=anchor, size=10))
    place = LEFT
    for signal in dict.fromkeys(onset.signal for onset in found.timeline):
        shapes += [svg.dot(place, bottom + 34, SIGNALS.get(signal, svg.INK)), svg.text(place + 9, bottom + 38, signal)]
        place += 30 + 7 * len(signal)
    return svg.document(WIDTH, bottom + 52, found.headline, shapes)


def _window(found: Investigation) -> Window:
    first = min([found.focus.start, *(onset.at for onset in found.timeline)])
    return Window(first - MARGIN, found.focus.end + MARGIN)


def _shown(found: Investigation) -> timedelta:
    span = _window(found)
    return span.end - span.start
