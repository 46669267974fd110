"""The shop's ledger of injected faults as labels: of times, and of single traces. Only what judges results reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc

GRACE = timedelta(seconds=20)
"""Requests that a fault held up end after it; what happens up to this long after its end may be its own."""


def touches(fault: Window, start: datetime, end: datetime) -> bool:
    """Whether a time touches that of a fault, or the :data:`GRACE` after it."""
    return start < fault.end + GRACE and end > fault.start


def speaker(fault: Window, incidents: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The incident that speaks for a fault: of those that began before its end, or else after it, the one with most
    anomalous traces.

    :param incidents: that touch it, with Start, End and Anomalous.
    """
    return max(incidents, key=lambda row: (row["Start"] < fault.end, row["Anomalous"]), default=None)


@dataclass(frozen=True)
class Fault:
    """One entry of the ledger.

    :param service: whose own work was broken; empty: nobody's, the scenario is loud but harmless.
    """

    id: str
    scenario: str
    service: str
    window: Window

    @property
    def harmless(self) -> bool:
        """Whether nothing was broken, so that nobody is to be blamed."""
        return not self.service

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether a time touches the fault's, or the little while after it."""
        return touches(self.window, start, end)


def read(db: Database) -> list[Fault]:
    """All entries, in order of time."""
    return [
        Fault(row["Id"], row["Scenario"], row["Service"], Window(utc(row["Start"]), utc(row["End"])))
        for row in db.rows("evaluation__ledger")
    ]


def labels(db: Database, faults: Sequence[Fault], traces: Sequence[dict[str, Any]]) -> list[tuple[str, bool | None]]:
    """Scenario and label of each trace.

    Faulty: it began while a fault was switched on, and the broken service did in it what the fault breaks
    (``evaluation__affected.sql``). Normal: it began when nothing was switched on, nor had been in the :data:`GRACE`
    before. Any other, such as a request beside the fault or in the queue behind it, or the failing job of a loud but
    harmless scenario, is left out (None).

    :param traces: rows with TraceId and Timestamp.
    """
    scenarios = {fault.id: fault.scenario for fault in faults}
    rows = db.rows("evaluation__affected")
    affected = {row["TraceId"]: scenarios[row["Id"]] for row in rows if row["Id"] in scenarios}
    found: list[tuple[str, bool | None]] = []
    for trace in traces:
        scenario = affected.get(trace["TraceId"])
        began = utc(trace["Timestamp"])
        near = any(fault.window.start <= began < fault.window.end + GRACE for fault in faults)
        found.append((scenario, True) if scenario else ("", None if near else False))
    return found
