"""Incidents become memory: each one matches a known pattern or is noted as a new, suspected one."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import memory
from otel_pipeline.detection.model import HOUR, StepReport, utc
from otel_pipeline.detection.staging import replacing_partition
from otel_pipeline.embedding import Embedder

EXAMPLES = 10


def materialize(db: Database, hour: datetime, embedder: Embedder | None = None) -> StepReport:
    """Match the incidents of the hour with the memory; note new patterns; write each incident's pattern.

    Idempotent: a pattern counts each incident once. The hour before is looked at again, as incidents does.

    :param embedder: for the vectors of new patterns; without it patterns are matched by structure alone.
    """
    patterns = {p.pattern_id: p for p in memory.read(db)}
    before = _remember(db, hour - HOUR, patterns, embedder)
    now = _remember(db, hour, patterns, embedder)
    return StepReport(
        rows=now.incidents,
        metrics={
            "patterns": len(patterns),
            "new_patterns": before.noted + now.noted,
            "matched": now.incidents - now.noted,
        },
    )


@dataclass
class _Done:
    """What one hour added to the memory."""

    incidents: int
    noted: int


def _remember(
    db: Database, hour: datetime, patterns: dict[uuid.UUID, memory.Pattern], embedder: Embedder | None
) -> _Done:
    incidents = db.rows("error_patterns__incidents", hour=hour)
    noted = 0
    chosen: dict[str, uuid.UUID] = {}
    for incident in incidents:
        before = _same_incident(patterns, incident["IncidentId"])
        fresh = _from_incident(incident)
        known = before or _recalled(patterns, fresh, embedder)
        if known is None:
            pattern, action = _embedded(fresh, embedder), "noted"
            noted += 1
        else:
            pattern, action = _merged(known, fresh), "" if before else "seen"
        if pattern != patterns.get(pattern.pattern_id):
            memory.write(db, pattern, action, f"incident {incident['IncidentId']}" if action else "")
        patterns[pattern.pattern_id] = pattern
        chosen[incident["IncidentId"]] = pattern.pattern_id
    if any(chosen[row["IncidentId"]] != row["PatternId"] for row in incidents):
        with replacing_partition(db, "incidents", hour) as stage:
            db.run(
                "error_patterns__mark", stage=stage, hour=hour, incidents=list(chosen), patterns=list(chosen.values())
            )
    return _Done(len(incidents), noted)


def _same_incident(patterns: dict[uuid.UUID, memory.Pattern], incident: str) -> memory.Pattern | None:
    return next((p for p in patterns.values() if incident in p.Incidents), None)


def _recalled(
    patterns: dict[uuid.UUID, memory.Pattern], fresh: memory.Pattern, embedder: Embedder | None
) -> memory.Pattern | None:
    fresh = _embedded(fresh, embedder)
    match = memory.recall(patterns.values(), fresh.service_name, fresh.Features, fresh.embedding, fresh.EmbeddingModel)
    return match.pattern if match else None


def _embedded(pattern: memory.Pattern, embedder: Embedder | None) -> memory.Pattern:
    if embedder is None or pattern.embedding:
        return pattern
    vector = embedder.embed([pattern.EmbeddedText])[0]
    return replace(pattern, embedding=tuple(float(x) for x in vector), EmbeddingModel=embedder.model)


def _from_incident(incident: dict[str, Any]) -> memory.Pattern:
    features = memory.features_of(*(incident[f"Reasons.{name}"] for name in ("Kind", "Service", "Operation", "What")))
    reasons = zip(incident["Reasons.Kind"], incident["Reasons.What"], strict=True)
    message = next((what for kind, what in reasons if kind == "error"), incident["Title"])
    signature = f"{incident['Service']}: {'; '.join(features[:6])}"
    return memory.Pattern(
        pattern_id=uuid.uuid5(memory.NAMESPACE, f"{signature} {incident['IncidentId']}"),
        created_at=utc(incident["Start"]),
        error_signature=signature,
        error_message=message,
        service_name=incident["Service"],
        occurrence_count=1,
        first_seen=utc(incident["Start"]),
        last_seen=utc(incident["End"]),
        related_trace_ids=tuple(incident["ExampleTraceIds"]),
        EmbeddedText=f"{incident['Title']}. {message}",
        Services=tuple(sorted({s for s in incident["Reasons.Service"] if s})),
        Features=tuple(features),
        Templates=tuple(incident["Templates"]),
        Shapes=tuple(incident["Shapes"]),
        Incidents=(incident["IncidentId"],),
    )


def _merged(known: memory.Pattern, fresh: memory.Pattern) -> memory.Pattern:
    """The known pattern with one more (or a grown) incident; what people wrote stays."""
    incidents = tuple(sorted({*known.Incidents, *fresh.Incidents}))
    alone = incidents == fresh.Incidents and known.Status == "suspected"
    traces = dict.fromkeys([*fresh.related_trace_ids, *known.related_trace_ids])
    return replace(
        known,
        occurrence_count=len(incidents),
        first_seen=min(known.first_seen, fresh.first_seen),
        last_seen=max(known.last_seen, fresh.last_seen),
        related_trace_ids=fresh.related_trace_ids if alone else tuple(traces)[:EXAMPLES],
        Incidents=incidents,
        **({name: getattr(fresh, name) for name in ("Features", "Services", "Templates", "Shapes")} if alone else {}),
    )
