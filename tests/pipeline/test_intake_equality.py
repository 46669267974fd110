"""What the intake stores equals what a plain decoder makes of the same bytes: every kind of value, every signal."""

import math
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from otel_pipeline.clickhouse import Database
from otel_pipeline.intake.values import flatten
from otel_pipeline.settings import Settings
from tests.support import otlp_reference as reference
from tests.support.intake import rows, store

HOUR = 3600 * 10**9
# Examples are few, because each is an INSERT; each holds hundreds of values.
FEW = hypothesis_settings(
    max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)

PLAIN_TOO = pytest.mark.parametrize("plain", [False, True], ids=["with collections", "plain"])

AWKWARD_TEXTS = [
    *map(chr, range(160)),
    "",
    '"\\/',
    "<b>&</b>",
    "\x00\x0f\x1f\x7f",
    "\u2028\u2029",
    "日本 \x1b 𝄞",
    "\\u000F",
]
AWKWARD_DOUBLES = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    1e-6,
    9.99e-7,
    1e-7,
    -1.5e-10,
    5e-324,
    1e20,
    1.2345678901234567e20,
    1e21,
    -1e300,
]
AWKWARD_DOUBLES += [math.pi, 2.0**53, 2.0**63, 0.1 + 0.2, math.nan, math.inf, -math.inf]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(AWKWARD_TEXTS)
DOUBLES = st.floats() | st.sampled_from(AWKWARD_DOUBLES)
SCALARS = (
    st.builds(AnyValue, string_value=TEXT)
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, double_value=DOUBLES)
    | st.builds(AnyValue, bytes_value=st.binary(max_size=8))
    | st.just(AnyValue())
)


def _collections(values):
    arrays = st.lists(values, max_size=4).map(lambda items: AnyValue(array_value=ArrayValue(values=items)))
    pairs = st.builds(KeyValue, key=TEXT, value=values)
    objects = st.lists(pairs, max_size=4).map(lambda items: AnyValue(kvlist_value=KeyValueList(values=items)))
    return arrays | objects


FLAT = SCALARS | _collections(SCALARS)
DEEP = st.recursive(SCALARS, _collections, max_leaves=8)


def same(found: Any, expected: Any) -> bool:
    """Equality in which NaN equals NaN."""
    if isinstance(expected, float):
        return found == expected or (math.isnan(found) and math.isnan(expected))
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return found == expected


