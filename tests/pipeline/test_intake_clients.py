"""Real clients against a running intake: the OpenTelemetry SDKs of Python and, where Node is, of JavaScript."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from otel_pipeline.clickhouse import Database
from otel_pipeline.settings import Settings
from tests.support.intake import IntakeProcess, intake, until

JS = Path(__file__).parent.parent / "support" / "js"


@pytest.fixture(scope="module")
def running(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeProcess]:
    """One intake for the module, writing to the server's own database."""
    with intake(server, tmp_path_factory.mktemp("intake")) as process:
        yield process


@pytest.fixture
def tables(server: Settings) -> Iterator[Database]:
    """The running intake's database."""
    with Database(server) as db:
        yield db


def found(tables: Database, sql: str, wanted: int) -> list[tuple]:
    """The rows of a query, once there are that many."""

    def enough() -> list[tuple]:
        rows = list(tables.client.query(sql).result_rows)
        return rows if len(rows) >= wanted else []

    return until(enough)


@pytest.mark.parametrize("protocol", ["http", "http-gzip", "grpc"])
def test_the_python_sdk(running: IntakeProcess, tables: Database, protocol: str) -> None:
    service = f"python-{protocol}"
    resource = Resource.create({"service.name": service, "process.command_args": ["python", "-m", "shop"]})
    if protocol == "grpc":
        endpoint = f"http://127.0.0.1:{running.settings.intake_grpc_port}"
        spans, logs, metrics = GrpcSpans(endpoint), GrpcLogs(endpoint), GrpcMetrics(endpoint)
    else:
        packed = Compression.Gzip if protocol == "http-gzip" else Compression.NoCompression
        spans = HttpSpans(f"{running.url}/v1/traces", compression=packed)
        logs = HttpLogs(f"{running.url}/v1/logs", compression=packed)
        metrics = HttpMetrics(f"{running.url}/v1/metrics", compression=packed)

    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    with tracing.get_tracer("shop", "1.0").start_as_current_span("pay", kind=SpanKind.SERVER) as span:
        span.set_attributes({"amount": 9.5, "items": [1, 2], "paid": False})
        span.record_exception(ValueError("declined"))
        span.set_status(StatusCode.ERROR, "declined")
    tracing.shutdown()

    logging_provider = LoggerProvider(resource)
    logging_provider.add_log_record_processor(BatchLogRecordProcessor(logs))
    logger = logging_provider.get_logger("shop")
    logger.emit(severity_number=SeverityNumber.WARN, severity_text="WARN", body="slow payment", attributes={"ms": 12})
    logger.emit(body={"order": 7, "parts": ["a", {"b": None}]}, event_name="order.paid")
    logging_provider.shutdown()

    metering = MeterProvider([PeriodicExportingMetricReader(metrics)], resource)
    metering.get_meter("shop").create_counter("orders").add(3, {"card": "visa"})
    metering.get_meter("shop").create_histogram("latency").record(12.5)
    metering.shutdown()

    where = f"WHERE ServiceName = '{service}'"
    columns = "SpanName, SpanKind, StatusCode, StatusMessage, SpanAttributes, Events.Name"
    columns += ", ResourceAttributes['process.command_args']"
    (row,) = found(tables, f"SELECT {columns} FROM otel_traces {where}", 1)
    attributes = {"amount": "9.5", "items": "[1,2]", "paid": "false"}
    assert row == ("pay", "Server", "Error", "declined", attributes, ["exception"], '["python","-m","shop"]')
    rows = found(
        tables, f"SELECT SeverityText, Body, EventName, LogAttributes FROM otel_logs {where} ORDER BY Timestamp", 2
    )
    assert rows[0] == ("WARN", "slow payment", "", {"ms": "12"})
    assert rows[1][1:3] == ('{"order":7,"parts":["a",{"b":null}]}', "order.paid")
    assert found(tables, f"SELECT MetricName, Value, Attributes FROM otel_metrics_sum {where}", 1) == [
        ("orders", 3.0, {"card": "visa"})
    ]
    assert found(tables, f"SELECT MetricName, Count, Sum FROM otel_metrics_histogram {where}", 1) == [
        ("latency", 1, 12.5)
    ]


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenTelemetry JS SDK, from npm."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("no Node on this machine")
    folder = tmp_path_factory.mktemp("js")
    for file in JS.iterdir():
        shutil.copy(file, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install the OpenTelemetry JS SDK here: {done.stderr[-200:]}")
    return folder


@pytest.mark.parametrize("encoding", ["proto", "http"])
def test_the_javascript_sdk(running: IntakeProcess, tables: Database, javascript: Path, encoding: str) -> None:
    subprocess.run(["node", "send.mjs", encoding, f"{running.url}/v1/traces"], cwd=javascript, check=True, timeout=60)
    columns = "SpanKind, SpanAttributes, Events.Name, length(TraceId), length(SpanId)"
    rows = found(
        tables,
        f"SELECT {columns} FROM otel_traces WHERE SpanName = 'js {encoding}' ORDER BY SpanAttributes['number']",
        3,
    )
    assert [row[1]["number"] for row in rows] == ["1", "2", "3"]
    assert rows[0] == ("Client", {"number": "1", "list": '["a","b"]', "ratio": "0.5", "yes": "true"}, ["seen"], 32, 16)


def test_its_own_metrics_arrive_too(server: Settings, tables: Database, tmp_path: Path) -> None:
    with intake(server, tmp_path) as process:
        assert process.post("/v1/traces", b"hello")[0] == 400
        assert process.stop() == 0
    where = "WHERE ServiceName = 'otel-pipeline-intake' AND MetricName = 'intake.refused'"
    sql = f"SELECT Value FROM otel_metrics_sum {where}"
    assert (1.0,) in found(tables, sql, 1)
