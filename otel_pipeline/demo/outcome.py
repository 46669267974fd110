"""What the report points at next: the UIs, and for each fault what the memory knows of such an error."""

from uuid import UUID

from otel_pipeline.clickhouse import Database
from otel_pipeline.demo.report import Report, Verdict
from otel_pipeline.detection import memory
from otel_pipeline.links import trace_url
from otel_pipeline.settings import Settings


def links(settings: Settings, addresses: dict[str, str], report: Report) -> dict[str, str]:
    """Names and addresses of what to look at, an example trace in HyperDX among them."""
    found = {
        "lineage (Dagster)": addresses.get("webserver", ""),
        "telemetry (HyperDX)": addresses.get("clickhouse", ""),
    }
    for verdict in report.verdicts:
        if verdict.trace_id:
            found[f"a trace of {verdict.scenario}"] = trace_url(settings, verdict.trace_id, verdict.first_faulty)
    return {name: address for name, address in found.items() if address}


def remedies(db: Database, report: Report) -> list[str]:
    """For each fault, in words: the most similar past error, and what fixed it."""
    patterns = {p.pattern_id: p for p in memory.read(db)}
    return [_remedy(verdict, patterns) for verdict in report.verdicts]


def _remedy(verdict: Verdict, patterns: dict[UUID, memory.Pattern]) -> str:
    own = patterns.get(verdict.pattern_id) if verdict.pattern_id else None
    if own is None:
        return "nothing to compare with"
    earlier = [i for i in own.Incidents if i != verdict.incident]
    if earlier or own.Status == "confirmed":
        return f"yes, {len(earlier)} times. {_words(own)}"
    past = [p for p in patterns.values() if p is not own and p.first_seen < own.first_seen]
    others = [(d, p) for p in past if (d := memory.distance(own, p)) is not None]
    if not others:
        return f"no, nothing like it; noted as suspected pattern {str(own.pattern_id)[:8]}"
    distance, nearest = min(others, key=lambda pair: pair[0])
    return f"not this one; the nearest past error (distance {distance:.2f}) is {_words(nearest)}"


def _words(pattern: memory.Pattern) -> str:
    cause = f" Cause: {pattern.root_cause}." if pattern.root_cause else " Cause not yet confirmed."
    remedy = f" Remedy: {pattern.resolution}." if pattern.resolution else ""
    return f"[{pattern.Status}] {pattern.error_message}.{cause}{remedy}"
