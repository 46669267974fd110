"""investigate: the whole question in one call, with the queries that check its answer."""

from typing import Any

from pydantic import Field

from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.model import CauseFound, Investigation, Known
from otel_pipeline.investigate.text import USUAL
from otel_pipeline.tools import evidence
from otel_pipeline.tools.model import Context, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why
from otel_pipeline.tools.untrusted import Ours, named

CAUSES, FACTS, FEW = 3, 4, 3
"""Causes, facts of the first cause, and what is shown of every other list."""


class InvestigateArguments(Windowed):
    """What to look at."""

    service: str = Field(
        "",
        description="Everything in traces it takes part in, and how it does: is it the service or what it depends on",
    )
    trace_id: str = Field("", description="Look at the incident of this trace")


def investigate_tool(context: Context, asked: InvestigateArguments) -> dict[str, Any]:
    """The report of a window."""
    if asked.trace_id and not asked.start:
        asked.start = "90 days"  # a trace that somebody names may be of any day that is kept
    window = asked.window(context.now)
    try:
        found = investigate(
            context.reader,
            window,
            service=asked.service or None,
            trace_id=asked.trace_id or None,
            embedder=context.embedder,
        )
    except Unavailable:
        raise
    except UserError as error:  # it may name services, as telemetry does
        raise UserError(named(str(error), 400)) from error
    answer = report(found)
    if found.verdict == "no data":
        answer["notes"] = [why(context, window, "traces")]
    if found.causes:
        answer["evidence"] = evidence.gather(context.reader, found)
    return answer


def report(found: Investigation) -> dict[str, Any]:
    """An investigation as the tool answers it: what matters first, what is empty left out."""
    document = found.as_dict()
    answer: dict[str, Any] = {
        "state": Ours(found.state),
        "verdict": Ours(found.verdict),
        "headline": found.headline,
        "window": echo(found.window),
        "traces": found.traces,
        "anomalous": found.anomalous,
        "causes": [_cause(cause, FACTS if rank == 0 else 1) for rank, cause in enumerate(found.causes[:CAUSES])],
    }
    more: dict[str, Any] = {
        "about": found.about,
        "since": found.since,
        "focus": echo(found.focus) if found.focus != found.window else None,
        "other_troubles": [_other(other) for other in found.others],
        "path": found.path,
        "affected": _some(document, "affected", "service", "why"),
        "ruled_out": _some(document, "ruled_out", "service", "why"),
        "known": [_known(known) for known in found.known[:FEW]],
        "memory": found.recall,
        "timeline": _some(document, "timeline", "at", "service", "what"),
        "metrics": _some(document, "metrics", "service", "metric", "what", "before", "now"),
        "deploys": _some(document, "deploys", "kind", "service", "before", "after", "at", "lead"),
        "skewed": _skewed(found),
        "lines_outside_traces": _some(document, "lines", "at", "service", "text"),
        "endpoints": _endpoints(found),
        "changes": _some(document, "changes"),
        "incidents": _some(document, "incidents", "incident_id", "start", "service", "title"),
        "status": _status(document["status"]),
        "example_traces": found.examples[:FEW],
        "odd_about_trace": found.odd[:FEW],
        "isolated_anomalies": found.isolated[:FEW],
        "next_checks": found.next_checks[:FEW],
    }
    return answer | {name: value for name, value in more.items() if value}


def _cause(cause: CauseFound, facts: int) -> dict[str, Any]:
    said = {"service": cause.service, "confidence": cause.confidence, "why": cause.why}
    return {**said, "facts": cause.evidence[:facts]}


def _other(found: Investigation) -> dict[str, Any]:
    """A further trouble of the same time, in short."""
    return {
        "headline": found.headline,
        "since": found.since,
        "cause": _cause(found.causes[0], FEW),
        "path": found.path,
        "skewed": _skewed(found)[:1],
        "example_traces": found.examples[:1],
    }


def _skewed(found: Investigation) -> list[dict[str, Any]]:
    return [
        {
            "condition": s.words,
            "service": s.service,
            "bad": s.bad,
            "of_bad": s.of_bad,
            "good": s.good,
            "of_good": s.of_good,
        }
        for s in found.skewed[:FEW]
    ]


def _endpoints(found: Investigation) -> list[dict[str, Any]]:
    """Endpoints that are not as usual; where all is well the busiest."""
    odd = [e for e in found.endpoints if e.note not in USUAL or e.blips]
    shown = odd or ([] if found.verdict == "trouble" and not found.status else found.endpoints)
    return [
        {
            "endpoint": f"{e.service} {e.operation}",
            "per_minute": e.rate,
            "failed": e.failed,
            "p50_p95_p99_ms": list(e.whole),
            "self_p50_p95_p99_ms": list(e.own),
            "usual_p95_ms": list(e.usual),
            "note": Ours(e.note),
            **({"blips": [Ours(blip) for blip in e.blips]} if e.blips else {}),
        }
        for e in shown[:FEW]
    ]


def _status(status: dict[str, Any] | None) -> dict[str, Any] | None:
    return status and {name: value for name, value in status.items() if value}


def _some(document: dict[str, Any], name: str, *keys: str) -> list[dict[str, Any]]:
    """The first entries of a list, some or all of their fields."""
    return [{key: entry[key] for key in keys or entry} for entry in document[name][:FEW]]


def _known(known: Known) -> dict[str, Any]:
    """A pattern seen before; cause and remedy only where a person confirmed them."""
    told = {"root_cause": known.root_cause, "remedy": known.remedy} if known.root_cause else {}
    seen = {"pattern_id": known.pattern_id, "status": known.status, "occurrences": known.occurrences}
    return {**seen, "message": known.message, **told}


INVESTIGATE = Tool(
    name="investigate",
    title="What is wrong, and why",
    description=(
        "Compares a window with quiet times before and ranks causes with evidence, what changed, who is affected,"
        " what is ruled out, known patterns, example traces, next checks, and queries that re-check it."
        " state: trouble, healthy, unclear, no data; other_troubles have causes of their own. Ask this first."
    ),
    arguments=InvestigateArguments,
    output={"state": "string", "verdict": "string", "headline": "string", "window": "object", "causes": "array"},
    run=investigate_tool,
    keep="evidence",
)
