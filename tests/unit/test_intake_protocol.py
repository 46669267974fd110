"""The door: what is a body, and what becomes of one that is not."""

import gzip
import json
import zlib

import pytest
import zstandard
from google.protobuf import json_format
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from otel_pipeline.intake.protocol import JSON, PROTOBUF, BadBody, accept, decompress

LIMIT = 1 << 20


def spans(count: int = 2) -> ExportTraceServiceRequest:
    """A request of a few spans."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(count):
        span = scope.spans.add(trace_id=bytes([number + 1] * 16), span_id=bytes([1] * 8), name=f"span {number}")
        span.attributes.add(key="n", value=AnyValue(int_value=number))
    return request


def refused(signal: str, body: bytes, content_type: str = PROTOBUF) -> BadBody:
    with pytest.raises(BadBody) as caught:
        accept(signal, body, content_type)
    return caught.value


def test_a_common_body_passes_untouched() -> None:
    body = spans().SerializeToString()
    accepted = accept("traces", body, PROTOBUF)
    assert (accepted.kind, accepted.rejected) == ("plain_traces", 0)
    assert accepted.body is body


def test_an_array_of_scalars_passes_untouched() -> None:
    request = spans()
    value = AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="x")]))
    request.resource_spans[0].resource.attributes.add(key="process.command_args", value=value)
    body = request.SerializeToString()
    accepted = accept("traces", body, PROTOBUF)
    assert accepted.kind == "traces"
    assert accepted.body is body


@pytest.mark.parametrize("value", [AnyValue(array_value=ArrayValue()), AnyValue(kvlist_value=KeyValueList())])
def test_an_empty_collection_becomes_text(value: AnyValue) -> None:
    request = spans(1)
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="empty", value=value)
    accepted = accept("traces", request.SerializeToString(), PROTOBUF)
    stored = ExportTraceServiceRequest.FromString(accepted.body)
    found = stored.resource_spans[0].scope_spans[0].spans[0].attributes[1].value.string_value
    assert (accepted.kind, found) == ("plain_traces", "[]" if value.HasField("array_value") else "{}")


def test_a_deep_value_becomes_text() -> None:
    request = spans(1)
    inner = AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)]))
    deep = AnyValue(array_value=ArrayValue(values=[inner, AnyValue(string_value="x")]))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="deep", value=deep)
    stored = ExportTraceServiceRequest.FromString(accept("traces", request.SerializeToString(), PROTOBUF).body)
    assert stored.resource_spans[0].scope_spans[0].spans[0].attributes[1].value.string_value == '[[1],"x"]'


def test_an_empty_body_is_an_empty_request() -> None:
    assert accept("logs", b"", PROTOBUF).body == b""


def test_fields_of_a_newer_protocol_are_dropped() -> None:
    known = spans(1).SerializeToString()
    newer = known + bytes([200 << 3 & 127 | 128 | 2, 12, 3]) + b"abc"
    assert accept("traces", newer, PROTOBUF).body == known


@pytest.mark.parametrize(
    "body",
    [
        b"\x08\x01",
        b"\x0a\x02\x08\x01",
        b"\x0a\x05abc",
        b"hello",
        b"\xff" * 50,
        spans().SerializeToString()[:-3],
        b"\x7a\x01x",
    ],
    ids=["wrong type", "wrong type inside", "truncated", "text", "ones", "cut", "unknown only"],
)
def test_what_is_no_request_is_a_bad_one(body: bytes) -> None:
    assert refused("traces", body).status == 400


def test_broken_text_costs_only_its_broken_bytes() -> None:
    body = spans(3).SerializeToString().replace(b"span 1", b"span \xff")
    accepted = accept("traces", body, PROTOBUF)
    assert accepted.rejected == 0
    assert "UTF-8" in accepted.reason
    kept = ExportTraceServiceRequest.FromString(accepted.body).resource_spans[0].scope_spans[0].spans
    assert [span.name for span in kept] == ["span 0", "span \ufffd", "span 2"]


def test_a_latin_1_byte_anywhere_is_one_character(  # keys, values, names, nested values, log bodies
) -> None:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="k?", value=AnyValue(string_value="v?"))
    record = resource.scope_logs.add().log_records.add(body=AnyValue(string_value="caf? \0 fini"), time_unix_nano=1)
    inner = KeyValueList(values=[KeyValue(key="in?", value=AnyValue(string_value="x?"))])
    record.attributes.add(key="deep", value=AnyValue(array_value=ArrayValue(values=[AnyValue(kvlist_value=inner)])))
    accepted = accept("logs", request.SerializeToString().replace(b"?", b"\xe9"), PROTOBUF)
    kept = ExportLogsServiceRequest.FromString(accepted.body).resource_logs[0]
    assert [(pair.key, pair.value.string_value) for pair in kept.resource.attributes] == [("k\ufffd", "v\ufffd")]
    assert kept.scope_logs[0].log_records[0].body.string_value == "caf\ufffd \0 fini"
    assert kept.scope_logs[0].log_records[0].attributes[0].value.string_value == '[{"in\ufffd":"x\ufffd"}]'
    assert accepted.rejected == 0


@pytest.mark.parametrize("text", [b"caf\xe9", b"half \\ud83d", b"null \\u0000"])
def test_bytes_that_json_cannot_have_are_repaired(text: bytes) -> None:
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"%s"}}]}]}]}' % text
    record = ExportLogsServiceRequest.FromString(accept("logs", body, JSON).body)
    kept = record.resource_logs[0].scope_logs[0].log_records[0].body.string_value
    assert kept in ("caf\ufffd", "half \ufffd", "null \0")


def test_json_becomes_the_same_protobuf() -> None:
    request = spans(2)
    document = json.loads(json_format.MessageToJson(request))
    for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        span["traceId"], span["spanId"] = span["name"][-1].replace("0", "01").replace("1", "01") * 16, "01" * 8
    wanted = spans(2)
    for place, span in enumerate(wanted.resource_spans[0].scope_spans[0].spans):
        span.trace_id = bytes.fromhex(document["resourceSpans"][0]["scopeSpans"][0]["spans"][place]["traceId"])
    assert accept("traces", json.dumps(document).encode(), JSON).body == wanted.SerializeToString()


def test_json_ids_inside_values_stay_text() -> None:
    value = '"traceId":"5b8efff798038103d269b633813fc60c"'
    document = {
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": value}, "traceId": "0A" * 16}]}]}]
    }
    body = accept("logs", json.dumps(document).encode(), JSON).body
    record = ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0].log_records[0]
    assert record.body.string_value == value
    assert record.trace_id == bytes([10] * 16)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"resourceSpans": 5}',
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
        "[" * 20000,
    ],
)
def test_bad_json_is_a_bad_body(text: str) -> None:
    assert refused("traces", text.encode(), JSON).status == 400


def test_other_content_types_are_not_supported() -> None:
    assert refused("traces", b"{}", "text/plain").status == 415


def test_browser_recordings_have_a_segment_of_their_own() -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.attributes.add(key="rr-web.event", value=AnyValue(int_value=1))
    assert accept("logs", request.SerializeToString(), PROTOBUF).kind == "plain_sessions"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", b"body" * 100),
        ("identity", b"body" * 100),
        ("gzip", gzip.compress(b"body" * 100)),
        ("GZIP", gzip.compress(b"body" * 50) + gzip.compress(b"body" * 50)),
        ("deflate", zlib.compress(b"body" * 100)),
        ("zstd", zstandard.compress(b"body" * 100)),
        ("zstd", zstandard.compress(b"body" * 50) + zstandard.compress(b"body" * 50)),
    ],
)
def test_encodings(encoding: str, packed: bytes) -> None:
    assert decompress(packed, encoding, LIMIT) == b"body" * 100


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, zlib.compress], ids=["gzip", "zstd", "deflate"])
def test_damaged_and_oversized_bodies(pack) -> None:
    encoding = {gzip.compress: "gzip", zstandard.compress: "zstd", zlib.compress: "deflate"}[pack]
    good = pack(b"0123456789" * 1000)
    for bad in (good[:-5], good[: len(good) // 2], b"\x00" + good, good[:20] + bytes(8) + good[28:]):
        with pytest.raises(BadBody) as caught:
            decompress(bad, encoding, LIMIT)
        assert caught.value.status == 400
    with pytest.raises(BadBody) as caught:
        decompress(pack(bytes(LIMIT + 1)), encoding, LIMIT)
    assert caught.value.status == 413


def test_unknown_encodings() -> None:
    with pytest.raises(BadBody) as caught:
        decompress(b"", "br", LIMIT)
    assert caught.value.status == 415


@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    signal=st.sampled_from(["traces", "logs", "metrics"]),
    content_type=st.sampled_from([PROTOBUF, JSON]),
    body=st.binary(max_size=200)
    | st.builds(
        lambda at, byte, cut: (
            spans(3).SerializeToString()[:at] + bytes([byte]) + spans(3).SerializeToString()[at + 1 :]
        )[:cut],
        st.integers(0, 120),
        st.integers(0, 255),
        st.integers(0, 200),
    ),
)
def test_any_bytes_are_taken_or_refused_and_nothing_else(signal: str, content_type: str, body: bytes) -> None:
    """What is taken must be a request again, and nothing the engine would stumble over."""
    try:
        accepted = accept(signal, body, content_type)
    except BadBody as error:
        assert error.status == 400
        assert "\n" not in str(error)
    else:
        assert accept(signal, accepted.body, PROTOBUF).body == accepted.body
