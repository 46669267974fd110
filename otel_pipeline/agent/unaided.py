"""The answer without a model: the deterministic investigation of what the question's words name."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from otel_pipeline.agent.question import Question, understand
from otel_pipeline.detection.model import Window
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.search import Hit, search
from otel_pipeline.investigate.text import text
from otel_pipeline.tools.model import Context

KEPT = timedelta(days=90)
HITS = 3


@dataclass
class Unaided:
    """An answer without a model.

    :param report: the investigation as plain data.
    :param queries: what was asked of the engine, as command lines.
    """

    question: Question
    text: str
    report: dict[str, Any]
    queries: list[str] = field(default_factory=list)
    hits: list[dict[str, Any]] = field(default_factory=list)


def answer(context: Context, question: str) -> Unaided:
    """Investigate what the question names: a trace, log lines like a text, a service, a window.

    :raises UserError: a trace that is not there.
    """
    db = context.reader
    services = [row["Service"] for row in db.rows("ask__services", start=context.now - KEPT, end=context.now)]
    asked = understand(question, context.now, services)
    lines: list[str] = []
    queries: list[str] = []
    hits: list[Hit] = []
    trace, window = asked.trace_id, asked.window
    if asked.phrase and not trace:
        start, end = (window.start, window.end) if asked.timed else (None, None)
        found = search(
            db, context.embedder, asked.phrase, service=asked.service or "", start=start, end=end, limit=HITS
        )
        queries.append(f"search {asked.phrase!r}{_service(asked)}{_window(window) if asked.timed else ''}")
        hits = found.hits
        lines += [f"log lines like {asked.phrase!r}:", *(_hit(hit) for hit in hits), *found.notes]
        trace = next((hit.trace_ids[0] for hit in hits if hit.trace_ids), None)
    if trace and not asked.timed:
        window = Window(context.now - KEPT, context.now)
    service = None if trace else asked.service
    try:
        report = investigate(db, window, service=service, trace_id=trace, embedder=context.embedder)
    except UserError:
        if asked.trace_id:
            raise
        report, trace = investigate(db, window, service=service, embedder=context.embedder), None
    queries.append(
        f"investigate{f' --trace {trace}' if trace else ''}{_service(asked) if service else ''}{_window(window)}"
    )
    if not asked.timed and not trace:
        lines.append("The question names no time; this is about the last 15 minutes.")
    lines.append(text(report))
    return Unaided(asked, "\n".join(lines), report.as_dict(), queries, [_brief(hit) for hit in hits])


def _hit(hit: Hit) -> str:
    seen = f"{hit.first_seen:%Y-%m-%d %H:%M} to {hit.last_seen:%Y-%m-%d %H:%M} UTC"
    traces = f", e.g. trace {hit.trace_ids[0]}" if hit.trace_ids else ""
    return f"  {hit.template[:160]}  ({hit.lines:,} lines of {', '.join(hit.services)}, {seen}{traces})"


def _brief(hit: Hit) -> dict[str, Any]:
    return {"template": hit.template, "services": hit.services, "lines": hit.lines, "trace_ids": hit.trace_ids[:HITS]}


def _service(asked: Question) -> str:
    return f" --service {asked.service}" if asked.service else ""


def _window(window: Window) -> str:
    return f" --from {window.start:%Y-%m-%dT%H:%M:%SZ} --to {window.end:%Y-%m-%dT%H:%M:%SZ}"
