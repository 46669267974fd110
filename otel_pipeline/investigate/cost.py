"""What telemetry costs: which templates, spans and metrics make the volume, which carry information, what could go.

A log line tells something when it may or may not come: the entropy of its presence in a visit by some operation.
Whatever incidents or the memory of errors lean on, what is severe, and what is rare, stays.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window

WARN, INFO = 13, 9
LARGE = 0.01  # share of its signal's bytes from which it pays to do something
RARE = 0.001
LITTLE_BITS = 0.3  # a visit; a line that comes in 95 of 100 visits by the same operation tells no more
STEADY, SHORT_MS = 1.0, 1.0
SAMPLED = 0.1  # of what is sampled, this share is kept
SAVED = {"drop": 1.0, "sample": 1 - SAMPLED, "keep": 0.0}


@dataclass(frozen=True)
class Item:
    """A template, an operation or a metric.

    :param share: of the bytes of its signal. :param bits: information of one visit, span or point, where it is known.
    :param advice: keep, sample or drop. :param why: the reason.
    """

    service: str
    text: str
    rows: int
    bytes: int
    share: float
    bits: float
    advice: str
    why: str


def cost(db: Database, window: Window, limit: int = 15) -> dict[str, Any]:
    """Volume and information of a window, the largest first.

    :returns: the shape that ``otel-pipeline cost --json`` documents.
    """
    where = {"start": window.start, "end": window.end}
    signals = {row["Signal"]: (row["Rows"], row["Bytes"]) for row in db.rows("cost__signals", **where)}
    metrics = db.rows("cost__metrics", **where)
    signals["metrics"] = (sum(row["Rows"] for row in metrics), sum(row["Bytes"] for row in metrics))
    found = {
        "logs": _items(db.rows("cost__templates", **where), _line),
        "spans": _items(db.rows("cost__spans", **where), _span),
        "metrics": _items(metrics, _metric),
    }
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
                "saved": round(sum(item.share * SAVED[item.advice] for item in items), 4),
            }
            for name, items in found.items()
        ],
        "tail_sampling": {"normal_share": round(normal, 4), "saved": round(normal * SAVED["sample"], 4)},
        **{name: [asdict(item) for item in items[:limit]] for name, items in found.items()},
    }


def _items(rows: Sequence[dict[str, Any]], judge: Any) -> list[Item]:
    total = sum(row["Bytes"] for row in rows) or 1
    items = []
    for row in rows:
        share = row["Bytes"] / total
        bits, advice, why = judge(row, share)
        known = (row["Service"], row["Text"], row["Rows"], round(row["Bytes"]), round(share, 4))
        items.append(Item(*known, round(bits, 3), advice, why))
    return items


def _line(row: dict[str, Any], share: float) -> tuple[float, str, str]:
    bits = row["Bits"]
    if row["Severity"] >= WARN or row["Telling"]:
        return bits, "keep", "warnings or worse" if row["Severity"] >= WARN else "incidents lean on it"
    if 0 < row["Severity"] < INFO:
        return bits, "drop", "debugging, and no incident leans on it"
    if share < LARGE:
        return bits, "keep", "rare" if share < RARE else "small"
    if row["Present"] and bits <= LITTLE_BITS:
        return bits, "sample", "comes whenever its operations run, so spans tell it already"
    return bits, "keep", "comes in some visits and not in others" if row["Present"] else "belongs to no trace"


def _span(row: dict[str, Any], share: float) -> tuple[float, str, str]:
    # Bits of a lognormal duration, told to a tenth: log2 of how many tenths its spread covers.
    bits = max(0.0, math.log2(row["Spread"] * math.sqrt(2 * math.pi * math.e) / 0.1)) if row["Spread"] > 0 else 0.0
    if row["Errors"]:
        return bits, "keep", f"{row['Errors']} failed"
    if row["Telling"]:
        return bits, "keep", "anomalies point at it"
    if share < LARGE:
        return bits, "keep", "small"
    if row["Inner"] == row["Rows"] and row["TailMs"] < SHORT_MS:
        return bits, "drop", f"internal, never failed, 99 of 100 are shorter than {row['TailMs']:.2g} ms"
    if row["Spread"] < STEADY:
        return bits, "sample", "never failed, and nearly always takes the same time"
    return bits, "keep", "its duration varies"


def _metric(row: dict[str, Any], share: float) -> tuple[float, str, str]:
    if row["Constant"] == row["Series"] and share >= RARE:
        return row["Bits"], "sample", "its values never change: a longer interval does"
    if row["Constant"] == row["Series"]:
        return row["Bits"], "keep", "small"
    return row["Bits"], "keep", f"its values change in {row['Series'] - row['Constant']} of {row['Series']} series"
