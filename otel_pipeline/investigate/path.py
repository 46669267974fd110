"""From the symptom to the cause, along calls."""

from collections.abc import Sequence
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window


def path(calls: dict[str, list[str]], entries: Sequence[dict[str, Any]], cause: str) -> list[str]:
    """Services from the root of the most affected traces to the cause, along calls; the cause alone if none does."""
    start = entries[0]["Service"] if entries else cause
    queue, came = [start], {start: ""}
    while queue:
        service = queue.pop(0)
        if service == cause:
            way = [cause]
            while came[way[-1]]:
                way.append(came[way[-1]])
            return way[::-1]
        for callee in calls.get(service, []):
            if callee not in came:
                came[callee] = service
                queue.append(callee)
    return [cause]


def entries(db: Database, window: Window) -> list[dict[str, Any]]:
    """Root operations, those with the most anomalous traces first: where trouble shows."""
    return db.rows("investigate__entries", start=window.start, end=window.end)


def calls(db: Database, window: Window, entries: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Who calls whom in the anomalous traces of the most affected operation."""
    found: dict[str, list[str]] = {}
    first = [(row["Service"], row["Operation"]) for row in entries[:1]]
    for row in db.rows("investigate__calls", start=window.start, end=window.end, operations=first):
        found.setdefault(row["Caller"], []).append(row["Callee"])
    return found
