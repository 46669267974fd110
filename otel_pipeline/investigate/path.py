"""From the symptom to the cause, along calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.calls import below
from otel_pipeline.detection.model import Window

MOSTLY = 0.2  # of the traces of the most frequent caller


@dataclass(frozen=True)
class Calls:
    """Who calls whom in anomalous traces.

    :param callees: of each caller, the most frequent first. :param failed: traces in which a call failed.
    :param traces: in which the one calls the other.
    """

    callees: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failed: Mapping[tuple[str, str], int] = field(default_factory=dict)
    traces: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def usual(self, caller: str, callee: str) -> bool:
        """Whether a fair share of the calls to a service come from a caller."""
        most = max((n for (_, to), n in self.traces.items() if to == callee), default=0)
        return self.traces.get((caller, callee), most) >= MOSTLY * most

    def below(self, service: str) -> list[str]:
        """All that a service depends on, the nearest first."""
        return below(service, self.callees)


def path(calls: Calls, entries: Sequence[dict[str, Any]], cause: str) -> list[str]:
    """Services to the cause along calls, from the root of the most affected traces that depend on it; the cause alone
    if none does.
    """
    roots = dict.fromkeys(row["Service"] for row in entries if row["Anomalous"])
    start = next((root for root in roots if root == cause or cause in calls.below(root)), cause)
    queue, came = [start], {start: ""}
    while queue:
        service = queue.pop(0)
        if service == cause:
            way = [cause]
            while came[way[-1]]:
                way.append(came[way[-1]])
            return way[::-1]
        for callee in calls.callees.get(service, ()):
            if callee not in came and calls.usual(service, callee):
                came[callee] = service
                queue.append(callee)
    return [cause]


def entries(db: Database, window: Window) -> list[dict[str, Any]]:
    """Root operations, those with the most anomalous traces first: where trouble shows."""
    return db.rows("investigate__entries", start=window.start, end=window.end)


def calls(db: Database, window: Window, traces: Sequence[str] = ()) -> Calls:
    """Who calls whom in the anomalous traces of a window, and in some others."""
    found: dict[str, list[str]] = {}
    failed: dict[tuple[str, str], int] = {}
    count: dict[tuple[str, str], int] = {}
    for row in db.rows("investigate__calls", start=window.start, end=window.end, traces=list(traces)):
        found.setdefault(row["Caller"], []).append(row["Callee"])
        failed[row["Caller"], row["Callee"]] = row["Failed"]
        count[row["Caller"], row["Callee"]] = row["Traces"]
    return Calls(found, failed, count)
