"""The reference of ``make bench-intake``: the same intake, whose writer loops over decoded messages in Python.

python -m benchmarks.python_loop        (settings as for `otel-pipeline intake`)
"""

from datetime import UTC, datetime

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_pipeline.clickhouse import Database
from otel_pipeline.intake import service
from otel_pipeline.intake.segments import Segment
from otel_pipeline.intake.values import number
from otel_pipeline.intake.writer import INSERT_SETTINGS, Sender, Writer
from otel_pipeline.settings import load

KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"]
STATUS = ["Unset", "Ok", "Error"]
COLUMNS = ["Timestamp", "TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName"]
COLUMNS += [
    "ResourceAttributes",
    "ScopeName",
    "ScopeVersion",
    "SpanAttributes",
    "Duration",
    "StatusCode",
    "StatusMessage",
]


def text(value) -> str:
    """A scalar AnyValue as text."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return str(value.int_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "double_value":
            return number(value.double_value)
    return ""


class LoopWriter(Writer):
    """Rows of otel_traces made one by one."""

    def _write(self, sender: Sender, segment: Segment) -> None:
        if not segment.kind.endswith("traces"):  # the intake's own metrics, which would fail here again and again
            super()._write(sender, segment)
            return
        with segment.path.open("rb") as file:  # behind the segment's end may stand the rest of an earlier one
            request = ExportTraceServiceRequest.FromString(file.read(segment.size))
        rows = []
        for resource_spans in request.resource_spans:
            resource = {pair.key: text(pair.value) for pair in resource_spans.resource.attributes}
            for scope_spans in resource_spans.scope_spans:
                scope = scope_spans.scope
                for span in scope_spans.spans:
                    start, end = span.start_time_unix_nano, span.end_time_unix_nano
                    rows.append(
                        [
                            datetime.fromtimestamp(start / 1e9, UTC),
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.trace_state,
                            span.name,
                            KINDS[span.kind],
                            resource.get("service.name", ""),
                            resource,
                            scope.name,
                            scope.version,
                            {pair.key: text(pair.value) for pair in span.attributes},
                            end - start,
                            STATUS[span.status.code],
                            span.status.message,
                        ]
                    )
        with Database(self.settings) as db:
            settings = {**INSERT_SETTINGS, "insert_deduplication_token": segment.token}
            db.client.insert("otel_traces", rows, column_names=COLUMNS, settings=settings)
        self.spool.done(segment)


if __name__ == "__main__":
    service.Writer = LoopWriter
    service.run(load())
