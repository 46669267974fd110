"""What telemetry costs: which templates, spans, events and metrics make the volume, which carry information, what could
go, and what that saves a day.

A log line tells something when it may or may not come: the entropy of its presence in a visit by some operation; and
when it comes more or less often in incidents than else. Whatever incidents or the memory of errors lean on, what is
severe, and what is rare, stays.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.robust import deviance

WARN, INFO = 13, 9
LARGE = 0.01  # share of its signal's bytes from which it pays to do something
RARE = 0.001
LITTLE_BITS = 0.3  # a visit; a line that comes in 95 of 100 visits by the same operation tells no more
STEADY, SHORT_MS = 1.0, 1.0
ENOUGH = 3600.0  # rows an hour that still show a course: one a second
RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
SURE, TIMES = 4.0, 1.5  # standard deviations, and times the rate, by which lines differ in incidents
LEAST_LINES = 20
DAY = 86400.0
LONGER = 0.2  # of the points of a metric that never changes: a five times longer interval
SERVICES, EVENTS = 12, 3  # recommended, and of each service


@dataclass(frozen=True)
class Item:
    """A template, an operation, an event or a metric.

    :param share: of the bytes of its signal. :param bits: information of one visit, span or point, where it is known.
    :param advice: keep, sample or drop. :param why: the reason. :param rate: share that is kept.
    """

    service: str
    text: str
    rows: int
    bytes: int
    share: float
    bits: float
    advice: str
    why: str
    rate: float = 1.0


Judge = Callable[[dict[str, Any], float, float], tuple[float, str, str, float]]


def cost(db: Database, window: Window, limit: int = 15) -> dict[str, Any]:
    """Volume and information of a window, the largest first, and what to do about it, service by service.

    :returns: the shape that ``otel-pipeline cost --json`` documents.
    """
    where = {"start": window.start, "end": window.end}
    rows = db.rows("cost__signals", **where)
    signals = {row["Signal"]: (row["Rows"], row["Bytes"]) for row in rows}
    # A window may hold less than its length: what a day holds is told by the time that was seen.
    seconds = max([60.0, *(row["Seconds"] for row in rows)])
    metrics = db.rows("cost__metrics", **where)
    signals["metrics"] = (sum(row["Rows"] for row in metrics), sum(row["Bytes"] for row in metrics))
    hours = seconds / 3600
    found = {
        "logs": items(db.rows("cost__templates", **where), line, hours),
        "spans": items(db.rows("cost__spans", **where), _span, hours),
        "metrics": items(metrics, _metric, hours),
    }
    events = items(db.rows("cost__events", **where), _event, hours)
    total = sum(size for _, size in signals.values()) or 1
    spans = db.one("cost__normal", **where)
    normal = spans["Normal"] / spans["Spans"] if spans["Spans"] else 0.0
    return {
        "start": window.start,
        "end": window.end,
        "signals": [
            {
                "signal": name,
                "rows": signals[name][0],
                "bytes": signals[name][1],
                "share": round(signals[name][1] / total, 4),
                "saved": round(sum(item.share * (1 - item.rate) for item in mine), 4),
            }
            for name, mine in found.items()
        ],
        "tail_sampling": {"normal_share": round(normal, 4), "saved": round(normal * (1 - 0.1), 4)},
        "recommendations": recommend(found, DAY / seconds),
        **{name: [asdict(item) for item in mine[:limit]] for name, mine in found.items()},
        "events": [asdict(item) for item in events[:limit]],
    }


def items(rows: Sequence[dict[str, Any]], judge: Judge, hours: float) -> list[Item]:
    """Rows with advice. :param hours: of traffic that they are of."""
    total = sum(row["Bytes"] for row in rows) or 1
    found = []
    for row in rows:
        share = row["Bytes"] / total
        bits, advice, why, rate = judge(row, share, row["Rows"] / hours)
        known = (row["Service"], row["Text"], row["Rows"], round(row["Bytes"]), round(share, 4))
        found.append(Item(*known, round(bits, 3), advice, why, rate))
    return found


def recommend(found: dict[str, list[Item]], days: float) -> list[dict[str, Any]]:
    """What to do, service by service, that with the largest saving first, and what each step saves a day.

    :param days: by which rows and bytes are multiplied to be those of a day.
    """
    mine: dict[str, list[tuple[str, Item]]] = defaultdict(list)
    kept: dict[str, int] = defaultdict(int)
    for signal, all_items in found.items():
        for item in all_items:
            if item.rate < 1:
                mine[item.service].append((signal, item))
            elif item.why in KEPT:
                kept[item.service] += 1
    told = []
    for service, steps in mine.items():
        steps.sort(key=lambda step: -step[1].bytes * (1 - step[1].rate))
        told.append(
            {
                "service": service,
                "rows_a_day": round(sum(i.rows * (1 - i.rate) for _, i in steps) * days),
                "bytes_a_day": round(sum(i.bytes * (1 - i.rate) for _, i in steps) * days),
                "steps": [_step(signal, item, days) for signal, item in steps[:EVENTS]],
                "more": max(0, len(steps) - EVENTS),
                "keep": f"{kept[service]} templates that warn or that incidents lean on" if kept[service] else "",
            }
        )
    return sorted(told, key=lambda r: (-r["bytes_a_day"], r["service"]))[:SERVICES]


def _step(signal: str, item: Item, days: float) -> dict[str, Any]:
    do = {
        "logs": f"keep {_one_in(item.rate)}",
        "spans": f"keep {_one_in(item.rate)}",
        "metrics": f"export {1 / max(item.rate, 0.01):.0f} times less often",
    }[signal]
    action = "stop sending" if item.rate == 0 else do
    saved = {
        "rows_a_day": round(item.rows * (1 - item.rate) * days),
        "bytes_a_day": round(item.bytes * (1 - item.rate) * days),
    }
    return {
        "signal": signal,
        "event": item.text,
        "action": action,
        "rate": item.rate,
        **saved,
        "words": _words(signal, action, item.rate),
        "why": item.why,
    }


def _words(signal: str, action: str, rate: float) -> str:
    what = {"logs": "log lines", "spans": "spans", "metrics": "metric"}[signal]
    if not rate or signal == "metrics":
        return f"{action} {'this' if signal == 'metrics' else 'these'} {what}"
    return f"{action} of these {what}{', by trace, and all that fail' if signal == 'spans' else ''}"


def _one_in(rate: float) -> str:
    return f"1 in {1 / rate:.0f}" if rate else "none"


def sampled(an_hour: float) -> float:
    """The share that is worth keeping of so many rows an hour: enough to see a course by."""
    return next((rate for rate in RATES if rate * an_hour <= ENOUGH), RATES[-1])


RISES = "comes more often in incidents"
VANISHES = "comes less often in incidents"
LEANS = "incidents lean on it"
WARNS = "warnings or worse"
KEPT = (RISES, VANISHES, LEANS, WARNS)


def differs(row: dict[str, Any]) -> str:
    """How a line differs in frequency in incidents, and so tells of them; empty where it does not."""
    inside, outside = row["MinutesIn"], row["MinutesOut"]
    lines = row["LinesIn"] + row["LinesOut"]
    if not inside or not outside or lines < LEAST_LINES:
        return ""
    expected = inside / (inside + outside)
    times = (row["LinesIn"] / inside) / max(1e-9, row["LinesOut"] / outside)
    sure = deviance(row["LinesIn"], lines, expected)
    if sure >= SURE and times >= TIMES:
        return RISES
    return VANISHES if sure <= -SURE and times <= 1 / TIMES else ""


def line(row: dict[str, Any], share: float, an_hour: float) -> tuple[float, str, str, float]:
    """Advice on a log template: its bits, what to do, why, and the share to keep."""
    bits = row["Bits"]
    tells = WARNS if row["Severity"] >= WARN else LEANS if row["Telling"] else differs(row)
    if tells:
        return bits, "keep", tells, 1.0
    debug = 0 < row["Severity"] < INFO
    if share < RARE or (share < LARGE and not debug):
        return bits, "keep", "rare" if share < RARE else "small", 1.0
    always = row["Present"] and bits <= LITTLE_BITS
    beside = f": the span {row['Twin']} says the same" if row["Twin"] else ", so spans tell it already"
    if always:
        why = f"comes whenever its operations run{beside}"
        return (bits, "drop", f"debugging, {why}", 0.0) if debug else (bits, "sample", why, sampled(an_hour))
    if debug:
        return bits, "sample", "debugging; incidents do not change it", sampled(an_hour)
    return bits, "keep", "comes in some visits and not in others" if row["Present"] else "belongs to no trace", 1.0


def _span(row: dict[str, Any], share: float, an_hour: float) -> tuple[float, str, str, float]:
    # Bits of a lognormal duration, told to a tenth: log2 of how many tenths its spread covers.
    bits = max(0.0, math.log2(row["Spread"] * math.sqrt(2 * math.pi * math.e) / 0.1)) if row["Spread"] > 0 else 0.0
    if row["Errors"]:
        return bits, "keep", f"{row['Errors']} failed", 1.0
    if row["Telling"]:
        return bits, "keep", "anomalies point at it", 1.0
    if share < LARGE:
        return bits, "keep", "small", 1.0
    if row["Inner"] == row["Rows"] and row["TailMs"] < SHORT_MS:
        return bits, "drop", f"internal, never failed, 99 of 100 are shorter than {row['TailMs']:.2g} ms", 0.0
    if row["Spread"] < STEADY:
        return bits, "sample", "never failed, and nearly always takes the same time", sampled(an_hour)
    return bits, "keep", "its duration varies", 1.0


def _event(row: dict[str, Any], share: float, an_hour: float) -> tuple[float, str, str, float]:
    if row["Warnings"]:
        return 0.0, "keep", WARNS, 1.0
    if share < LARGE:
        return 0.0, "keep", "small", 1.0
    told = f"of {row['Of']}s, {an_hour:,.0f} an hour; see its {'line' if row['Of'] == 'log' else 'span'} above"
    return 0.0, "keep", told, 1.0


def _metric(row: dict[str, Any], share: float, an_hour: float) -> tuple[float, str, str, float]:
    if row["Constant"] == row["Series"] and share >= RARE:
        return row["Bits"], "sample", "its values never change: a longer interval does", LONGER
    if row["Constant"] == row["Series"]:
        return row["Bits"], "keep", "small", 1.0
    return row["Bits"], "keep", f"its values change in {row['Series'] - row['Constant']} of {row['Series']} series", 1.0
