"""The memory of error patterns: what is stored, and how it changes. Every change is also a row of its history.

A row says *confirmed* only where the last decision in its history says so in the same words (view known_patterns):
whatever else claims it is read as suspected. Decisions are made in :mod:`reviews`, recall in :mod:`recall`.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import utc
from otel_pipeline.errors import UserError

NAMESPACE = uuid.UUID("6f1c0b1e-7d0a-4b52-9a55-0d9c54a4a2b1")
EPOCH = datetime.fromtimestamp(0, UTC)
LINEAGE = "lineage"
STATUSES = ("suspected", "confirmed", "rejected", "stale")
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
    "Exceptions",
    "Versions",
    "CheckQuery",
    "CheckFailures",
    "ReviewedBy",
    "ReviewedAt",
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
    Exceptions: tuple[str, ...] = ()
    Versions: tuple[str, ...] = ()
    CheckQuery: str = ""
    CheckFailures: int = 0
    ReviewedBy: str = ""
    ReviewedAt: datetime = EPOCH
    Incidents: tuple[str, ...] = ()
    ChangedBy: str = LINEAGE


def read(db: Database) -> list[Pattern]:
    """All patterns, the last seen first."""
    return [_pattern(row) for row in db.rows("error_patterns__list")]


def write(db: Database, pattern: Pattern, action: str = "", note: str = "") -> None:
    """Store a pattern; with ``action``, note the change in its history first: killed in between, nothing is unnoted."""
    if action:
        values = {
            "pattern_id": pattern.pattern_id,
            "ChangedAt": datetime.now(UTC),
            "ChangedBy": pattern.ChangedBy,
            "Action": action,
            "Status": pattern.Status,
            "root_cause": pattern.root_cause,
            "resolution": pattern.resolution,
            "Note": note,
            "Harmless": pattern.Harmless,
            "CheckQuery": pattern.CheckQuery,
            "Snapshot": json.dumps(plain(pattern), default=str, ensure_ascii=False),
        }
        db.insert("error_pattern_history", [list(values.values())], list(values))
    db.insert("error_patterns", [[getattr(pattern, column) for column in COLUMNS]], COLUMNS)


def plain(pattern: Pattern) -> dict[str, Any]:
    """A pattern as plain data, without its vector."""
    values = asdict(pattern)
    del values["embedding"]
    return values


def find(db: Database, pattern_id: str) -> Pattern:
    """The pattern whose id begins with ``pattern_id``.

    :raises UserError: none, or more than one.
    """
    found = [p for p in read(db) if str(p.pattern_id).startswith(pattern_id.lower())] if pattern_id else []
    if len(found) != 1:
        raise UserError(
            f"{'no pattern' if not found else f'{len(found)} patterns'} with id {pattern_id or '(empty)'};"
            " see `otel-pipeline patterns list`"
        )
    return found[0]


def distance(one: Pattern, other: Pattern) -> float | None:
    """Cosine distance of two patterns' texts; None where they have no vectors of the same model."""
    if not one.embedding or one.EmbeddingModel != other.EmbeddingModel or len(one.embedding) != len(other.embedding):
        return None
    return cosine_distance(one.embedding, other.embedding)


def cosine_distance(one: Sequence[float], other: Sequence[float]) -> float:
    """1 minus the cosine; 1 where one of them is zero."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    norms = sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
    return 1 - dot / norms if norms else 1.0


def _pattern(row: dict[str, Any]) -> Pattern:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    for name in ("created_at", "first_seen", "last_seen", "ReviewedAt"):
        values[name] = utc(values[name])
    return Pattern(**values)
