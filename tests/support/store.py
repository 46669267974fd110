"""Puts what an :class:`OtlpSink` received into the raw tables, for tests of queries that need no intake."""

from datetime import UTC, datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from tests.support.otlp_sink import OtlpSink

KINDS = {1: "Internal", 2: "Server", 3: "Client"}


def _text(attributes: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in attributes.items()}


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def store(sink: OtlpSink, database: Database) -> None:
    """Insert spans, log records and metric points."""
    spans = [
        [
            *(_time(span.start), span.trace_id, span.span_id, span.parent_id, span.name, KINDS[span.kind]),
            *(span.service, _text(span.attributes), int(span.seconds * 1e9), "Error" if span.error else "Unset"),
            *([_time(span.start)] * len(span.events), [name for name, _ in span.events]),
            [_text(attributes) for _, attributes in span.events],
        ]
        for span in sink.spans
    ]
    columns = ["Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "SpanKind", "ServiceName"]
    columns += ["SpanAttributes", "Duration", "StatusCode", "Events.Timestamp", "Events.Name", "Events.Attributes"]
    database.insert("otel_traces", spans, columns)
    logs = [[_time(log.at), log.trace_id, log.service, log.severity, log.body] for log in sink.logs]
    database.insert("otel_logs", logs, ["Timestamp", "TraceId", "ServiceName", "SeverityText", "Body"])
    points = [
        [_time(at), service, name, _text(attributes), value] for service, name, attributes, value, at in sink.points
    ]
    database.insert("otel_metrics_sum", points, ["TimeUnix", "ServiceName", "MetricName", "Attributes", "Value"])
