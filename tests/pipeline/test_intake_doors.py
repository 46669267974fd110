"""A running intake: what clients of both protocols see, and what is stored of it."""

import gzip
import http.client
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import psutil
import pytest
import zstandard
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from otel_pipeline.clickhouse import Database
from otel_pipeline.intake.protocol import JSON, PROTOBUF
from otel_pipeline.settings import Settings
from tests.support.intake import IntakeProcess, count, intake, until

SPANS = 4
MALFORMED = 10_000
GZIP_BOMB, ZSTD_BOMB = gzip.compress(bytes(64 << 20)), zstandard.compress(bytes(64 << 20))


@pytest.fixture(scope="module")
def running(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeProcess]:
    """One intake for the module, writing to the server's own database, with room for bodies of 1 MiB."""
    with intake(server, tmp_path_factory.mktemp("intake"), INTAKE_MAX_BODY_MB="1") as process:
        yield process


@pytest.fixture
def tables(server: Settings) -> Iterator[Database]:
    """The running intake's database, empty."""
    with Database(server) as db:
        for table in ("otel_traces", "otel_logs", "hyperdx_sessions"):
            db.client.command(f"TRUNCATE TABLE {table}")
        yield db


def spans(name: str = "span") -> bytes:
    """A request of :data:`SPANS` spans that are like no others."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    now = time.time_ns()
    for number in range(SPANS):
        scope.spans.add(
            name=name, trace_id=random.randbytes(16), span_id=random.randbytes(8), start_time_unix_nano=now + number
        )
    return request.SerializeToString()


def stored(tables: Database, bodies: int) -> None:
    """Wait until exactly that many bodies of spans are there."""
    until(lambda: count(tables, "otel_traces") >= bodies * SPANS)
    assert count(tables, "otel_traces") == bodies * SPANS


def test_protobuf_json_and_encodings(running: IntakeProcess, tables: Database) -> None:
    document = {
        "resourceSpans": [
            {"scopeSpans": [{"spans": [{"name": "j", "startTimeUnixNano": str(time.time_ns())}] * SPANS}]}
        ]
    }
    text = json.dumps(document).encode()
    posts = [
        running.post("/v1/traces", spans()),
        running.post("/v1/traces", gzip.compress(spans()), content_encoding="gzip"),
        running.post("/v1/traces", zstandard.compress(spans()), content_encoding="zstd"),
        running.post("/v1/traces", text, content_type="application/json; charset=utf-8"),
        running.post("/v1/traces", gzip.compress(text), content_type=JSON, content_encoding="gzip"),
    ]
    assert [(status, body) for status, body, _ in posts] == [(200, b"")] * 3 + [(200, b"{}")] * 2
    stored(tables, 5)


def test_partial_success(running: IntakeProcess, tables: Database) -> None:
    body = spans("good").replace(b"good", b"bad\xff", 1)
    status, answer, _ = running.post("/v1/traces", body)
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_spans) == (200, 0)
    assert "UTF-8" in partial.error_message
    stored(tables, 1)
    names = tables.client.query("SELECT DISTINCT SpanName FROM otel_traces ORDER BY SpanName").result_rows
    assert names == [("bad\ufffd",), ("good",)]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"hello", {}, 400),
        (b"{", {"content_type": JSON}, 400),
        (b"\x1f\x8b", {"content_encoding": "gzip"}, 400),
        (gzip.compress(bytes(2 << 20)), {"content_encoding": "gzip"}, 413),
        (bytes(2 << 20), {}, 413),
        (b"x", {"content_type": "text/plain"}, 415),
        (b"x", {"content_encoding": "br"}, 415),
    ],
)
def test_refusals_name_the_reason(running: IntakeProcess, body: bytes, headers: dict[str, str], status: int) -> None:
    found, answer, told = running.post("/v1/traces", body, **headers)
    assert found == status
    if told["content-type"] == JSON:
        assert json.loads(answer)["message"]
    else:
        assert Status.FromString(answer).message


def test_other_paths_and_methods(running: IntakeProcess) -> None:
    assert running.post("/v1/profiles", b"")[0] == 404
    assert running.get("/v1/traces")[0] == 405
    assert running.get("/healthz") == (200, {"status": "ok"})


def test_ready_when_rows_reach_clickhouse(running: IntakeProcess) -> None:
    status, story = running.get("/readyz")
    assert (status, story["ready"], story["accepting"], story["reason"]) == (200, True, True, "")


def test_browsers_of_the_shop_may_send_and_no_others(running: IntakeProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.settings.intake_http_port)
    shop = f"http://127.0.0.1:{running.settings.shop_port}"
    asked = {"Origin": shop, "Access-Control-Request-Headers": "content-type,authorization"}
    connection.request("OPTIONS", "/v1/logs", headers=asked)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == shop
    assert answer.headers["access-control-allow-headers"] == "content-type,authorization"
    status, _, headers = running.post("/v1/traces", b"")
    assert (status, "access-control-allow-origin" in headers) == (200, False)
    connection.request("OPTIONS", "/v1/logs", headers={**asked, "Origin": "http://evil.example"})
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (403, None)


def test_grpc(running: IntakeProcess, tables: Database) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{running.settings.intake_grpc_port}") as channel:
        stub = TraceServiceStub(channel)
        assert stub.Export(ExportTraceServiceRequest.FromString(spans())) == ExportTraceServiceResponse()
        compressed = stub.Export(ExportTraceServiceRequest.FromString(spans()), compression=grpc.Compression.Gzip)
        assert compressed == ExportTraceServiceResponse()
        raw = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            raw(b"hello")
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT  # pyright: ignore[reportAttributeAccessIssue]
    stored(tables, 2)


def test_browser_recordings_are_stored_apart(running: IntakeProcess, tables: Database) -> None:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for number in range(6):
        record = records.add(time_unix_nano=time.time_ns(), body=AnyValue(string_value=f"record {number}"))
        if number % 3 == 0:
            record.attributes.add(key="rr-web.event", value=AnyValue(string_value="1"))
    assert running.post("/v1/logs", request.SerializeToString())[0] == 200
    until(lambda: count(tables, "hyperdx_sessions") == 2)
    until(lambda: count(tables, "otel_logs") == 4)


def _malformed(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    """A body that no OTLP client sends, with its headers."""
    good = spans()
    nested = b""
    for _ in range(150):
        nested = b"\x0a" + bytes([len(nested) & 127]) + nested[:120]
    kinds = [
        (good[: chance.randrange(1, len(good))][:-1] or b"\x0a", {}),
        (b"\x08" + bytes([chance.randrange(128)]), {}),
        (b"\x0a\xff\xff\xff\xff\x0f" + good, {}),
        (b"\xff" + chance.randbytes(chance.randrange(200)), {}),
        (nested, {}),
        (b'{"resourceSpans":' * 500, {"content_type": JSON}),
        (chance.randbytes(100), {"content_type": JSON}),
        (chance.randbytes(100), {"content_encoding": "gzip"}),
        (chance.randbytes(100), {"content_encoding": "zstd"}),
        (GZIP_BOMB, {"content_encoding": "gzip"}),
        (ZSTD_BOMB, {"content_encoding": "zstd"}),
    ]
    return chance.choice(kinds)


def test_malformed_bodies_are_refused_and_good_ones_between_are_stored(
    running: IntakeProcess, tables: Database
) -> None:
    assert running.process
    process = psutil.Process(running.process.pid)
    chance = random.Random(7)
    good, statuses = 0, Counter[int]()
    connection = http.client.HTTPConnection("127.0.0.1", running.settings.intake_http_port)

    def post(signal: str, body: bytes, headers: dict[str, str]) -> int:
        named = {"content-type": PROTOBUF} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", f"/v1/{signal}", body, named)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    for number in range(MALFORMED):
        statuses[post(chance.choice(("traces", "logs", "metrics")), *_malformed(chance))] += 1
        if number % 100 == 0:
            assert post("traces", spans(), {}) == 200
            good += 1
    connection.close()
    print(f"{MALFORMED} malformed bodies by status: {dict(statuses)}; {process.memory_info().rss >> 20} MiB")
    assert set(statuses) <= {400, 413}
    stored(tables, good)
    assert process.memory_info().rss < 200 << 20
    assert not running.dead_letters.exists()


def test_a_grpc_body_that_unpacks_to_much_is_refused(running: IntakeProcess) -> None:
    assert running.process
    process = psutil.Process(running.process.pid)
    with grpc.insecure_channel(
        f"127.0.0.1:{running.settings.intake_grpc_port}", options=[("grpc.max_send_message_length", -1)]
    ) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        for _ in range(3):
            with pytest.raises(grpc.RpcError) as caught:
                export(bytes(128 << 20), compression=grpc.Compression.Gzip)
            status = caught.value.code()  # pyright: ignore[reportAttributeAccessIssue]
            assert status == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert process.memory_info().rss < 200 << 20


def test_half_a_request_harms_nobody(running: IntakeProcess, tables: Database) -> None:
    for head in (b"POST /v1/traces HTTP/1.1\r\nContent-Le", b"\x16\x03\x01\x00", b"POST / HTTP/9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", running.settings.intake_http_port)) as connection:
            connection.sendall(head)
    assert running.post("/v1/traces", spans())[0] == 200
    stored(tables, 1)


def test_token(server: Settings, tmp_path) -> None:
    with intake(server, tmp_path, INTAKE_TOKEN="s3cret") as guarded:
        assert guarded.post("/v1/traces", spans())[0] == 401
        assert guarded.post("/v1/traces", spans(), authorization="Bearer wrong")[0] == 401
        assert guarded.post("/v1/traces", spans(), authorization="Bearer s3cret")[0] == 200
        assert guarded.post("/v1/traces", spans(), authorization="s3cret")[0] == 200
        with grpc.insecure_channel(f"127.0.0.1:{guarded.settings.intake_grpc_port}") as channel:
            stub = TraceServiceStub(channel)
            request = ExportTraceServiceRequest.FromString(spans())
            stub.Export(request, metadata=(("authorization", "Bearer s3cret"),))
            with pytest.raises(grpc.RpcError) as caught:
                stub.Export(request)
            assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED  # pyright: ignore[reportAttributeAccessIssue]
        assert guarded.stop() == 0


def test_a_full_spool_asks_clients_to_come_back(server: Settings, tmp_path) -> None:
    nowhere = server.model_copy(update={"clickhouse_port": 1})
    with intake(nowhere, tmp_path, INTAKE_SPOOL_MB="16") as full:
        large = spans("x" * (1 << 20))
        status, headers = 200, {}
        while status == 200:
            status, _, headers = full.post("/v1/traces", large)
        assert status == 503
        assert int(headers["retry-after"]) > 0
        with grpc.insecure_channel(f"127.0.0.1:{full.settings.intake_grpc_port}") as channel:
            with pytest.raises(grpc.RpcError) as caught:
                TraceServiceStub(channel).Export(ExportTraceServiceRequest.FromString(large))
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE  # pyright: ignore[reportAttributeAccessIssue]
            trailing: Any = caught.value.trailing_metadata()  # pyright: ignore[reportAttributeAccessIssue]
            trailers = dict(trailing)
            details = Status.FromString(trailers["grpc-status-details-bin"]).details[0]
            retry = RetryInfo()
            assert details.Unpack(retry)
            assert retry.retry_delay.seconds > 0
        status, story = full.get("/readyz")
        assert (status, story["accepting"]) == (503, False)
