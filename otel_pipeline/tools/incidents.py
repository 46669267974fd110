"""list_incidents and get_incident: what detection has found by itself."""

from datetime import timedelta
from typing import Any, ClassVar

from pydantic import Field

from otel_pipeline.detection.model import utc
from otel_pipeline.detection.remembered import harmless
from otel_pipeline.errors import UserError
from otel_pipeline.tools.model import Arguments, Context, Paged, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why
from otel_pipeline.tools.times import LONGEST
from otel_pipeline.tools.untrusted import named

NONE = "00000000-0000-0000-0000-000000000000"
SHOWN = 8


class ListArguments(Windowed, Paged):
    """A window, and perhaps one service."""

    usual: ClassVar[timedelta | None] = timedelta(days=1)
    service: str = Field("", description="Only incidents that this service takes part in")


class GetArguments(Arguments):
    """Which incident."""

    incident_id: str = Field(description="Its id, or how it begins", min_length=4, max_length=64)


def list_incidents(context: Context, asked: ListArguments) -> dict[str, Any]:
    """Incidents of a window, the newest first."""
    window = asked.window(context.now)
    rows = context.reader.rows(
        "tools__incidents", start=window.start, end=window.end, service=asked.service, incident=""
    )
    known = harmless(context.reader, {row["IncidentId"]: utc(row["Start"]) for row in rows}, context.embedder)
    answer: dict[str, Any] = {"window": echo(window), "incidents": [_brief(row, known) for row in rows]}
    if not rows:
        answer["notes"] = [why(context, window, "incidents")]
    return answer


def get_incident(context: Context, asked: GetArguments) -> dict[str, Any]:
    """One incident: ranked causes, recurring reasons, example traces.

    :raises UserError: none with that id, or several.
    """
    row = incident(context, asked.incident_id)
    reasons = zip(row["ReasonServices"], row["ReasonOperations"], row["Reasons"], row["ReasonTraces"], strict=True)
    known = harmless(context.reader, {row["IncidentId"]: utc(row["Start"])}, context.embedder)
    return {
        **_brief(row, known),
        "operations": row["Operations"][:SHOWN],
        "causes": [
            {"service": service, "confidence": confidence, "why": why_}
            for service, confidence, why_ in zip(row["Causes"], row["Confidence"], row["Why"], strict=True)
        ][:SHOWN],
        "reasons": [
            {"service": service, "operation": operation, "what": what, "traces": traces}
            for service, operation, what, traces in reasons
        ][:SHOWN],
        "example_traces": row["ExampleTraceIds"],
        "pattern_id": row["Pattern"] if row["Pattern"] != NONE else None,
    }


def incident(context: Context, incident_id: str) -> dict[str, Any]:
    """The row of tools__incidents whose id begins so.

    :raises UserError: none, or several.
    """
    where = {"start": context.now - LONGEST, "end": context.now + LONGEST, "service": "", "incident": incident_id}
    rows = context.reader.rows("tools__incidents", **where)
    if len(rows) != 1:
        raise UserError(
            f"{'no incident' if not rows else f'{len(rows)} incidents'} with id {named(incident_id)};"
            " list_incidents gives the ids"
        )
    return rows[0]


def _brief(row: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    told = {"harmless": known[row["IncidentId"]]} if row["IncidentId"] in known else {}
    return {
        "incident_id": row["IncidentId"],
        "start": utc(row["Start"]),
        "end": utc(row["End"]),
        "open": row["Open"],
        "blamed": row["Service"],
        "title": row["Title"],
        "traces": row["Traces"],
        "anomalous": row["Anomalous"],
        **told,
    }


LIST_INCIDENTS = Tool(
    name="list_incidents",
    title="Incidents",
    description="Incidents found in a window (default: the last day), newest first, with the blamed service.",
    arguments=ListArguments,
    output={"window": "object", "incidents": "array"},
    run=list_incidents,
    rows="incidents",
)
GET_INCIDENT = Tool(
    name="get_incident",
    title="One incident",
    description="One incident: ranked causes, recurring reasons, affected operations, example traces, known pattern.",
    arguments=GetArguments,
    output={
        "incident_id": "string",
        "title": "string",
        "causes": "array",
        "reasons": "array",
        "example_traces": "array",
    },
    run=get_incident,
)
