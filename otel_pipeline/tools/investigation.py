"""investigate: the whole question in one call, with the queries that check its answer."""

from typing import Any

from pydantic import Field

from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.model import Investigation
from otel_pipeline.tools import evidence
from otel_pipeline.tools.model import Context, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why
from otel_pipeline.tools.untrusted import Ours

CAUSES, FACTS, CHANGES, OTHERS = 3, 4, 8, 4


class InvestigateArguments(Windowed):
    """What to look at."""

    service: str = Field("", description="How this service does; only incidents that it takes part in")
    trace_id: str = Field("", description="Look at the incident of this trace")


def investigate_tool(context: Context, asked: InvestigateArguments) -> dict[str, Any]:
    """The report of a window."""
    if asked.trace_id and not asked.start:
        asked.start = "90 days"  # a trace that somebody names may be of any day that is kept
    window = asked.window(context.now)
    found = investigate(context.reader, window, service=asked.service or None, trace_id=asked.trace_id or None)
    answer = report(found)
    if found.verdict == "no data":
        answer["notes"] = [why(context, window, "traces")]
    if found.causes:
        answer["evidence"] = evidence.gather(context.reader, found)
    return answer


def report(found: Investigation) -> dict[str, Any]:
    """An investigation as the tool answers it: what matters first, what is empty left out."""
    answer: dict[str, Any] = {
        "verdict": Ours(found.verdict),
        "headline": found.headline,
        "window": echo(found.window),
        "traces": found.traces,
        "anomalous": found.anomalous,
        "causes": [
            {"service": c.service, "confidence": c.confidence, "why": c.why, "facts": c.evidence[:FACTS]}
            for c in found.causes[:CAUSES]
        ],
    }
    more: dict[str, Any] = {
        "focus": echo(found.focus) if found.focus != found.window else None,
        "path": found.path,
        "ruled_out": [{"service": out.service, "why": out.why} for out in found.ruled_out[:OTHERS]],
        "known": [
            {
                "pattern_id": known.pattern_id,
                "status": known.status,
                "occurrences": known.occurrences,
                "message": known.message,
                **({"root_cause": known.root_cause, "remedy": known.remedy} if known.status == "confirmed" else {}),
            }
            for known in found.known[:OTHERS]
        ],
        "incidents": [
            {"incident_id": i.incident_id, "start": i.start, "title": i.title} for i in found.incidents[:OTHERS]
        ],
        "changes": [
            {"kind": c.kind, "service": c.service, "what": c.what, "before": c.before, "now": c.now}
            for c in found.changes[:CHANGES]
        ],
        "example_traces": found.examples[:CAUSES],
        "next_checks": found.next_checks[:OTHERS],
    }
    return answer | {name: value for name, value in more.items() if value}


INVESTIGATE = Tool(
    name="investigate",
    title="What is wrong, and why",
    description=(
        "Compares a window with quiet times before and ranks causes with evidence, what changed, ruled-out loud"
        " neighbours, known patterns, example traces, next checks, and queries that re-check it."
        " verdict: trouble, nothing abnormal, not enough evidence, no data. Ask this first."
    ),
    arguments=InvestigateArguments,
    output={"verdict": "string", "headline": "string", "window": "object", "causes": "array"},
    run=investigate_tool,
)
