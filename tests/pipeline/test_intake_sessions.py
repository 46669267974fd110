"""Browser sessions: recordings in HyperDX's table, sessions and replay as views."""

import json
import time

import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_pipeline.clickhouse import Database
from otel_pipeline.settings import REPOSITORY, Settings
from tests.support.intake import store

AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"
MS = 10**6


def pairs(**values: str) -> list[KeyValue]:
    """Attributes; ``rum__sessionId`` is rum.sessionId."""
    return [KeyValue(key=key.replace("__", "."), value=AnyValue(string_value=value)) for key, value in values.items()]


def browser(settings: Settings, start: int) -> None:
    """Two page views, a failed click with its trace, a console error, and a recording in three events."""
    resource = pairs(rum__sessionId="s1", service__name="web", user_agent__original=AGENT)
    traces = ExportTraceServiceRequest()
    resource_spans = traces.resource_spans.add()
    resource_spans.resource.attributes.extend(resource)
    spans = resource_spans.scope_spans.add().spans
    for number, name in enumerate(["documentLoad", "routeChange", "click"]):
        at = start + number * 1000 * MS
        span = spans.add(
            name=name,
            trace_id=bytes([number + 1] * 16),
            span_id=bytes([1] * 8),
            start_time_unix_nano=at,
            end_time_unix_nano=at + 500 * MS,
            attributes=pairs(userEmail="ada@example.org"),
        )
        span.status.code = 2 if name == "click" else 0  # pyright: ignore[reportAttributeAccessIssue]
    store(settings, "traces", traces.SerializeToString())

    logs = ExportLogsServiceRequest()
    resource_logs = logs.resource_logs.add()
    resource_logs.resource.attributes.extend(resource)
    records = resource_logs.scope_logs.add().log_records
    records.add(
        time_unix_nano=start + 100 * MS,
        severity_text="error",
        body=AnyValue(string_value="undefined is not a function"),
    )
    snapshot = json.dumps({"type": 2, "data": {"node": "x" * 50}})
    scroll = json.dumps({"type": 3, "data": {"source": 3}})
    for event, chunk, total, body in [
        (1, 2, 2, snapshot[20:]),
        (1, 1, 2, snapshot[:20]),
        (2, 1, 1, scroll),
        (3, 1, 2, "{"),
    ]:
        numbers = {"rr-web__event": str(event), "rr-web__chunk": str(chunk), "rr-web__total-chunks": str(total)}
        records.add(time_unix_nano=start + event * MS, body=AnyValue(string_value=body), attributes=pairs(**numbers))
    store(settings, "logs", logs.SerializeToString())


def test_a_session_is_derived_from_its_signals(settings: Settings, database: Database) -> None:
    start = time.time_ns() // MS * MS
    browser(settings, start)
    (session,) = database.client.query("SELECT * FROM otel_sessions").named_results()
    expected = {
        "SessionId": "s1",
        "UserId": "ada@example.org",
        "ServiceName": "web",
        "Duration": 2500,
        "UserAgent": AGENT,
        "DeviceType": "mobile",
        "OS": "iOS",
        "Browser": "Safari",
        "PageViews": 2,
        "ErrorCount": 2,
        "RecordedEvents": 4,
        "Events.Type": ["page", "error", "page", "error"],
        "Events.Name": ["documentLoad", "undefined is not a function", "routeChange", "click"],
    }
    assert {key: session[key] for key in expected} == expected
    assert sorted(session["TraceIds"]) == [f"0{number}" * 16 for number in (1, 2, 3)]


def test_a_trace_leads_to_its_session(settings: Settings, database: Database) -> None:
    """As the original plan asks for it."""
    browser(settings, time.time_ns())
    found = database.client.query(
        f"SELECT SessionId FROM otel_sessions WHERE arrayExists(x -> x = '{'03' * 16}', TraceIds)"
    )
    assert found.result_rows == [("s1",)]


def test_recorded_events_are_put_together(settings: Settings, database: Database) -> None:
    browser(settings, time.time_ns())
    columns = "SequenceNumber, EventType, Complete, EventData"
    query = f"SELECT {columns} FROM session_replay_events WHERE SessionId = 's1' ORDER BY 1"
    events = database.client.query(query).result_rows
    assert [row[:3] for row in events] == [(1, "dom", 1), (2, "scroll", 1), (3, "other", 0)]
    assert json.loads(events[0][3])["data"]["node"] == "x" * 50


def test_sessions_by_the_semantic_conventions(settings: Settings, database: Database) -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="GET /", start_time_unix_nano=time.time_ns())
    span.attributes.extend(pairs(session__id="s2", user__id="42"))
    store(settings, "traces", request.SerializeToString())
    assert database.client.query("SELECT SessionId, UserId FROM otel_sessions").result_rows == [("s2", "42")]


def test_the_collector_fills_the_same_tables() -> None:
    """The configuration of the stock Collector names our tables, and routes recordings as the intake does."""
    config = yaml.safe_load((REPOSITORY / "docker" / "otelcol.yaml").read_text())
    exporters = config["exporters"]
    named = {exporters["clickhouse"]["logs_table_name"], exporters["clickhouse"]["traces_table_name"]}
    named |= {table["name"] for table in exporters["clickhouse"]["metrics_tables"].values()}
    named.add(exporters["clickhouse/sessions"]["logs_table_name"])
    schema = " ".join(path.read_text() for path in (REPOSITORY / "sql" / "schema").glob("0*.sql"))
    assert all(f"CREATE TABLE IF NOT EXISTS {name} " in schema for name in named)
    used = {part for pipeline in config["service"]["pipelines"].values() for part in pipeline["exporters"]}
    assert used == set(exporters) | {"routing/sessions"}
    assert "rr-web.event" in config["connectors"]["routing/sessions"]["table"][0]["condition"]
