"""HyperDX's defaults: the script that its page loads first, naming the connection and the sources."""

import json

from otel_pipeline.settings import Settings

# The page opens empty unless its address names a source. Times are written in UTC, as everywhere else here; a choice
# that somebody made in the browser stays.
FIRST_VISIT = """
if (/^\\/clickstack(\\/|\\/search\\/?)?$/.test(location.pathname) && !location.search) {
  location.replace("/clickstack/search?source=logs");
}
if (localStorage.getItem("hdx-user-preferences") === null) {
  localStorage.setItem("hdx-user-preferences", JSON.stringify(
    {isUTC: true, timeFormat: "24h", colorMode: "system", font: "IBM Plex Mono"}));
}
"""
# The server by the name that the page was opened under: another name of it would be another origin.
CONNECTION = """window.__ENV.NEXT_PUBLIC_HDX_LOCAL_DEFAULT_CONNECTIONS = JSON.stringify(
  [Object.assign(%s, {host: location.origin})]);
"""


def environment_script(settings: Settings) -> str:
    """The text of ``/__ENV.js`` for the HyperDX that the server carries at ``/clickstack``."""
    database = settings.clickhouse_database
    connection = {
        "id": "local",
        "name": "otel-pipeline",
        "username": settings.clickhouse_reader_user,
        "password": settings.clickhouse_reader_password,
    }

    def source(identifier: str, kind: str, table: str, **fields: object) -> dict[str, object]:
        return {
            "id": identifier,
            "name": identifier.capitalize(),
            "kind": kind,
            "connection": "local",
            "from": {"databaseName": database, "tableName": table},
            "timestampValueExpression": "Timestamp",
            "resourceAttributesExpression": "ResourceAttributes",
            **fields,
        }

    common = {"serviceNameExpression": "ServiceName", "traceIdExpression": "TraceId", "spanIdExpression": "SpanId"}
    sources = [
        source(
            "logs",
            "log",
            "otel_logs",
            **common,
            defaultTableSelectExpression="Timestamp, ServiceName, SeverityText, Body",
            bodyExpression="Body",
            severityTextExpression="SeverityText",
            eventAttributesExpression="LogAttributes",
            implicitColumnExpression="Body",
            displayedTimestampValueExpression="Timestamp",
            traceSourceId="traces",
            metricSourceId="metrics",
        ),
        source(
            "traces",
            "trace",
            "otel_traces",
            **common,
            defaultTableSelectExpression="Timestamp, ServiceName, StatusCode, round(Duration / 1e6), SpanName",
            durationExpression="Duration",
            durationPrecision=9,
            parentSpanIdExpression="ParentSpanId",
            spanNameExpression="SpanName",
            spanKindExpression="SpanKind",
            statusCodeExpression="StatusCode",
            statusMessageExpression="StatusMessage",
            spanEventsValueExpression="Events",
            eventAttributesExpression="SpanAttributes",
            implicitColumnExpression="SpanName",
            logSourceId="logs",
            sessionSourceId="sessions",
            metricSourceId="metrics",
        ),
        source("sessions", "session", "hyperdx_sessions", traceSourceId="traces"),
        source(
            "metrics",
            "metric",
            "",
            timestampValueExpression="TimeUnix",
            serviceNameExpression="ServiceName",
            metricTables={
                "gauge": "otel_metrics_gauge",
                "histogram": "otel_metrics_histogram",
                "sum": "otel_metrics_sum",
                "summary": "otel_metrics_summary",
                "exponential histogram": "otel_metrics_exponential_histogram",
            },
            logSourceId="logs",
        ),
    ]
    values = {
        "NEXT_PUBLIC_THEME": "clickstack",
        "NEXT_PUBLIC_IS_LOCAL_MODE": "true",
        "NEXT_PUBLIC_CLICKHOUSE_BUILD": "true",
        "NEXT_PUBLIC_HDX_LOCAL_DEFAULT_SOURCES": json.dumps(sources),
    }
    return f"window.__ENV = {json.dumps(values)};\n{CONNECTION % json.dumps(connection)}{FIRST_VISIT}"
