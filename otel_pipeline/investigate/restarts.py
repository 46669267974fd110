"""Processes that were started anew, new releases, and memory that grows until they are."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.investigate import rollouts
from otel_pipeline.investigate.model import Deploy, MetricMove
from otel_pipeline.investigate.quantities import quantity, series_name

ROLLING = timedelta(seconds=90)  # an old and a new process may serve side by side for so long
SETTLED = timedelta(seconds=20)  # after the first sign of a service; before, it is the first that is seen, not a start
GREW, FELL = 0.2, 0.5
RISING, STANDS_OUT, LEAST_CLIMB = 0.6, 4.0, 5
NORMAL = 1.4826  # from the median of absolute deviations to a standard deviation
CLOSE = timedelta(seconds=90)


def starts(db: Database, look: Window, began: datetime) -> list[Deploy]:
    """Processes of known services that started within ``look``, in order of time; with the versions, where told.

    :param began: when the trouble began.
    """
    where = {"start": look.start, "end": look.end}
    seen = db.rows("investigate__instances", **where)
    if not any(row["Instance"] for row in seen):
        seen += db.rows("investigate__span_instances", **where)
    seen += db.rows("investigate__log_versions", **where, told=sorted({row["Service"] for row in seen}))
    services: dict[str, list[dict[str, Any]]] = {}
    for row in seen:
        services.setdefault(row["Service"], []).append(
            {**row, "FirstSeen": utc(row["FirstSeen"]), "LastSeen": utc(row["LastSeen"])}
        )
    found = []
    for service, rows in ((service, dated(rows)) for service, rows in services.items()):
        known_from = min(row["FirstSeen"] for row in rows)
        for row in rows:
            at = row["FirstSeen"]
            earlier = [other for other in rows if not other["Reset"] and other["FirstSeen"] < at]
            if row["Reset"]:
                found.append(_deploy(service, row["Version"], row["Version"], at, began))
            elif at > known_from + SETTLED and (before := _replaced(row, earlier)):
                found.append(_deploy(service, before["Version"], row["Version"], at, began))
    counted = [
        _deploy(row["Service"], "", "", utc(row["At"]), began)
        for row in db.rows("investigate__restart_counts", **where)
    ]
    found += [c for c in counted if all(c.service != d.service or abs(c.at - d.at) > ROLLING for d in found)]
    found += rollouts.rollouts(db, look, began, found)
    return sorted(found, key=lambda deploy: (deploy.at, deploy.service))


def dated(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Instances of one service, by the traces' times where those are finer: a version is seen in traces before its
    first metric is exported. A version that no instance tells of stands for itself.
    """
    found = [dict(row) for row in rows if row["Instance"]]
    for version in (row for row in rows if not row["Instance"]):
        own = [row for row in found if row["Version"] == version["Version"] and not row["Reset"]]
        if own:
            first, last = min(own, key=lambda row: row["FirstSeen"]), max(own, key=lambda row: row["LastSeen"])
            first["FirstSeen"] = min(first["FirstSeen"], version["FirstSeen"])
            last["LastSeen"] = max(last["LastSeen"], version["LastSeen"])
        else:
            found.append(version)
    return found


def _replaced(row: dict[str, Any], earlier: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What ran before it: of another version that was never seen till then, or an instance that ended about when this
    one began. None where it runs beside the others, such as one more replica.
    """
    newest = max(earlier, key=lambda other: other["FirstSeen"], default=None)
    if newest and row["Version"] not in {other["Version"] for other in earlier}:
        return newest
    ended = [
        other
        for other in earlier
        if other["Instance"] != row["Instance"] and abs(other["LastSeen"] - row["FirstSeen"]) <= ROLLING
    ]
    return max(ended, key=lambda other: other["LastSeen"], default=None)


def _deploy(service: str, before: str, after: str, at: datetime, began: datetime) -> Deploy:
    kind = "release" if before and after and before != after else "restart"
    return Deploy(kind, service, before, after, at, round((began - at).total_seconds(), 1))


def saw_teeth(rows: Sequence[dict[str, Any]], deploys: Sequence[Deploy]) -> Iterator[tuple[dict[str, Any], MetricMove]]:
    """Levels that climbed until their process was started anew, and began low again.

    A tooth is a climb that stands out of its own wiggles, seen over all that is known of the instance, or else a climb
    beyond everything that was seen in quiet times.
    """
    for row in rows:
        if row["Kind"] != "level" or len(row["Mine"]) < 3:
            continue
        for start in (d for d in deploys if d.service == row["Service"] and d.kind == "restart"):
            mine = [(utc(time), value) for time, _, value in row["Mine"] if utc(time) < start.at]
            if len(mine) < 3 or abs(start.at - mine[-1][0]) > CLOSE:
                continue
            past = [(utc(time), value) for time, value in row["Past"] if utc(time) < mine[0][0]]
            climb = next((c for c in ([*past, *mine], mine) if climbs([v for _, v in c])), None)
            fresh = _after(rows, row, start.at)
            if climb is None or fresh is None:
                continue
            low, peak = climb[0][1], max(value for _, value in climb)
            beyond = not row["UsualPoints"] or peak >= (1 + GREW) * row["Highest"] or climb is not mine
            if beyond and peak - fresh >= FELL * (peak - low):
                name, unit = series_name(row["Metric"], row["Attributes"]), row["Unit"]
                what = (
                    f"{name} grew from {quantity(low, unit)} to {quantity(peak, unit)}, then the process was"
                    " started anew"
                )
                since = next(t for t, v in climb if v > low + 0.1 * (peak - low) or v == peak)
                known = (float(f"{low:.4g}"), float(f"{peak:.4g}"), since, round((peak - low) / low, 1))
                yield row, MetricMove("saw-tooth", row["Service"], row["Metric"], what, *known)
                break


def climbs(values: Sequence[float], times: float = 1 + GREW, rising: float = RISING) -> bool:
    """Whether values rise from their beginning to their end, and by much more than they wiggle.

    :param times: the end over the beginning, at least; both as the middle of a fifth of the values.
    :param rising: Kendall's tau of value and time, at least.
    """
    n = len(values)
    fifth = max(1, n // 5)
    low, high = median(values[:fifth]), median(values[-fifth:])
    if n < LEAST_CLIMB or low <= 0 or high < times * low:
        return False
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    if sum((values[j] > values[i]) - (values[j] < values[i]) for i, j in pairs) < rising * len(pairs):
        return False
    slope = median((values[j] - values[i]) / (j - i) for i, j in pairs)  # Theil and Sen's
    apart = [value - slope * i for i, value in enumerate(values)]
    wiggle = NORMAL * median(abs(a - median(apart)) for a in apart)
    return high - low >= STANDS_OUT * wiggle


def _after(rows: Sequence[dict[str, Any]], row: dict[str, Any], at: datetime) -> float | None:
    """The first value of the same series after a time, of the same instance or of a new one."""
    same = [
        (utc(time), value)
        for other in rows
        if all(other[key] == row[key] for key in ("Service", "Metric", "Attributes"))
        for time, instance, value in other["Mine"]
        if utc(time) >= at and (instance == row["Instance"] or utc(other["Mine"][0][0]) >= at - CLOSE)
    ]
    return min(same)[1] if same else None
