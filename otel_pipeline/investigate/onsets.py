"""What moved first: the time at which errors, slowness, log lines and metrics of each service left the usual.

Errors and slow visits: the cumulated log-likelihood ratio of the share in the window against the usual one (Page,
Continuous inspection schemes, 1954); a signal moved where that sum was last at its lowest before it rose for good.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.investigate.changes import Counted
from otel_pipeline.investigate.model import Change, Deploy, MetricMove, Onset

BEFORE = timedelta(seconds=60)
SETTLED = timedelta(seconds=10)
BINS = 120
PIECES = 8
LEAST_SECONDS = 1.0
SURE = 8.0  # nats
SLOW_SHARE = 0.05
CLEAR = 2.0  # times the usual share; when a smaller rise began cannot be told
SIGNALS = (
    ("error", "Failed", "FirstFailed", "requests begin to fail"),
    ("latency", "Slow", "FirstSlow", "its self time rises"),
    ("gap", "Far", "FirstFar", "the network time to it rises"),
)
TELLING = ("saturation", "saw-tooth", "growth", "queue", "errors")
FOLLOWING = ("gap", "log line")
SHOWN = 12


def timeline(
    moved: Sequence[Onset], look: Window, *, metrics: Sequence[MetricMove] = (), deploys: Sequence[Deploy] = ()
) -> list[Onset]:
    """What moved, in order of time.

    :param moved: what :func:`of_visits` and :func:`of_lines` say. :param look: the time that is told of.
    """
    first_metrics = {m.service: m for m in reversed(metrics) if m.kind in TELLING and m.since >= look.start}
    found = {
        *moved,
        *(Onset(m.since, service, "metric", m.what) for service, m in first_metrics.items()),
        *(Onset(d.at, d.service, d.kind, released(d)) for d in deploys if look.start <= d.at < look.end),
    }
    ordered = sorted(found, key=lambda onset: (onset.at, onset.service, onset.signal, onset.what))
    # A log line says when a service began to tell, where nothing else does. Of too much, what follows goes first.
    plain = {onset.service for onset in ordered if onset.signal in ("error", "latency")}
    ordered = [onset for onset in ordered if onset.signal != "log line" or onset.service not in plain]
    kept = sorted(ordered, key=lambda onset: onset.signal in FOLLOWING)[:SHOWN]
    return [onset for onset in ordered if onset in kept]


def look(focus: Window, clear: datetime) -> Window:
    """Where onsets are looked for: from some time before the trouble, but not in the trouble before it."""
    return Window(min(focus.start, max(focus.start - BEFORE, clear + SETTLED)), focus.end)


def released(deploy: Deploy) -> str:
    """A deploy in words."""
    if deploy.kind == "restart":
        return "its process was started anew"
    if deploy.kind == "rollout":
        return f"rollout: {deploy.after}"
    return f"version {deploy.after} instead of {deploy.before}"


def course(db: Database, focus: Window, reference: Sequence[Window], clear: datetime) -> list[dict[str, Any]]:
    """Rows of ``investigate__course``; none without a reference. :param clear: see :func:`look`."""
    if not reference:
        return []
    within, nearest = look(focus, clear), reference[:PIECES]  # these are enough to know what is slow
    where = {"starts": [w.start for w in (within, *nearest)], "ends": [w.end for w in (within, *nearest)]}
    return db.rows("investigate__course", **where, seconds=_bin(within))


def _bin(within: Window) -> float:
    return max(LEAST_SECONDS, (within.end - within.start).total_seconds() / BINS)


def of_visits(
    rows: Sequence[dict[str, Any]], usual: Mapping[str, tuple[int, int]], focus: Window, clear: datetime
) -> list[Onset]:
    """When visits of each service began to fail, to be slow, or to be long on the way.

    :param rows: what :func:`course` gave. :param usual: visits of services in quiet times, and those that failed.
    """
    within = look(focus, clear)
    ahead, seconds = (focus.start - within.start).total_seconds(), _bin(within)
    courses: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        courses.setdefault(row["Service"], []).append(row)
    found = []
    for service, bins in courses.items():
        visits, failed = usual.get(service, (0, 0))
        if not visits:
            continue
        failing = (failed + 0.5) / (visits + 1)
        for signal, count, first, what in SIGNALS:
            rate = failing if signal == "error" else SLOW_SHARE
            counts = [(row["Visits"], row[count]) for row in bins]
            inside = [pair for pair, row in zip(counts, bins, strict=True) if row["Bin"] * seconds >= ahead]
            index = change(counts, rate, _share(inside))
            if index is not None:
                begin = next(row[first] for row in bins[index:] if row[count])
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


def of_lines(counted: Counted, changes: Sequence[Change]) -> list[Onset]:
    """The first new log line of each service. :param changes: the log lines that are new stand among them."""
    new = {(c.service, c.what) for c in changes if c.kind == "new log line"}
    rows = [row for row in counted.lines if (row["Service"], row["Text"]) in new]
    first = {row["Service"]: row for row in sorted(rows, key=lambda row: (row["First"], row["Text"]), reverse=True)}
    return [
        Onset(utc(row["First"]), service, "log line", f"first line of: {row['Text'][:120]}")
        for service, row in first.items()
    ]
