"""The memory as a file that people review: YAML out, YAML in.

The last writer wins, and it is known who that is: an entry carries ``reviewed_at``. On the way in, an entry that says
the same as the memory changes nothing; one that was reviewed later than the memory's wins; one that was reviewed
earlier is a conflict, refused unless forced. What the file does not name stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import memory, pattern_check
from otel_pipeline.detection.memory import Pattern
from otel_pipeline.detection.pattern_yaml import LISTS, NUMBERS, WORDS, Entry
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError


@dataclass(frozen=True)
class Change:
    """What an import does with an entry.

    :param action: ``added``, ``changed``, ``same`` or ``conflict``.
    """

    line: int
    pattern: Pattern
    action: str
    why: str = ""


def export(patterns: Sequence[Pattern]) -> str:
    """Patterns as YAML, ordered by id, so that a diff shows what changed and nothing else."""
    entries = [_entry(pattern) for pattern in sorted(patterns, key=lambda p: str(p.pattern_id))]
    head = "# The error memory. Written by `otel-pipeline patterns export`, read by `otel-pipeline patterns import`.\n"
    return head + yaml.safe_dump({"patterns": entries}, sort_keys=False, allow_unicode=True, width=118)


def plan(db: Database, entries: Sequence[Entry], name: str, *, force: bool = False) -> list[Change]:
    """What an import would do; nothing is written.

    :raises UserError: a check that is not allowed, with its line.
    """
    known = {pattern.pattern_id: pattern for pattern in memory.read(db)}
    changes = []
    for entry in entries:
        mine, theirs = entry.pattern, known.get(entry.pattern.pattern_id)
        if mine.CheckQuery and (theirs is None or theirs.CheckQuery != mine.CheckQuery):
            try:
                pattern_check.validate(db.settings, mine.CheckQuery)
            except UserError as error:
                raise UserError(f"{name}:{entry.line}: {error}") from None
        if theirs is None:
            changes.append(Change(entry.line, mine, "added"))
            continue
        merged = replace(theirs, **{column: getattr(mine, column) for column in _decisive(mine)})
        merged = replace(merged, ReviewedBy=mine.ReviewedBy, ReviewedAt=mine.ReviewedAt, ChangedBy=mine.ReviewedBy)
        differs = [column for column in _decisive(mine) if getattr(theirs, column) != getattr(mine, column)]
        if not differs:
            changes.append(Change(entry.line, theirs, "same"))
        elif theirs.ReviewedAt > mine.ReviewedAt and not force:
            when = f"{theirs.ReviewedAt:%Y-%m-%d %H:%M:%S}"
            why = f"{theirs.ReviewedBy} decided later ({when}) than the file; export again, or use --force"
            changes.append(Change(entry.line, theirs, "conflict", why))
        else:
            changes.append(Change(entry.line, merged, "changed", ", ".join(differs)))
    return changes


def apply(db: Database, embedder: Embedder, changes: Sequence[Change], name: str, who: str) -> None:
    """Write what a plan says; decisions stay those of the reviewers that the file names.

    :param who: imports it.
    :raises UserError: no embedder for what is new.
    """
    for change in changes:
        if change.action not in ("added", "changed"):
            continue
        pattern = replace(change.pattern, ChangedBy=change.pattern.ReviewedBy or who)
        if not pattern.embedding:
            words = pattern.EmbeddedText or f"{pattern.service_name}: {pattern.error_message}"
            vector = tuple(float(x) for x in embedder.embed([words])[0])
            pattern = replace(pattern, EmbeddedText=words, embedding=vector, EmbeddingModel=embedder.model)
        note = f"{name}:{change.line}, imported by {who}" + (f": {change.why}" if change.why else "")
        memory.write(db, pattern, "imported", note)


def _decisive(mine: Pattern) -> list[str]:
    """The columns that a file decides about; structure only where it names some."""
    structure = [column for column in (*LISTS.values(), *NUMBERS.values()) if getattr(mine, column)]
    return [*WORDS.values(), "Status", "Harmless", *structure]


def _entry(pattern: Pattern) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": str(pattern.pattern_id)}
    entry |= {key: value for key, column in WORDS.items() if (value := getattr(pattern, column))}
    entry |= {"status": pattern.Status, "harmless": pattern.Harmless}
    entry |= {key: list(value) for key, column in (LISTS | NUMBERS).items() if (value := getattr(pattern, column))}
    if pattern.related_trace_ids:
        entry["traces"] = list(pattern.related_trace_ids)
    if pattern.ReviewedBy:
        entry |= {"reviewed_by": pattern.ReviewedBy, "reviewed_at": pattern.ReviewedAt.isoformat()}
    return entry
