"""OTLP bodies with odd values and tampered bytes: through the decompressor, the decoder, and into the engine."""

import gzip
import random
import time
import zlib
from io import BytesIO

import zstandard
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.fuzz import Round, tampered
from otel_pipeline.intake.horizon import Horizon
from otel_pipeline.intake.protocol import JSON, PROTOBUF, Accepted, BadBody, accept, decompress
from otel_pipeline.intake.statements import statements
from otel_pipeline.intake.writer import Refused, Sender

LIMIT = 100_000
SLOW_SECONDS = 3.0
REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def horizon() -> Horizon:
    """What can be stored now."""
    now = time.time_ns()
    return Horizon(now - 30 * 86_400 * 10**9, now + 3600 * 10**9, now)


def value(chance: random.Random, target, depth: int = 0) -> None:
    """Fill an AnyValue with anything."""
    match chance.randrange(8 if depth < 4 else 6):
        case 0:
            target.string_value = chance.choice(("", "x", "caf\xe9", "\0", "9" * 50, "\u2028", "a" * 300))
        case 1:
            target.int_value = chance.choice((0, -1, 2**63 - 1, -(2**63), 7))
        case 2:
            target.double_value = chance.choice((0.0, -0.0, 1e300, 5e-324, float("nan"), float("inf"), 1.5))
        case 3:
            target.bool_value = chance.random() < 0.5
        case 4:
            target.bytes_value = chance.randbytes(chance.randrange(9))
        case 5:
            return
        case 6:
            target.array_value.SetInParent()
            for _ in range(chance.randrange(4)):
                value(chance, target.array_value.values.add(), depth + 1)
        case 7:
            target.kvlist_value.SetInParent()
            for _ in range(chance.randrange(4)):
                pair = target.kvlist_value.values.add(key=chance.choice(("", "k", "k2")))
                value(chance, pair.value, depth + 1)


def moment(chance: random.Random) -> int:
    """A time, mostly of today."""
    now = time.time_ns()
    odd = (0, 1, 2**63 - 1, 2**63, 2**64 - 1, now + 10**13, now - 10**17, 43 * 10**17)
    return now - chance.randrange(10**12) if chance.random() < 0.7 else chance.choice(odd)


def request(chance: random.Random, signal: str) -> bytes:
    """A request with odd values in odd places."""
    found = REQUESTS[signal]()
    for _ in range(chance.randrange(1, 3)):
        part = (
            found.resource_spans.add()
            if isinstance(found, ExportTraceServiceRequest)
            else found.resource_logs.add()
            if isinstance(found, ExportLogsServiceRequest)
            else found.resource_metrics.add()
        )
        for _ in range(chance.randrange(3)):
            value(chance, part.resource.attributes.add(key=chance.choice(("service.name", "", "x"))).value)
        scopes = {"traces": "scope_spans", "logs": "scope_logs", "metrics": "scope_metrics"}[signal]
        for _ in range(chance.randrange(3)):
            scope = getattr(part, scopes).add()
            for _ in range(chance.randrange(4)):
                {"traces": _span, "logs": _line, "metrics": _metric}[signal](chance, scope)
    return found.SerializeToString()


def _span(chance: random.Random, scope) -> None:
    span = scope.spans.add(
        name=chance.choice(("", "GET /", "n" * 400, "\0")),
        trace_id=chance.randbytes(chance.choice((0, 8, 16, 16, 16, 33))),
        span_id=chance.randbytes(chance.choice((0, 8, 8, 8, 16))),
        start_time_unix_nano=moment(chance),
        end_time_unix_nano=moment(chance),
        flags=chance.choice((0, 1, 2**32 - 1)),
    )
    for _ in range(chance.randrange(3)):
        value(chance, span.attributes.add(key=chance.choice(("a", "a", "", "http.status_code"))).value)
    for _ in range(chance.randrange(2)):
        span.events.add(name="e", time_unix_nano=moment(chance))
        span.links.add(trace_id=chance.randbytes(chance.choice((0, 16))))


