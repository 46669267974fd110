"""Small made-up telemetry, span by span, with everything that a span can carry: for tests of what identifies it.

Times are milliseconds after a start; ids are drawn from a seeded generator, so that the same calls give the same rows.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database

SPAN_COLUMNS = (
    "Timestamp",
    "TraceId",
    "SpanId",
    "ParentSpanId",
    "SpanName",
    "SpanKind",
    "ServiceName",
    "Duration",
    "StatusCode",
    "StatusMessage",
    "SpanAttributes",
    "ResourceAttributes",
    "Events.Timestamp",
    "Events.Name",
    "Events.Attributes",
    "Links.TraceId",
    "Links.SpanId",
    "Links.TraceState",
    "Links.Attributes",
)
LINE_COLUMNS = ("Timestamp", "TraceId", "SpanId", "ServiceName", "Body", "SeverityText", "SeverityNumber")


@dataclass
class Recorder:
    """Rows for otel_traces and otel_logs."""

    start: datetime
    seed: int = 1
    spans: list[list[Any]] = field(default_factory=list)
    lines: list[list[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def trace(self) -> str:
        """A new trace id."""
        return f"{self.dice.getrandbits(128):032x}"

    def id(self) -> str:
        """A new span id."""
        return f"{self.dice.getrandbits(64):016x}"

    def about(self, ms: float, spread: float = 0.2) -> float:
        """About so many milliseconds."""
        return ms * self.dice.lognormvariate(0, spread)

    def at(self, ms: float) -> datetime:
        """The time so many milliseconds after the start; in microseconds, as Python has it."""
        return self.start + timedelta(milliseconds=ms)

    def span(
        self,
        trace: str,
        service: str,
        name: str,
        at: float,
        ms: float,
        *,
        kind: str = "Server",
        id: str = "",
        parent: str = "",
        error: str = "",
        attributes: Mapping[str, str] | None = None,
        resource: Mapping[str, str] | None = None,
        exception: Mapping[str, str] | None = None,
        links: Sequence[tuple[str, str]] = (),
    ) -> str:
        """Add a span; returns its id."""
        own = id or self.id()
        events = [dict(exception)] if exception else []
        self.spans.append(
            [
                *(self.at(at), trace, own, parent, name, kind, service, int(ms * 1e6)),
                *("Error" if error else "Unset", error, dict(attributes or {}), dict(resource or {})),
                *([self.at(at)] * len(events), ["exception"] * len(events), events),
                *([link[0] for link in links], [link[1] for link in links], [""] * len(links), [{} for _ in links]),
            ]
        )
        return own

    def line(self, trace: str, service: str, body: str, at: float, *, severity: str = "INFO", id: str = "") -> None:
        """Add a log line."""
        number = {"INFO": 9, "WARN": 13, "ERROR": 17}[severity]
        self.lines.append([self.at(at), trace, id, service, body, severity, number])

    def every(self, per_second: float, seconds: float, one: Callable[[float], Any], begin: float = 0) -> None:
        """Call with the milliseconds of each arrival, so many a second by chance."""
        at = begin
        while at < begin + seconds:
            one(at * 1000)
            at += self.dice.expovariate(per_second)

    def write(self, db: Database) -> None:
        """Insert what has been recorded since the last time."""
        db.insert("otel_traces", self.spans, SPAN_COLUMNS)
        db.insert("otel_logs", self.lines, LINE_COLUMNS)
        self.spans, self.lines = [], []
