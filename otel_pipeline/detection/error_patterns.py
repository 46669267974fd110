"""Incidents become memory: each one matches a known pattern or is noted as a new, suspected one."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import memory, pattern_check, recall, signs, staleness
from otel_pipeline.detection.model import HOUR, StepReport, Window, utc
from otel_pipeline.detection.signs import Sign
from otel_pipeline.detection.staging import replacing_partition
from otel_pipeline.embedding import Embedder

EXAMPLES = 10
SHOWN = 8  # signs that are put into words
TOLD = ("begins", "delay", "calls", "latency", "network", "error", "template")  # in this order
CORE = TOLD[:2]  # what is compared by meaning, where there is such a sign: the rest follows from it, more or less of it
LEAST_SHARE = 0.2  # of the anomalous traces, or of those that show the most frequent sign
STRUCTURE = ("Features", "Services", "Templates", "Shapes", "Exceptions")


def materialize(db: Database, hour: datetime, embedder: Embedder | None = None, *, whole: bool = True) -> StepReport:
    """Match the incidents of the hour with the memory; note new patterns; write each incident's pattern.

    Idempotent: a pattern counts each incident once. The hour before is looked at again, as incidents does.

    :param embedder: for the vectors of new patterns; without it patterns are matched by structure alone.
    :param whole: match all of them, not only those of which more is known than when they were last matched.
    """
    patterns = {p.pattern_id: p for p in memory.read(db)}
    before = _remember(db, hour - HOUR, patterns, embedder, whole=whole)
    now = _remember(db, hour, patterns, embedder, whole=whole)
    stale = staleness.retire(db, patterns.values(), hour)
    return StepReport(
        rows=now.incidents,
        metrics={
            "patterns": len(patterns),
            "new_patterns": before.noted + now.noted,
            "matched": now.incidents - now.noted,
            "gone_stale": len(stale),
        },
    )


@dataclass
class _Done:
    """What one hour added to the memory."""

    incidents: int
    noted: int


def _remember(
    db: Database,
    hour: datetime,
    patterns: dict[uuid.UUID, memory.Pattern],
    embedder: Embedder | None,
    *,
    whole: bool,
) -> _Done:
    incidents = db.rows("error_patterns__incidents", hour=hour)
    noted = 0
    chosen: dict[str, uuid.UUID] = {}
    for incident in incidents:
        before = _same_incident(patterns, incident["IncidentId"])
        if before and not whole and not incident["Open"] and incident["Known"] == incident["Matched"]:
            chosen[incident["IncidentId"]] = before.pattern_id
            continue
        fresh = from_incident(db, incident)
        if before is None:
            fresh = embedded(fresh, embedder)
        known = before or recall.same(patterns.values(), fresh)
        if known is None:
            pattern, action = fresh, "noted"
            noted += 1
        else:
            pattern, action = _merged(known, fresh), "" if before else "seen"
            if action and pattern.Status == "confirmed" and pattern.CheckQuery:
                pattern = _asked(db, pattern, Window(fresh.first_seen, fresh.last_seen))
        if pattern != patterns.get(pattern.pattern_id):
            memory.write(db, pattern, action, f"incident {incident['IncidentId']}" if action else "")
        patterns[pattern.pattern_id] = pattern
        chosen[incident["IncidentId"]] = pattern.pattern_id
    if any((chosen[row["IncidentId"]], row["Known"]) != (row["PatternId"], row["Matched"]) for row in incidents):
        known = [row["Known"] for row in incidents]
        marks = {"incidents": list(chosen), "patterns": list(chosen.values()), "known": known}
        with replacing_partition(db, "incidents", hour) as stage:
            db.run("error_patterns__mark", stage=stage, hour=hour, **marks)
    return _Done(len(incidents), noted)


def _same_incident(patterns: dict[uuid.UUID, memory.Pattern], incident: str) -> memory.Pattern | None:
    return next((p for p in patterns.values() if incident in p.Incidents), None)


def embedded(pattern: memory.Pattern, embedder: Embedder | None) -> memory.Pattern:
    """The pattern with the vector of its text, where there is an embedder."""
    if embedder is None or pattern.embedding:
        return pattern
    vector = embedder.embed([pattern.EmbeddedText])[0]
    return replace(pattern, embedding=tuple(float(x) for x in vector), EmbeddingModel=embedder.model)


def from_incident(db: Database, incident: dict[str, Any]) -> memory.Pattern:
    """What an incident (row of error_patterns__incidents) looks like as a pattern: suspected, without a vector."""
    found = signs_of(db, incident)
    service = incident["Service"]
    clear = [sign for sign in found if not sign.faint]
    own = sorted([sign for sign in clear if sign.service == service] or clear, key=lambda sign: TOLD.index(sign.kind))
    message = next((sign.detail for sign in own if sign.kind == "template"), incident["Title"])
    words = "; ".join(sign.words for sign in own[:SHOWN]) or incident["Title"]
    core = "; ".join(sign.words for sign in own if sign.kind in CORE) or words
    return memory.Pattern(
        pattern_id=uuid.uuid5(memory.NAMESPACE, f"{service} {incident['IncidentId']}"),
        created_at=utc(incident["Start"]),
        error_signature=f"{service}: {words}",
        error_message=message,
        service_name=service,
        occurrence_count=1,
        first_seen=utc(incident["Start"]),
        last_seen=utc(incident["End"]),
        related_trace_ids=tuple(incident["ExampleTraceIds"]),
        EmbeddedText=f"{service}: {core}",
        Services=tuple(sorted({sign.service for sign in clear} | {service})),
        Features=tuple(sorted(str(sign) for sign in found)),
        Templates=tuple(incident["Templates"]),
        Shapes=tuple(incident["Shapes"]),
        Exceptions=tuple(sorted({sign.detail for sign in clear if sign.kind in ("begins", "error")})),
        Versions=tuple(incident["Versions"]),
        Incidents=(incident["IncidentId"],),
    )


def signs_of(db: Database, incident: dict[str, Any]) -> list[Sign]:
    """The signs of an incident: what became frequent in its time, and what became slow.

    Ordered by kind and name, so that the same trouble reads the same each time.
    """
    window = Window(utc(incident["Start"]), utc(incident["End"]))
    rows = db.rows("error_patterns__rises", start=window.start, end=window.end)
    most = max([*(row["Here"] for row in rows), incident["Anomalous"]])
    found = {
        Sign(row["Kind"], row["Service"], row["Operation"], row["Detail"])
        for row in rows
        if row["Here"] >= LEAST_SHARE * most
    }
    return sorted(found | signs.slowness(db, window))


def _asked(db: Database, pattern: memory.Pattern, window: Window) -> memory.Pattern:
    """The pattern, with its check asked on a new occurrence and the failures in a row counted."""
    holds = pattern_check.ask(db.settings, pattern, window).holds
    return replace(pattern, CheckFailures=0 if holds else pattern.CheckFailures + 1)


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
        Versions=tuple(sorted({*known.Versions, *fresh.Versions})),
        **({name: getattr(fresh, name) for name in STRUCTURE} if alone else {}),
    )
