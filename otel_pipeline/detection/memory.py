"""The memory of error patterns: read, change with history, recall.

A pattern is recalled for an incident only when structure and, where there are vectors, meaning agree, and no other
pattern comes close; otherwise the answer is "no known pattern".
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError

NAMESPACE = uuid.UUID("6f1c0b1e-7d0a-4b52-9a55-0d9c54a4a2b1")
EPOCH = datetime.fromtimestamp(0, UTC)
LEAST_OVERLAP = 0.5  # of the structural features
FARTHEST = 0.35  # cosine distance of the texts
MARGIN = 0.1  # by which the best must beat the runner-up
LINEAGE = "lineage"
COLUMNS = (
    "pattern_id",
    "created_at",
    "error_signature",
    "error_message",
    "service_name",
    "root_cause",
    "resolution",
    "occurrence_count",
    "last_seen",
    "related_trace_ids",
    "embedding",
    "EmbeddingModel",
    "EmbeddedText",
    "Status",
    "Harmless",
    "first_seen",
    "Services",
    "Features",
    "Templates",
    "Shapes",
    "Incidents",
    "ChangedBy",
)


@dataclass(frozen=True)
class Pattern:
    """A row of error_patterns; see the comments of its columns."""

    pattern_id: uuid.UUID
    created_at: datetime
    error_signature: str
    error_message: str
    service_name: str
    root_cause: str = ""
    resolution: str = ""
    occurrence_count: int = 0
    last_seen: datetime = EPOCH
    related_trace_ids: tuple[str, ...] = ()
    embedding: tuple[float, ...] = ()
    EmbeddingModel: str = ""
    EmbeddedText: str = ""
    Status: str = "suspected"
    Harmless: bool = False
    first_seen: datetime = EPOCH
    Services: tuple[str, ...] = ()
    Features: tuple[str, ...] = ()
    Templates: tuple[int, ...] = ()
    Shapes: tuple[int, ...] = ()
    Incidents: tuple[str, ...] = ()
    ChangedBy: str = LINEAGE


@dataclass(frozen=True)
class Match:
    """A recalled pattern, and how well it fits.

    :param overlap: shared part of the structural features, 0 to 1.
    :param distance: cosine distance of the texts; None without vectors.
    """

    pattern: Pattern
    overlap: float
    distance: float | None


def read(db: Database) -> list[Pattern]:
    """All patterns, the last seen first."""
    return [_pattern(row) for row in db.rows("error_patterns__list")]


def write(db: Database, pattern: Pattern, action: str = "", note: str = "") -> None:
    """Store a pattern; with ``action``, note the change in its history."""
    db.insert("error_patterns", [[getattr(pattern, column) for column in COLUMNS]], COLUMNS)
    if action:
        db.insert(
            "error_pattern_history",
            [
                [
                    pattern.pattern_id,
                    pattern.ChangedBy,
                    action,
                    pattern.Status,
                    pattern.root_cause,
                    pattern.resolution,
                    note,
                ]
            ],
            ["pattern_id", "ChangedBy", "Action", "Status", "root_cause", "resolution", "Note"],
        )


def find(db: Database, pattern_id: str) -> Pattern:
    """The pattern whose id begins with ``pattern_id``.

    :raises UserError: none, or more than one.
    """
    found = [p for p in read(db) if str(p.pattern_id).startswith(pattern_id.lower())]
    if len(found) != 1:
        raise UserError(
            f"{'no pattern' if not found else f'{len(found)} patterns'} with id {pattern_id};"
            " see `otel-pipeline patterns list`"
        )
    return found[0]


def add(
    db: Database,
    embedder: Embedder,
    service: str,
    message: str,
    *,
    root_cause: str,
    resolution: str,
    who: str,
    harmless: bool = False,
) -> Pattern:
    """Note a pattern that a person knows of; it is confirmed, and recalled by the meaning of its message.

    :raises UserError: no embedder.
    """
    now = datetime.now(UTC)
    signature = f"{service}: {message}"
    vector = embedder.embed([signature])[0]
    pattern = Pattern(
        pattern_id=uuid.uuid5(NAMESPACE, signature),
        created_at=now,
        error_signature=signature,
        error_message=message,
        service_name=service,
        root_cause=root_cause,
        resolution=resolution,
        Status="confirmed",
        Harmless=harmless,
        first_seen=now,
        last_seen=now,
        Services=(service,),
        EmbeddedText=signature,
        embedding=tuple(float(x) for x in vector),
        EmbeddingModel=embedder.model,
        ChangedBy=who,
    )
    write(db, pattern, "added")
    return pattern


def resolve(db: Database, pattern_id: str, root_cause: str, resolution: str, *, who: str, note: str = "") -> Pattern:
    """Confirm a pattern, with its root cause and what fixed it."""
    pattern = replace(
        find(db, pattern_id), root_cause=root_cause, resolution=resolution, Status="confirmed", ChangedBy=who
    )
    write(db, pattern, "resolved", note)
    return pattern


def reject(db: Database, pattern_id: str, who: str, note: str = "", harmless: bool = False) -> Pattern:
    """Say that a pattern is none, or that it is known to do no harm."""
    pattern = replace(find(db, pattern_id), Status="rejected", Harmless=harmless, ChangedBy=who)
    write(db, pattern, "rejected", note)
    return pattern


def recall(
    patterns: Iterable[Pattern], service: str, features: Sequence[str], vector: Sequence[float], model: str
) -> Match | None:
    """The known pattern for what was found, or None.

    :param features: structural features; see :func:`features_of`.
    :param vector: embedding of its text by ``model``; may be empty.
    """
    mine, matches = set(features), []
    for pattern in patterns:
        if pattern.Status == "rejected" and not pattern.Harmless:
            continue
        theirs = set(pattern.Features)
        overlap = len(mine & theirs) / len(mine | theirs) if mine and theirs else 0.0
        comparable = bool(vector) and pattern.EmbeddingModel == model and len(pattern.embedding) == len(vector)
        distance = _cosine_distance(vector, pattern.embedding) if comparable else None
        structural = overlap >= LEAST_OVERLAP or (not theirs and distance is not None)
        if service == pattern.service_name and structural and (distance is None or distance <= FARTHEST):
            matches.append(Match(pattern, overlap, distance))
    matches.sort(key=lambda m: (-m.overlap, m.distance or 0.0, str(m.pattern.pattern_id)))
    if len(matches) > 1 and matches[0].overlap - matches[1].overlap < MARGIN:
        confirmed = [m for m in matches[:2] if m.pattern.Status == "confirmed"]
        return confirmed[0] if len(confirmed) == 1 else matches[0]
    return matches[0] if matches else None


def features_of(
    kinds: Sequence[str], services: Sequence[str], operations: Sequence[str], what: Sequence[str]
) -> list[str]:
    """Structural features of an incident's reasons: what is wrong where, without numbers."""
    found = set()
    for kind, service, operation, words in zip(kinds, services, operations, what, strict=True):
        if kind == "error":
            found.add(f"error {service} {operation} {words.split(': ')[1] if ': ' in words else ''}")
        elif kind != "structure":
            found.add(f"{kind} {service} {words if kind == 'template' else operation}")
    return sorted(found)


def distance(one: Pattern, other: Pattern) -> float | None:
    """Cosine distance of two patterns' texts; None where they have no vectors of the same model."""
    if not one.embedding or one.EmbeddingModel != other.EmbeddingModel or len(one.embedding) != len(other.embedding):
        return None
    return _cosine_distance(one.embedding, other.embedding)


def _cosine_distance(one: Sequence[float], other: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    norms = sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
    return 1 - dot / norms if norms else 1.0


def _pattern(row: dict[str, Any]) -> Pattern:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    for name in ("created_at", "first_seen", "last_seen"):
        values[name] = utc(values[name])
    return Pattern(**values)
