"""A trace as a waterfall picture: who called whom, when, for how long, and what failed."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.investigate import svg

WIDTH, NAMES, RIGHT, ROW, TOP = 1100.0, 360.0, 90.0, 20.0, 74.0
ROWS = 60
AROUND = timedelta(hours=1)
TICKS = 4


def waterfall(db: Database, trace_id: str, window: Window) -> str:
    """The picture of a trace as SVG; empty where its spans are gone.

    :param window: about when it ran.
    """
    rows = db.rows("investigate__spans", trace=trace_id, start=window.start - AROUND, end=window.end + AROUND)
    return draw(trace_id, rows) if rows else ""


def draw(trace_id: str, rows: list[dict[str, Any]]) -> str:
    """Spans (rows of ``investigate__spans``) as SVG."""
    begin = min(utc(row["Timestamp"]) for row in rows)
    starts = {row["SpanId"]: (utc(row["Timestamp"]) - begin) / timedelta(milliseconds=1) for row in rows}
    total = max([0.001, *(starts[row["SpanId"]] + row["Duration"] / 1e6 for row in rows)])
    services = list(dict.fromkeys(row["Service"] for row in rows))
    colour = {service: svg.COLOURS[n % len(svg.COLOURS)] for n, service in enumerate(services)}
    ordered = in_order(rows)
    shown = ordered[:ROWS]
    scale = (WIDTH - NAMES - RIGHT) / total
    height = TOP + ROW * len(shown) + (ROW if len(ordered) > ROWS else 0) + 12
    shapes = [svg.text(12, 22, f"trace {trace_id}: {_ms(total)}, {len(rows)} spans", size=14)]
    place = 12.0
    failed = {"failed": svg.RED} if any(row["Failed"] for row in rows) else {}
    for name, tint in [*((service, colour[service]) for service in services[:8]), *failed.items()]:
        shapes += [svg.box(place, 33, 10, 10, tint), svg.text(place + 14, 42, svg.cut(name, 120))]
        place += 14 + min(len(name) * 7.0, 120) + 16
    for tick in range(TICKS + 1):
        x = NAMES + scale * total * tick / TICKS
        shapes += [svg.line(x, TOP - 4, x, height - 10, "#e4e7eb")]
        shapes += [svg.text(x, TOP - 8, _ms(total * tick / TICKS), colour=svg.FAINT, anchor="middle", size=10)]
    for number, (row, depth) in enumerate(shown):
        y, x = TOP + ROW * number, NAMES + scale * starts[row["SpanId"]]
        wide = max(0.8, scale * row["Duration"] / 1e6)
        indent = 12 + 12 * min(depth, 14)
        name = f"{row['Service']}: {row['Operation']}"
        ink = svg.RED if row["Failed"] else svg.INK
        tip = f"{name}, {_ms(row['Duration'] / 1e6)} {row['StatusMessage'][:200]}".strip()
        shapes.append(svg.text(indent, y + 14, svg.cut(name, NAMES - indent - 8, 11), colour=ink, size=11))
        shapes.append(svg.box(x, y + 4, wide, ROW - 8, svg.RED if row["Failed"] else colour[row["Service"]], tip=tip))
        shapes.append(svg.text(x + wide + 5, y + 14, _ms(row["Duration"] / 1e6), colour=svg.FAINT, size=10))
    if len(ordered) > ROWS:
        shapes.append(svg.text(12, TOP + ROW * ROWS + 14, f"… and {len(ordered) - ROWS} more spans", colour=svg.FAINT))
    return svg.document(WIDTH, height, f"trace {trace_id}", shapes)


def in_order(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """Spans with their depth, each below the one that called it; spans without their caller stand at the top."""
    known = {row["SpanId"] for row in rows}
    children: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        parent = row["ParentSpanId"] if row["ParentSpanId"] in known and row["ParentSpanId"] != row["SpanId"] else ""
        children[parent].append(row)
    ordered, seen = [], set()
    stack = [(row, 0) for row in reversed(children[""])]
    while stack:
        row, depth = stack.pop()
        if row["SpanId"] not in seen:
            seen.add(row["SpanId"])
            ordered.append((row, depth))
            stack += [(child, depth + 1) for child in reversed(children[row["SpanId"]])]
    return ordered


def _ms(value: float) -> str:
    return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.1f} ms" if value >= 1 else f"{value * 1000:.0f} µs"
