"""get_trace and service_map: who called whom, how long it took, where it failed."""

from typing import Any

from pydantic import Field

from otel_pipeline.detection.model import utc
from otel_pipeline.errors import UserError
from otel_pipeline.tools.model import Arguments, Context, Paged, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why
from otel_pipeline.tools.untrusted import Ours, named

LINES = 8
REASONS = 4


class TraceArguments(Arguments, Paged):
    """Which trace."""

    trace_id: str = Field(description="Trace id, hex", min_length=1, max_length=64)


class MapArguments(Windowed, Paged):
    """A window, and perhaps one service."""

    service: str = Field("", description="Only calls from or to it")


def get_trace(context: Context, asked: TraceArguments) -> dict[str, Any]:
    """A trace: its spans in order of start, what it logged, how detection judged it.

    :raises UserError: no such trace.
    """
    db = context.reader
    spans = db.rows("tools__spans", trace_id=asked.trace_id)
    lines = db.rows("tools__lines", trace_id=asked.trace_id)
    if not spans and not lines:
        raise UserError(f"no trace {named(asked.trace_id)} here; list_anomalies and search_logs give trace ids")
    begin = min(utc(row["Timestamp"]) for row in [*spans, *lines])
    answer: dict[str, Any] = {
        "trace_id": asked.trace_id,
        "start": begin,
        "services": sorted({row["Service"] for row in spans}),
        "lines": [
            {"at": utc(row["Timestamp"]), "service": row["Service"], "severity": row["Severity"], "line": row["Line"]}
            for row in lines[:LINES]
        ],
        "spans": _spans(spans, begin),
    }
    if judged := db.rows("tools__verdict", trace_id=asked.trace_id, start=begin):
        row = judged[0]
        why_ = list(zip(row["Services"], row["Operations"], row["What"], strict=True))[:REASONS]
        answer["judged"] = {
            "verdict": Ours(row["Verdict"]),
            "score": row["Score"],
            "reasons": [f"{service} {operation}: {what}" for service, operation, what in why_],
        }
    return answer


def service_map(context: Context, asked: MapArguments) -> dict[str, Any]:
    """Calls between services in a window."""
    window = asked.window(context.now)
    rows = context.reader.rows("tools__service_map", start=window.start, end=window.end, service=asked.service)
    answer: dict[str, Any] = {
        "window": echo(window),
        "calls": [
            {
                "caller": row["Caller"],
                "callee": row["Callee"],
                "calls": row["AllCalls"],
                "traces": row["Traces"],
                "traces_with_failed_callee": row["TracesCalleeFailed"],
                "way_ms": row["GapMs"],
                "outlived_caller": row["AllOutlived"],
            }
            for row in rows
        ],
    }
    if not rows:
        answer["notes"] = [why(context, window, "calls between services")]
    return answer


def _spans(spans: list[dict[str, Any]], begin: Any) -> list[dict[str, Any]]:
    """Spans with their depth in place of ids; what is empty is left out."""
    depth: dict[str, int] = {}
    shown = []
    for row in spans:
        depth[row["SpanId"]] = depth.get(row["ParentSpanId"], -1) + 1
        entry = {
            "depth": depth[row["SpanId"]],
            "at_ms": (utc(row["Timestamp"]) - begin).total_seconds() * 1000,
            "ms": row["Ms"],
            "service": row["Service"],
            "operation": row["Operation"],
            "kind": row["Kind"],
        }
        if row["Failed"]:
            entry |= {"failed": True, "exception": row["Exception"], "message": row["Message"]}
        shown.append(entry)
    return shown


GET_TRACE = Tool(
    name="get_trace",
    title="One trace",
    description="One trace: spans in order of start with depth, times, failures; its gravest log lines; its score.",
    arguments=TraceArguments,
    output={"trace_id": "string", "start": "string", "spans": "array", "lines": "array"},
    run=get_trace,
    rows="spans",
)
SERVICE_MAP = Tool(
    name="service_map",
    title="Service map",
    description=(
        "Who calls whom in a window: calls, traces, failures at the callee, mean time between caller and callee"
        " (way_ms: network and queueing), calls whose callee worked on after the caller gave up."
    ),
    arguments=MapArguments,
    output={"window": "object", "calls": "array"},
    run=service_map,
    rows="calls",
)
