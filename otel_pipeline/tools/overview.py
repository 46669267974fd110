"""error_overview: how every service does now against just before, and what its errors say. Reads raw telemetry."""

from typing import Any

from pydantic import Field

from otel_pipeline.tools.model import Context, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why
from otel_pipeline.tools.untrusted import Ours


class OverviewArguments(Windowed):
    """A window, and perhaps one service."""

    service: str = Field("", description="Only this service")


def error_overview(context: Context, asked: OverviewArguments) -> dict[str, Any]:
    """Requests, failures and latency by service, and the error messages, beside the same length of time before."""
    window = asked.window(context.now)
    where = {
        "start": window.start,
        "end": window.end,
        "before": window.start - (window.end - window.start),
        "service": asked.service,
    }
    db = context.reader
    services = [
        {
            "service": row["Service"],
            "requests": row["Requests"],
            "failed": row["FailedNow"],
            "error_rate": row["FailedNow"] / max(1, row["Requests"]),
            "error_rate_before": row["FailedBefore"] / row["RequestsBefore"] if row["RequestsBefore"] else None,
            "p95_ms": row["P95Ms"],
            "p95_ms_before": row["P95MsBefore"] if row["RequestsBefore"] else None,
        }
        for row in db.rows("tools__services", **where)
        if row["Requests"] or row["FailedBefore"]
    ]
    begins = db.rows("tools__span_errors", start=window.start, end=window.end, service=asked.service)
    answer: dict[str, Any] = {
        "window": echo(window),
        "compared_with": Ours("the same length of time before"),
        "services": services,
        "errors_begin": [
            {
                "service": row["Service"],
                "operation": row["Operation"],
                "type": row["Type"],
                "message": row["Message"],
                "spans": row["Spans"],
                "trace_id": row["Trace"],
            }
            for row in begins
        ],
        "error_lines": [
            {
                "service": row["Service"],
                "line": row["Message"],
                "times": row["Now"],
                "times_before": row["TimesBefore"],
                "trace_id": row["Trace"],
            }
            for row in db.rows("tools__messages", **where)
        ],
    }
    if not services:
        answer["notes"] = [why(context, window, "requests")]
    return answer


ERROR_OVERVIEW = Tool(
    name="error_overview",
    title="Errors by service",
    description=(
        "How services do in a window against the same time before: requests, error rate, p95, where errors begin,"
        " and what error lines say. Symptoms only; investigate finds causes."
    ),
    arguments=OverviewArguments,
    output={"window": "object", "services": "array", "errors_begin": "array", "error_lines": "array"},
    run=error_overview,
)
