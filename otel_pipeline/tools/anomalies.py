"""list_anomalies: the strangest traces of a window, with the reasons."""

from typing import Any

from pydantic import Field

from otel_pipeline.investigate.anomalies import anomalies
from otel_pipeline.tools.model import Context, Paged, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why

MOST = 200
REASONS = 3


class AnomalyArguments(Windowed, Paged):
    """A window, and perhaps one service."""

    service: str = Field("", description="Only traces whose reasons point at it")


def list_anomalies(context: Context, asked: AnomalyArguments) -> dict[str, Any]:
    """Anomalous traces, the worst first."""
    window = asked.window(context.now)
    found = anomalies(context.reader, window, service=asked.service, limit=MOST, embedder=context.embedder)
    answer: dict[str, Any] = {
        "window": echo(window),
        "traces": found["traces"],
        "anomalous": found["anomalous"],
        "anomalies": [
            {
                "trace_id": row["trace_id"],
                "at": row["timestamp"],
                "root": f"{row['service']} {row['operation']}",
                "score": row["score"],
                "ms": row["duration_ms"],
                "suspect": row["suspect"],
                "reasons": [
                    {key: reason[key] for key in ("service", "operation", "what", "observed", "expected")}
                    for reason in row["reasons"][:REASONS]
                ],
            }
            for row in found["anomalies"]
        ],
    }
    if not found["anomalies"]:
        answer["notes"] = [why(context, window, "anomalous traces")]
    return answer


LIST_ANOMALIES = Tool(
    name="list_anomalies",
    title="Anomalous traces",
    description=(
        "Traces unlike the learned normal, worst first, with reasons (observed, expected)."
        " score: -log10 of the share of normal traces as odd; 2.3 is one in 200."
    ),
    arguments=AnomalyArguments,
    output={"window": "object", "traces": "integer", "anomalous": "integer", "anomalies": "array"},
    run=list_anomalies,
    rows="anomalies",
)
