"""A tiny OTLP/HTTP receiver that keeps what it gets, decoded, for tests that look at what a program emits."""

import gzip
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

SERVER, CLIENT, ERROR = 2, 3, 2


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return str(value) if kind in (None, "array_value", "kvlist_value") else getattr(value, kind)


def _map(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs if isinstance(pair, KeyValue)}


@dataclass
class SinkSpan:
    """A received span. Times in seconds."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    start: float
    seconds: float
    error: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]


@dataclass
class SinkLog:
    """A received log record. ``at`` in seconds since 1970."""

    at: float
    service: str
    body: str
    severity: str
    trace_id: str
    scope: str
    attributes: dict[str, Any]


@dataclass
class OtlpSink:
    """``with OtlpSink() as sink: ... sink.url ... sink.spans``."""

    spans: list[SinkSpan] = field(default_factory=list)
    logs: list[SinkLog] = field(default_factory=list)
    points: list[tuple[str, str, dict[str, Any], float, float]] = field(default_factory=list)
    """(service, metric, attributes, value, seconds since 1970): value of a number, sum of a histogram."""

    archive: list[str] = field(default_factory=list)

    def __enter__(self) -> "OtlpSink":
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                {"/v1/traces": sink._traces, "/v1/logs": sink._logs, "/v1/metrics": sink._metrics}[self.path](body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def metrics(self) -> list[tuple[str, str, dict[str, Any], float]]:
        """The points without their times."""
        return [point[:4] for point in self.points]

    @property
    def url(self) -> str:
        """Value for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def clear(self) -> None:
        """Put away what came so far; it stays in ``archive`` as text."""
        self.archive.extend(map(str, [*self.spans, *self.logs, *self.points]))
        self.spans.clear()
        self.logs.clear()
        self.points.clear()

    def _traces(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _map(group.resource.attributes)
            self.spans.extend(
                SinkSpan(
                    service=resource["service.name"],
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano / 1e9,
                    seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    error=span.status.code == ERROR,
                    attributes=_map(span.attributes),
                    resource=resource,
                    events=[(event.name, _map(event.attributes)) for event in span.events],
                )
                for scope in group.scope_spans
                for span in scope.spans
            )

    def _logs(self, body: bytes) -> None:
        for group in ExportLogsServiceRequest.FromString(body).resource_logs:
            service = _map(group.resource.attributes)["service.name"]
            self.logs.extend(
                SinkLog(
                    at=record.time_unix_nano / 1e9,
                    service=service,
                    body=str(_value(record.body)),
                    severity=record.severity_text,
                    trace_id=record.trace_id.hex(),
                    scope=scope.scope.name,
                    attributes=_map(record.attributes),
                )
                for scope in group.scope_logs
                for record in scope.log_records
            )

    def _metrics(self, body: bytes) -> None:
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            service = _map(group.resource.attributes)["service.name"]
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    data = getattr(metric, metric.WhichOneof("data") or "gauge")
                    for point in data.data_points:
                        value = point.sum if metric.HasField("histogram") else point.as_int or point.as_double
                        at = point.time_unix_nano / 1e9
                        self.points.append((service, metric.name, _map(point.attributes), float(value), at))
