"""search_logs and similar_errors: what was logged that means this, and what past errors were like these."""

from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field

from otel_pipeline.investigate.search import Hit, search
from otel_pipeline.investigate.similar import similar
from otel_pipeline.tools.model import Arguments, Context, Paged, Tool, Windowed
from otel_pipeline.tools.nothing import echo
from otel_pipeline.tools.untrusted import Ours, named

MOST = 50
EXAMPLES = 2
PAST = 8


class SearchArguments(Windowed, Paged):
    """What to look for, and where."""

    usual: ClassVar[timedelta | None] = None
    text: str = Field(description="Words, a message, an exception name or a code", min_length=1, max_length=500)
    service: str = Field("", description="Only this service")
    severity: Literal["", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] = Field("", description="At least")


class SimilarArguments(Arguments):
    """Which trace."""

    trace_id: str = Field(description="A trace with errors", min_length=1, max_length=64)


def search_logs(context: Context, asked: SearchArguments) -> dict[str, Any]:
    """Log templates that mean the text, with counts, lines and traces."""
    window = asked.window(context.now) if asked.bounded else None
    found = search(
        context.reader,
        context.embedder,
        asked.text,
        service=asked.service,
        severity=asked.severity,
        start=window and window.start,
        end=window and window.end,
        limit=MOST,
    )
    return {
        "window": echo(window) if window else Ours("all that is kept"),
        "hits": [_hit(hit) for hit in found.hits],
        "notes": found.notes,
    }


def similar_errors(context: Context, asked: SimilarArguments) -> dict[str, Any]:
    """Errors of a trace, those like them before it, and known patterns that fit."""
    found = similar(context.reader, context.settings.embedding_model, asked.trace_id, limit=PAST)
    return {
        "trace_id": found.trace_id,
        "start": found.start,
        "services": found.services,
        "errors": [{"service": e.service, "severity": e.severity, "line": e.line} for e in found.errors],
        "past": [_hit(hit) for hit in found.past],
        "patterns": [_pattern(row) for row in found.patterns],
        "notes": found.notes,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "template": hit.template,
        "score": hit.score,
        "services": hit.services,
        "severity": hit.severity,
        "lines": hit.lines,
        "first_seen": hit.first_seen,
        "last_seen": hit.last_seen,
        "examples": hit.examples[:EXAMPLES],
        "trace_ids": hit.trace_ids[:EXAMPLES],
    }


def _pattern(row: dict[str, Any]) -> dict[str, Any]:
    """A pattern; cause and remedy only where people confirmed them."""
    confirmed = row["Status"] == "confirmed"
    told = {"root_cause": row["root_cause"], "resolution": row["resolution"]} if confirmed else {}
    return {
        "pattern_id": named(row["pattern_id"]),
        "status": Ours(row["Status"]),
        "service": row["service_name"],
        "message": row["error_message"],
        "occurrences": row["occurrence_count"],
        "last_seen": row["last_seen"],
        **told,
    }


SEARCH_LOGS = Tool(
    name="search_logs",
    title="Search logs",
    description=(
        "Log lines that mean a text: nearest templates by meaning and words (an exact code or id beats a neighbour),"
        " with counts, first and last seen, example lines and traces. Without start and end: all that is kept."
    ),
    arguments=SearchArguments,
    output={"hits": "array", "notes": "array"},
    run=search_logs,
    rows="hits",
)
SIMILAR_ERRORS = Tool(
    name="similar_errors",
    title="Seen before?",
    description="Past errors like those of a trace, and known patterns that fit, with what fixed them where confirmed.",
    arguments=SimilarArguments,
    output={"trace_id": "string", "errors": "array", "past": "array", "patterns": "array", "notes": "array"},
    run=similar_errors,
)
