"""The raw tables: written by the OTLP intake or a Collector, never by Dagster; observed by sensor ``raw_telemetry``."""

import dagster as dg

from otel_pipeline.assets.node import GROUP, OWNERS, column_schema


def raw(name: str, description: str, table: str) -> dg.AssetSpec:
    """A table that others fill."""
    return dg.AssetSpec(
        name,
        description=description,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"clickhouse", "opentelemetry"},
        tags={"grain": "event"},
        metadata={"dagster/table_name": table, "dagster/column_schema": column_schema(table)},
    )


otel_logs = raw(
    "otel_logs", "Log records, as the OpenTelemetry Collector's ClickHouse exporter writes them.", "otel_logs"
)
otel_traces = raw(
    "otel_traces", "Spans, as the OpenTelemetry Collector's ClickHouse exporter writes them.", "otel_traces"
)
otel_metrics = raw(
    "otel_metrics", "Metric points, in five tables by kind; columns are those of gauges.", "otel_metrics_gauge"
)
hyperdx_sessions = raw(
    "hyperdx_sessions", "Browser session recordings (rrweb), as HyperDX keeps them.", "hyperdx_sessions"
)

RAW = [otel_logs, otel_traces, otel_metrics, hyperdx_sessions]
