"""Processes that were started anew, new releases, and memory that grows until they are."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.investigate.model import Deploy, MetricMove
from otel_pipeline.investigate.quantities import quantity, series_name

ROLLING = timedelta(seconds=90)  # an old and a new process may serve side by side for so long
SETTLED = timedelta(seconds=20)  # after the first sign of a service; before, it is the first that is seen, not a start
GREW, FELL = 0.2, 0.5
CLOSE = timedelta(seconds=90)


def starts(db: Database, look: Window, began: datetime) -> list[Deploy]:
    """Processes of known services that started within ``look``, in order of time; with the versions, where told.

    :param began: when the trouble began.
    """
    where = {"start": look.start, "end": look.end}
    seen = db.rows("investigate__instances", **where)
    if not any(row["Instance"] for row in seen):
        seen += db.rows("investigate__span_instances", **where)
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
    """Levels that climbed until their process was started anew, and began low again."""
    for row in rows:
        points = row["Mine"]
        if row["Kind"] != "level" or len(points) < 3:
            continue
        for start in (d for d in deploys if d.service == row["Service"] and d.kind == "restart"):
            climb = [value for time, _, value in points if utc(time) < start.at]
            if len(climb) < 3 or climb[0] <= 0 or abs(start.at - utc(points[len(climb) - 1][0])) > CLOSE:
                continue
            fresh = _after(rows, row, start.at)
            growth = max(climb) - climb[0]
            if growth >= GREW * climb[0] and fresh is not None and max(climb) - fresh >= FELL * growth:
                name, unit = series_name(row["Metric"], row["Attributes"]), row["Unit"]
                peak = quantity(max(climb), unit)
                what = f"{name} grew from {quantity(climb[0], unit)} to {peak}, then the process was started anew"
                top = climb.index(max(climb))
                since = next(utc(t) for t, _, v in points if v > climb[0] + 0.1 * growth or v == climb[top])
                known = (float(f"{climb[0]:.4g}"), float(f"{max(climb):.4g}"), since, round(growth / climb[0], 1))
                yield row, MetricMove("saw-tooth", row["Service"], row["Metric"], what, *known)
                break


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
