"""The anomalous traces of a window, with their reasons as data."""

from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.remembered import harmless
from otel_pipeline.embedding import Embedder


def anomalies(
    db: Database, window: Window, *, service: str = "", limit: int = 20, embedder: Embedder | None = None
) -> dict[str, Any]:
    """Counts, incidents and the worst traces of a window.

    :param service: only traces with a reason that points at it.
    :param embedder: for the vectors by which the memory is asked whether an incident is known to be harmless.
    :returns: the shape that ``otel-pipeline anomalies --json`` documents.
    """
    where = {"start": window.start, "end": window.end}
    incidents = db.rows("investigate__incidents", **where, service=service)
    known = harmless(db, {row["IncidentId"]: utc(row["Start"]) for row in incidents}, embedder)
    counts = db.one("anomalies__counts", **where)
    return {
        "start": window.start,
        "end": window.end,
        "traces": counts["Traces"],
        "anomalous": counts["Anomalous"],
        "no_baseline": counts["NoBaseline"],
        "partial": counts["Partial"],
        "incidents": [
            {
                "id": row["IncidentId"],
                "start": utc(row["Start"]),
                "end": utc(row["End"]),
                "service": row["Service"],
                "title": row["Title"],
                "anomalous": row["Anomalous"],
                "harmless": known.get(row["IncidentId"], ""),
            }
            for row in incidents
        ],
        "anomalies": [_anomaly(row) for row in db.rows("anomalies__worst", **where, service=service, limit=limit)],
    }


def _anomaly(row: dict[str, Any]) -> dict[str, Any]:
    names = ("kind", "service", "operation", "what", "observed", "expected", "surprise")
    return {
        "trace_id": row["TraceId"],
        "timestamp": utc(row["Timestamp"]),
        "service": row["RootService"],
        "operation": row["RootOperation"],
        "score": row["Score"],
        "duration_ms": row["Duration"] / 1e6,
        "suspect": row["Suspect"],
        "baseline": utc(row["BaselineVersion"]),
        "reasons": [dict(zip(names, reason, strict=True)) for reason in row["Reasons"]],
    }