def _line(chance: random.Random, scope) -> None:
    line = scope.log_records.add(time_unix_nano=moment(chance), observed_time_unix_nano=moment(chance))
    value(chance, line.body)
    for _ in range(chance.randrange(3)):
        value(chance, line.attributes.add(key=chance.choice(("a", "rr-web.event", ""))).value)


def _metric(chance: random.Random, scope) -> None:
    metric = scope.metrics.add(name=chance.choice(("", "m")))
    kind = chance.choice(("gauge", "sum", "histogram", "exponential_histogram", "summary", ""))
    if not kind:
        return
    getattr(metric, kind).SetInParent()
    for _ in range(chance.randrange(3)):
        point = getattr(metric, kind).data_points.add(
            time_unix_nano=moment(chance), start_time_unix_nano=moment(chance)
        )
        if kind in ("gauge", "sum"):
            point.as_double = chance.choice((0.0, float("nan"), 1e308))
        elif kind == "histogram":
            point.bucket_counts.extend([2**64 - 1] * chance.randrange(3))
            point.explicit_bounds.extend([1.0] * chance.randrange(3))


def decompressing(chance: random.Random) -> str:
    """One round of ``decompress``."""
    encoding = chance.choice(("gzip", "deflate", "zstd"))
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding]
    plain = chance.choice((b"", b"x", chance.randbytes(300), bytes(chance.choice((10, LIMIT, LIMIT + 1, 10 * LIMIT)))))
    body = tampered(chance, pack(plain) * chance.randrange(1, 4))
    began = time.process_time()
    try:
        assert len(decompress(body, encoding, LIMIT)) <= LIMIT
        return "taken"
    except BadBody as error:
        assert error.status in (400, 413), error
        return "refused"
    finally:
        assert time.process_time() - began < SLOW_SECONDS


def body_of(chance: random.Random) -> tuple[str, bytes, str]:
    """Signal, body and content type of what a client might send."""
    signal = chance.choice(list(REQUESTS))
    body = request(chance, signal)
    if chance.random() < 0.25:
        try:
            text = json_format.MessageToJson(REQUESTS[signal].FromString(body), indent=None).encode()
        except (ValueError, UnicodeError):
            text = b"{}"
        return signal, tampered(chance, text), JSON
    return signal, tampered(chance, body), PROTOBUF


def decoded(chance: random.Random) -> tuple[str, Accepted | None]:
    """A body through the door."""
    signal, body, content_type = body_of(chance)
    bounds = horizon()
    began = time.process_time()
    try:
        accepted = accept(signal, body, content_type, bounds)
    except BadBody as error:
        assert error.status in (400, 413), error
        return signal, None
    finally:
        assert time.process_time() - began < SLOW_SECONDS
    again = accept(signal, accepted.body, PROTOBUF, bounds)
    assert again.body == accepted.body and not again.rejected and not again.dead, "not taken as it is"
    if accepted.dead:
        left = accept(signal, accepted.dead, PROTOBUF, bounds)
        assert left.rejected == accepted.rejected, (left.rejected, accepted.rejected)
    return signal, accepted


def decoding(chance: random.Random) -> str:
    """One round of ``decode``."""
    _, accepted = decoded(chance)
    return "refused" if accepted is None else "partly" if accepted.rejected else "taken"


def engine_round(sender: Sender) -> Round:
    """Rounds of ``engine``."""
    number = iter(range(10**9))

    def once(chance: random.Random) -> str:
        _, accepted = decoded(chance)
        if accepted is None or not accepted.body:
            return "nothing"
        for statement in statements(accepted.kind):
            try:
                sender.send(statement, f"fuzz-{next(number)}", BytesIO(accepted.body), len(accepted.body))
            except Refused:
                return "refused"
        return "inserted"

    return once
