"""What moved first: the time at which errors, slowness, log lines and metrics of each service left the usual.

Errors and slow visits: the cumulated log-likelihood ratio of the share in the window against the usual one (Page,
Continuous inspection schemes, 1954); a signal moved where that sum was last at its lowest before it rose for good.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.investigate.model import Change, Deploy, MetricMove, Onset

BEFORE = timedelta(seconds=60)
SETTLED = timedelta(seconds=10)
BINS = 120
LEAST_SECONDS = 1.0
SURE = 8.0  # nats
SLOW_SHARE = 0.05
CLEAR = 2.0  # times the usual share; when a smaller rise began cannot be told
SIGNALS = (
    ("error", "Failed", "FirstFailed", "visits begin to fail"),
    ("latency", "Slow", "FirstSlow", "its own work becomes slow"),
    ("gap", "Far", "FirstFar", "the way to it becomes long"),
)
TELLING = ("saturation", "saw-tooth", "growth", "queue", "errors")
FOLLOWING = ("gap", "log line")
SHOWN = 12


def timeline(
    db: Database,
    focus: Window,
    reference: Sequence[Window],
    clear: datetime,
    *,
    metrics: Sequence[MetricMove] = (),
    deploys: Sequence[Deploy] = (),
    changes: Sequence[Change] = (),
) -> list[Onset]:
    """What moved, in order of time. Empty without a reference.

    :param clear: end of the trouble before, or of nothing known: what moved earlier belongs to that.
    :param changes: new log lines among them take their place by their first line.
    """
    if not reference:
        return []
    look = Window(min(focus.start, max(focus.start - BEFORE, clear + SETTLED)), focus.end)
    first_metrics = {m.service: m for m in reversed(metrics) if m.kind in TELLING and m.since >= look.start}
    moved = {
        *_visits(db, look, focus, reference),
        *_lines(db, focus, changes),
        *(Onset(m.since, service, "metric", m.what) for service, m in first_metrics.items()),
        *(Onset(d.at, d.service, d.kind, released(d)) for d in deploys if look.start <= d.at < look.end),
    }
    ordered = sorted(moved, key=lambda onset: (onset.at, onset.service, onset.signal, onset.what))
    # A log line says when a service began to tell, where nothing else does. Of too much, what follows goes first.
    plain = {onset.service for onset in ordered if onset.signal in ("error", "latency")}
    ordered = [onset for onset in ordered if onset.signal != "log line" or onset.service not in plain]
    kept = sorted(ordered, key=lambda onset: onset.signal in FOLLOWING)[:SHOWN]
    return [onset for onset in ordered if onset in kept]


def released(deploy: Deploy) -> str:
    """A deploy in words."""
    if deploy.kind == "restart":
        return "its process was started anew"
    return f"version {deploy.after} instead of {deploy.before}"


def _visits(db: Database, look: Window, focus: Window, reference: Sequence[Window]) -> list[Onset]:
    ahead = (focus.start - look.start).total_seconds()
    seconds = max(LEAST_SECONDS, (look.end - look.start).total_seconds() / BINS)
    quiet = {"starts": [w.start for w in reference], "ends": [w.end for w in reference]}
    usual = {row["Service"]: row for row in db.rows("investigate__usual", **quiet)}
    where = {"starts": [look.start, *quiet["starts"]], "ends": [look.end, *quiet["ends"]]}
    courses: dict[str, list[dict[str, Any]]] = {}
    for row in db.rows("investigate__course", **where, seconds=seconds):
        courses.setdefault(row["Service"], []).append(row)
    found = []
    for service, course in courses.items():
        known = usual.get(service)
        if not known:
            continue
        failing = (known["Failed"] + 0.5) / (known["Visits"] + 1)
        for signal, count, first, what in SIGNALS:
            rate = failing if signal == "error" else SLOW_SHARE
            counts = [(row["Visits"], row[count]) for row in course]
            inside = [pair for pair, row in zip(counts, course, strict=True) if row["Bin"] * seconds >= ahead]
            index = change(counts, rate, _share(inside))
            if index is not None:
                begin = next(row[first] for row in course[index:] if row[count])
                found.append(Onset(utc(begin), service, signal, what))
    return found


def _share(counts: Sequence[tuple[int, int]]) -> float:
    return sum(k for _, k in counts) / max(1, sum(n for n, _ in counts))


def change(counts: Sequence[tuple[int, int]], usual: float, troubled: float) -> int | None:
    """The bin from which the share of odd ones is clearly above the usual share; None where it never is.

    :param counts: (all, odd) of each bin. :param troubled: the share of odd ones in the trouble.
    """
    share = min(troubled, 0.99)
    if share < min(0.9, CLEAR * usual):
        return None
    more, less = math.log(share / usual), math.log((1 - share) / (1 - usual))
    total, start, best, at = 0.0, 0, 0.0, None
    for index, (n, k) in enumerate(counts):
        if total <= 0:
            total, start = 0.0, index
        total += k * more + (n - k) * less
        if total > best:
            best, at = total, start
    return at if best >= SURE else None


def _lines(db: Database, focus: Window, changes: Sequence[Change]) -> list[Onset]:
    texts = [c.what for c in changes if c.kind == "new log line"]
    if not texts:
        return []
    rows = db.rows("investigate__first_lines", start=focus.start, end=focus.end, texts=texts)
    first = {row["Service"]: row for row in reversed(rows)}
    return [
        Onset(utc(row["First"]), service, "log line", f"first line of: {row['Text'][:120]}")
        for service, row in first.items()
    ]