def assert_rows(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare row by row, column by column."""
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert row.keys() == wanted.keys()
        for column, value in wanted.items():
            assert same(row[column], value), (column, row[column], value)


def assert_values(settings: Settings, database: Database, values: list[AnyValue]) -> None:
    """Store the values as attributes and as bodies of log records; compare."""
    database.client.command("TRUNCATE TABLE otel_logs")
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    now = time.time_ns()
    for place, value in enumerate(values):
        record = records.add(time_unix_nano=now + place, body=value)
        record.attributes.add(key="value", value=value)
        record.attributes.add(key="place", value=AnyValue(int_value=place))
    store(settings, "logs", request.SerializeToString(), token=str(now))
    assert_rows(rows(database, "otel_logs", "Timestamp"), reference.logs(request))


def test_awkward_values(settings: Settings, database: Database) -> None:
    scalars = [AnyValue(string_value=text) for text in AWKWARD_TEXTS]
    scalars += [AnyValue(double_value=double) for double in AWKWARD_DOUBLES]
    scalars += [AnyValue(int_value=-(2**63)), AnyValue(bool_value=False), AnyValue(bytes_value=b"\xff\x00"), AnyValue()]
    scalars += [AnyValue(bytes_value=b""), AnyValue(string_value="")]
    arrays = [AnyValue(array_value=ArrayValue(values=[value])) for value in scalars]
    objects = [AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=value)])) for value in scalars]
    named = [KeyValueList(values=[KeyValue(key=text, value=AnyValue(int_value=1))]) for text in AWKWARD_TEXTS]
    repeated = KeyValueList(values=[KeyValue(key=key, value=scalars[n]) for n, key in enumerate("babcab")])
    empty = [AnyValue(array_value=ArrayValue()), AnyValue(kvlist_value=KeyValueList())]
    objects += [AnyValue(kvlist_value=pairs) for pairs in [*named, repeated]]
    assert_values(settings, database, [*scalars, *arrays, *objects, *empty])
    assert_values(settings, database, scalars)  # these alone are plain: other statements


@FEW
@given(values=st.lists(FLAT, min_size=150, max_size=200))
def test_values_as_the_engine_writes_them(settings: Settings, database: Database, values: list[AnyValue]) -> None:
    assert_values(settings, database, values)


@FEW
@given(values=st.lists(DEEP, min_size=50, max_size=80))
def test_deeply_nested_values(settings: Settings, database: Database, values: list[AnyValue]) -> None:
    assert_values(settings, database, values)


def _pairs(seed: int) -> list[KeyValue]:
    return [
        KeyValue(key="text", value=AnyValue(string_value=f"v{seed}")),
        KeyValue(key="number", value=AnyValue(double_value=seed / 7)),
        KeyValue(key="list", value=AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=seed)]))),
    ]


@PLAIN_TOO
def test_spans(settings: Settings, database: Database, plain: bool) -> None:
    now = time.time_ns()
    request = ExportTraceServiceRequest()
    for resource_number in range(2):
        resource_spans = request.resource_spans.add(schema_url="https://example.org/1")
        service = AnyValue(string_value=f"service-{resource_number}")
        resource_spans.resource.attributes.extend(
            [KeyValue(key="service.name", value=service), *_pairs(resource_number)]
        )
        for scope_number in range(2):
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.scope.name, scope_spans.scope.version = f"scope-{scope_number}", "2"
            for number in range(8):
                at = now + resource_number * 1000 + scope_number * 100 + number
                span = scope_spans.spans.add(
                    trace_id=bytes(16) if number == 7 else bytes([number + 1] * 16),
                    span_id=bytes([number + 1] * 8),
                    parent_span_id=b"" if number == 0 else bytes([number] * 8),
                    trace_state="a=b",
                    name=f"operation {number}",
                    kind=number,  # pyright: ignore[reportArgumentType]  # 6 and 7 are no kinds
                    start_time_unix_nano=at,
                    end_time_unix_nano=at + 5 - number,
                    attributes=_pairs(number),
                )
                span.status.code, span.status.message = number % 4, "why"  # pyright: ignore[reportAttributeAccessIssue]
                for event in range(number % 3):
                    span.events.add(time_unix_nano=at + event, name=f"event {event}", attributes=_pairs(event))
                    span.links.add(trace_id=bytes([event] * 16), span_id=bytes([9] * 8), attributes=_pairs(event + 5))
    request.resource_spans.add().scope_spans.add().spans.add(start_time_unix_nano=now + HOUR)
    if plain:
        flatten(request)
    store(settings, "traces", request.SerializeToString())
    assert_rows(rows(database, "otel_traces", "Timestamp"), reference.spans(request))


@PLAIN_TOO
def test_log_records(settings: Settings, database: Database, plain: bool) -> None:
    now = time.time_ns()
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add(schema_url="https://example.org/resource")
    resource_logs.resource.attributes.add(key="service.name", value=AnyValue(string_value="pay"))
    scope_logs = resource_logs.scope_logs.add(schema_url="https://example.org/scope")
    scope_logs.scope.name, scope_logs.scope.version = "logger", "1"
    scope_logs.scope.attributes.extend(_pairs(3))
    scope_logs.log_records.add(
        time_unix_nano=now,
        observed_time_unix_nano=now + 5,
        severity_number=17,  # pyright: ignore[reportArgumentType]
        severity_text="ERROR",
        flags=257,
        trace_id=bytes([1] * 16),
        span_id=bytes([2] * 8),
        event_name="paid",
        body=AnyValue(string_value="declined"),
        attributes=_pairs(1),
    )
    scope_logs.log_records.add(observed_time_unix_nano=now + 7)
    if plain:
        flatten(request)
    store(settings, "logs", request.SerializeToString())
    assert_rows(rows(database, "otel_logs", "Timestamp"), reference.logs(request))


def _metrics(now: int) -> ExportMetricsServiceRequest:
    """Every kind of metric, twice, in one request."""
    request = ExportMetricsServiceRequest()
    for number in range(2):
        resource_metrics = request.resource_metrics.add(schema_url="https://example.org/resource")
        resource_metrics.resource.attributes.add(key="service.name", value=AnyValue(string_value=f"pay-{number}"))
        scope_metrics = resource_metrics.scope_metrics.add(schema_url="https://example.org/scope")
        scope_metrics.scope.name, scope_metrics.scope.dropped_attributes_count = "meter", 4
        scope_metrics.scope.attributes.extend(_pairs(2))

        def common(place: int, number: int = number) -> dict[str, Any]:
            at = now + number * 100 + place
            return {"start_time_unix_nano": at - 9, "time_unix_nano": at, "attributes": _pairs(place), "flags": place}

        def add(name: str, scope_metrics=scope_metrics):
            return scope_metrics.metrics.add(name=name, description=f"about {name}", unit="ms")

        points = add("gauge").gauge.data_points
        points.add(as_int=-(2**40), **common(0))
        points.add(as_double=math.inf, **common(1))
        points.add(**common(2)).exemplars.add(as_int=3, time_unix_nano=now, filtered_attributes=_pairs(8))
        metric = add("sum").sum
        metric.aggregation_temporality, metric.is_monotonic = 2, True  # pyright: ignore[reportAttributeAccessIssue]
        point = metric.data_points.add(as_double=0.5, **common(0))
        point.exemplars.add(as_double=2.5, time_unix_nano=now, trace_id=bytes([1] * 16), span_id=bytes([2] * 8))
        metric = add("histogram").histogram
        metric.aggregation_temporality = 1  # pyright: ignore[reportAttributeAccessIssue]
        metric.data_points.add(
            count=7, sum=9.5, bucket_counts=[1, 2, 4], explicit_bounds=[0.5, 10], min=0.1, max=11.0, **common(0)
        )
        metric.data_points.add(count=0, **common(1))
        metric = add("exponential").exponential_histogram
        point = metric.data_points.add(count=7, sum=-9.5, scale=-3, zero_count=2, min=-1, max=4, **common(0))
        point.positive.offset, point.negative.offset = -4, 5
        point.positive.bucket_counts.extend([1, 0, 300])
        point.negative.bucket_counts.extend([2])
        point = add("summary").summary.data_points.add(count=3, sum=4.5, **common(0))
        for quantile in (0.5, 0.99):
            point.quantile_values.add(quantile=quantile, value=quantile * 10)
    return request


@PLAIN_TOO
def test_metrics(settings: Settings, database: Database, plain: bool) -> None:
    request = _metrics(time.time_ns())
    if plain:
        flatten(request)
    store(settings, "metrics", request.SerializeToString())
    for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
        found = rows(database, f"otel_metrics_{kind}", "TimeUnix")
        assert_rows(found, sorted(reference.points(request, kind), key=lambda row: row["TimeUnix"]))
        assert found
