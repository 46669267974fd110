"""What the memory says of incidents: the pattern that is recalled, or "no known pattern" and why.

A decision on the pattern that was noted from this very incident holds for it. Every other pattern has to be recalled
(:mod:`.recall`): structure and vector agree, no other cause fits as well, and its check holds in the incident's time.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import memory, pattern_check
from otel_pipeline.detection.error_patterns import embedded, from_incident
from otel_pipeline.detection.memory import Pattern
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.recall import UNKNOWN, Recall, recall
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError


@dataclass(frozen=True)
class Remembered:
    """What is known of an incident.

    :param pattern: the recalled pattern, confirmed by a person; None: no known pattern.
    :param why: in words, either way.
    :param noted: the pattern under which the lineage counted the incident, whatever people think of it.
    """

    pattern: Pattern | None
    why: str
    noted: Pattern | None = None

    @property
    def harmless(self) -> str:
        """Who says since when that it does no harm; empty where nobody does."""
        if self.pattern is None or not self.pattern.Harmless:
            return ""
        known = self.pattern
        said = f"known harmless, says {known.ReviewedBy} since {known.ReviewedAt:%Y-%m-%d %H:%M} UTC"
        return f"{said}: {known.root_cause}" if known.root_cause != "known harmless" else said


def remembered(
    db: Database, started: Mapping[str, datetime], embedder: Embedder | None = None
) -> dict[str, Remembered]:
    """What the memory says of each incident.

    :param started: when each incident began, by its id.
    :param embedder: for their vectors; where it is away, structure alone decides, and that is said.
    """
    patterns = memory.read(db) if started else []
    found = {incident: Remembered(None, UNKNOWN) for incident in started}
    if not patterns:
        return found
    for hour in sorted({start.replace(minute=0, second=0, microsecond=0) for start in started.values()}):
        for row in db.rows("error_patterns__incidents", hour=hour):
            if row["IncidentId"] in started:
                found[row["IncidentId"]] = _of(db, patterns, row, embedder)
    return found


def harmless(db: Database, started: Mapping[str, datetime], embedder: Embedder | None = None) -> dict[str, str]:
    """Of some incidents those that a person knows to do no harm, and who says so since when.

    :param started: as in :func:`remembered`.
    """
    if not started or not any(pattern.Harmless for pattern in memory.read(db)):
        return {}
    found = remembered(db, started, embedder)
    return {incident: known.harmless for incident, known in found.items() if known.harmless}


def _of(db: Database, patterns: Sequence[Pattern], row: dict[str, Any], embedder: Embedder | None) -> Remembered:
    noted = next((p for p in patterns if row["IncidentId"] in p.Incidents), None)
    if not any(p.service_name == row["Service"] and p.Status != "suspected" for p in patterns):
        return Remembered(None, f"{UNKNOWN}; nobody has decided on any of {row['Service']} yet", noted)
    fresh = from_incident(db, row)
    own = next((p for p in patterns if p.pattern_id == fresh.pattern_id), None)
    if own and own.Status == "confirmed":
        return Remembered(own, f"noted from this incident, confirmed by {own.ReviewedBy}", noted)
    said = _recall(db, patterns, fresh, embedder)
    alone = "; by structure alone, without vectors" if said.match and said.match.distance is None else ""
    return Remembered(said.pattern, said.why + alone, noted)


def _recall(db: Database, patterns: Sequence[Pattern], fresh: Pattern, embedder: Embedder | None) -> Recall:
    window = Window(fresh.first_seen, fresh.last_seen)
    twin = next((p for p in patterns if p.embedding and p.EmbeddedText == fresh.EmbeddedText), None)
    if twin:
        fresh = replace(fresh, embedding=twin.embedding, EmbeddingModel=twin.EmbeddingModel)
    else:
        with contextlib.suppress(UserError):  # the embedder is away
            fresh = embedded(fresh, embedder)
    return recall(patterns, fresh, lambda pattern: pattern_check.ask(db.settings, pattern, window))
