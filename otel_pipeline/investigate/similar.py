"""Past errors like those of a trace, and what fixed them: its error templates, their neighbours, the error memory."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import utc
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.nearest import nearest_of_all
from otel_pipeline.investigate.search import Hit, add_examples, hit_of

# Cosine distance within which two messages are taken for alike (the original plan's threshold).
FARTHEST = 0.3
GRAVE = ("WARN", "ERROR", "FATAL")
# Texts near to each of a trace's messages; many of them may be neither grave nor earlier.
NEIGHBOURS = 500


@dataclass
class Message:
    """What the trace itself says: a log template of its lines."""

    template_id: str
    template: str
    service: str
    severity: str
    line: str


@dataclass
class Similar:
    """A trace, its errors, those like them before it, and the patterns of the memory that fit.

    :param patterns: rows of known_patterns with ``shared_templates``, ``is_evidence`` and ``distance`` (2: unknown);
        cause and remedy are empty where no person confirmed them.
    """

    trace_id: str
    start: datetime
    services: list[str]
    errors: list[Message]
    past: list[Hit]
    patterns: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def similar(db: Database, model: str, trace_id: str, *, limit: int = 5) -> Similar:
    """Find past errors like those of a trace. No embedder is needed: all its templates have their vectors.

    :param model: whose vectors are compared.
    :raises UserError: no such trace.
    """
    if not trace_id.strip():
        raise UserError("no trace id given; lines without one belong to no trace")
    traces = db.rows("similar__trace", trace_id=trace_id)
    templates = db.rows("similar__templates", trace_id=trace_id)
    if not traces and not templates:
        raise UserError(f"no trace {trace_id} here; check the id, and that its day is still kept (RAW_TTL_DAYS)")
    start = utc(min(row["Start"] for row in [*traces, *templates]))
    services = sorted({*(s for row in traces for s in row["Services"]), *(row["Service"] for row in templates)})
    grave = [row for row in templates if row["Severity"] in GRAVE]
    errors = [
        Message(str(row["TemplateId"]), row["Text"], row["Service"], row["Severity"], row["Body"]) for row in grave
    ]
    notes = []
    if not grave:
        messages = "; ".join(message for row in traces for message in row["Messages"])
        notes.append(f"no warning or error among its log lines{'; its spans say: ' + messages if messages else ''}")
    if any(row["TemplateId"] == 0 for row in templates):
        notes.append("some of its log lines have no template yet; run `otel-pipeline materialize` over its hour")
    ids = [row["TemplateId"] for row in grave if row["TemplateId"]]
    past = _past(db, model, ids, start, limit) if ids else []
    for hit in past:
        hit.trace_ids = [other for other in hit.trace_ids if other != trace_id]
    patterns = db.rows(
        "similar__patterns", trace_id=trace_id, ids=ids, services=services, model=model, farthest=FARTHEST, limit=limit
    )
    for pattern in patterns:
        del pattern["comparable"]
        pattern["root_cause"], pattern["resolution"] = pattern.pop("cause"), pattern.pop("remedy")
        for name in ("first_seen", "last_seen", "ReviewedAt"):
            pattern[name] = utc(pattern[name])
    if not patterns:
        notes.append("no known pattern")
    return Similar(trace_id, start, services, errors, past, patterns, notes)


def _past(db: Database, model: str, ids: list[int], start: datetime, limit: int) -> list[Hit]:
    """Templates like those of the trace that were seen before it, with example lines and traces."""
    near: dict[int, float] = {}
    for row in db.rows("similar__vectors", ids=ids, model=model):
        for text, similarity in nearest_of_all(db, model, list(row["Vector"]), NEIGHBOURS).items():
            if 1 - similarity <= FARTHEST:
                near[text] = min(1 - similarity, near.get(text, FARTHEST))
    before = start.astimezone(UTC)
    distances = list(near.values())
    rows = db.rows("similar__past", ids=ids, near=list(near), distances=distances, before=before, limit=limit)
    hits = [
        hit_of(row, score=1 - row["distance"], similarity=1 - row["distance"], words=float(row["TemplateId"] in ids))
        for row in rows
    ]
    add_examples(db, hits)
    return hits
