"""A plain decoder of OTLP requests into the rows that the Collector's clickhouse exporter writes: slow and obvious.

Follows the exporter's Go code: ``pcommon.Value.AsString``, Go's ``encoding/json`` without HTML escaping, ids as hex.
Times are nanoseconds since the epoch.
"""

import base64
import math
from decimal import Decimal
from typing import Any

KINDS = {0: "Unspecified", 1: "Internal", 2: "Server", 3: "Client", 4: "Producer", 5: "Consumer"}
STATUS = {0: "Unset", 1: "Ok", 2: "Error"}
JSON_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
JSON_ESCAPES |= {"\u2028": "\\u2028", "\u2029": "\\u2029"}


class NotJson(Exception):
    """Go's encoder refuses NaN and infinities."""


def go_float(value: float) -> str:
    """``strconv.AppendFloat(f, 'f' or 'e', -1, 64)`` as ``float64AsString`` uses it."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    text = "".join(map(str, digits))
    if 1e-6 <= abs(value) < 1e21:
        point = len(text) + exponent
        if exponent >= 0:
            plain = text + "0" * exponent
        elif point > 0:
            plain = f"{text[:point]}.{text[point:]}"
        else:
            plain = "0." + "0" * -point + text
    else:
        power = len(text) - 1 + exponent
        mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
        plain = f"{mantissa}e{'-' if power < 0 else '+'}{abs(power)}"
    return ("-" if sign else "") + plain


def go_json_string(text: str) -> str:
    """A Go JSON string."""
    out = [JSON_ESCAPES.get(c, f"\\u{ord(c):04x}" if c < " " else c) for c in text]
    return '"' + "".join(out) + '"'


def go_json(value) -> str:  # noqa: PLR0911
    """``json.Marshal(value.AsRaw())``."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return go_json_string(value.string_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "int_value":
        return str(value.int_value)
    if kind == "double_value":
        if not math.isfinite(value.double_value):
            raise NotJson
        return go_float(value.double_value)
    if kind == "bytes_value":
        return go_json_string(base64.b64encode(value.bytes_value).decode()) if value.bytes_value else "null"
    if kind == "array_value":
        return "[" + ",".join([go_json(item) for item in value.array_value.values]) + "]"
    if kind == "kvlist_value":
        members: dict[str, Any] = {}
        for pair in value.kvlist_value.values:
            members[pair.key] = pair.value
        names = sorted(members, key=lambda name: name.encode())
        return "{" + ",".join([go_json_string(name) + ":" + go_json(members[name]) for name in names]) + "}"
    return "null"


def as_string(value) -> str:
    """``pcommon.Value.AsString``."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind == "double_value" and not math.isfinite(value.double_value):
        word = "NaN" if math.isnan(value.double_value) else "+Inf" if value.double_value > 0 else "-Inf"
        return f"json: unsupported value: {word}"
    if kind is None:
        return ""
    try:
        return go_json(value)
    except NotJson:
        return ""


def attributes(pairs) -> dict[str, str]:
    """A map of attributes."""
    return {pair.key: as_string(pair.value) for pair in pairs}


def hex_id(raw: bytes) -> str:
    """A trace or span id; '' when it is absent or all zeros."""
    return raw.hex() if any(raw) else ""


def spans(request) -> list[dict[str, Any]]:
    """Rows of otel_traces."""
    rows = []
    for resource_spans in request.resource_spans:
        resource = attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                rows.append(
                    {
                        "Timestamp": span.start_time_unix_nano,
                        "TraceId": hex_id(span.trace_id),
                        "SpanId": hex_id(span.span_id),
                        "ParentSpanId": hex_id(span.parent_span_id),
                        "TraceState": span.trace_state,
                        "SpanName": span.name,
                        "SpanKind": KINDS.get(span.kind, ""),
                        "ServiceName": resource.get("service.name", ""),
                        "ResourceAttributes": resource,
                        "ScopeName": scope_spans.scope.name,
                        "ScopeVersion": scope_spans.scope.version,
                        "SpanAttributes": attributes(span.attributes),
                        "Duration": max(0, span.end_time_unix_nano - span.start_time_unix_nano),
                        "StatusCode": STATUS.get(span.status.code, ""),
                        "StatusMessage": span.status.message,
                        "Events.Timestamp": [event.time_unix_nano for event in span.events],
                        "Events.Name": [event.name for event in span.events],
                        "Events.Attributes": [attributes(event.attributes) for event in span.events],
                        "Links.TraceId": [hex_id(link.trace_id) for link in span.links],
                        "Links.SpanId": [hex_id(link.span_id) for link in span.links],
                        "Links.TraceState": [link.trace_state for link in span.links],
                        "Links.Attributes": [attributes(link.attributes) for link in span.links],
                    }
                )
    return rows


def logs(request) -> list[dict[str, Any]]:
    """Rows of otel_logs."""
    rows = []
    for resource_logs in request.resource_logs:
        resource = attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                rows.append(
                    {
                        "Timestamp": record.time_unix_nano or record.observed_time_unix_nano,
                        "TraceId": hex_id(record.trace_id),
                        "SpanId": hex_id(record.span_id),
                        "TraceFlags": record.flags & 255,
                        "SeverityText": record.severity_text,
                        "SeverityNumber": record.severity_number,
                        "ServiceName": resource.get("service.name", ""),
                        "Body": as_string(record.body),
                        "ResourceSchemaUrl": resource_logs.schema_url,
                        "ResourceAttributes": resource,
                        "ScopeSchemaUrl": scope_logs.schema_url,
                        "ScopeName": scope_logs.scope.name,
                        "ScopeVersion": scope_logs.scope.version,
                        "ScopeAttributes": attributes(scope_logs.scope.attributes),
                        "LogAttributes": attributes(record.attributes),
                        "EventName": record.event_name,
                    }
                )
    return rows


def _value(point) -> float:
    kind = point.WhichOneof("value")
    return float(getattr(point, kind)) if kind else 0.0


def _exemplars(point) -> dict[str, Any]:
    return {
        "Exemplars.FilteredAttributes": [attributes(exemplar.filtered_attributes) for exemplar in point.exemplars],
        "Exemplars.TimeUnix": [exemplar.time_unix_nano for exemplar in point.exemplars],
        "Exemplars.Value": [_value(exemplar) for exemplar in point.exemplars],
        "Exemplars.SpanId": [exemplar.span_id.hex() or "0" * 16 for exemplar in point.exemplars],
        "Exemplars.TraceId": [exemplar.trace_id.hex() or "0" * 32 for exemplar in point.exemplars],
    }


def _specific(kind: str, metric, point) -> dict[str, Any]:
    """The columns that only this kind of metric has."""
    if kind in ("gauge", "sum"):
        row = {"Value": _value(point), **_exemplars(point)}
        if kind == "sum":
            row |= {
                "AggregationTemporality": metric.sum.aggregation_temporality,
                "IsMonotonic": metric.sum.is_monotonic,
            }
        return row
    row = {"Count": point.count, "Sum": point.sum}
    if kind == "summary":
        quantiles = list(point.quantile_values)
        return row | {
            "ValueAtQuantiles.Quantile": [quantile.quantile for quantile in quantiles],
            "ValueAtQuantiles.Value": [quantile.value for quantile in quantiles],
        }
    row |= {"Min": point.min, "Max": point.max, **_exemplars(point)}
    row["AggregationTemporality"] = getattr(metric, kind).aggregation_temporality
    if kind == "histogram":
        return row | {"BucketCounts": list(point.bucket_counts), "ExplicitBounds": list(point.explicit_bounds)}
    return row | {
        "Scale": point.scale,
        "ZeroCount": point.zero_count,
        "PositiveOffset": point.positive.offset,
        "PositiveBucketCounts": list(point.positive.bucket_counts),
        "NegativeOffset": point.negative.offset,
        "NegativeBucketCounts": list(point.negative.bucket_counts),
    }


def points(request, kind: str) -> list[dict[str, Any]]:
    """Rows of ``otel_metrics_<kind>``."""
    rows = []
    for resource_metrics in request.resource_metrics:
        resource = attributes(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            scope = scope_metrics.scope
            for metric in scope_metrics.metrics:
                if metric.WhichOneof("data") != kind:
                    continue
                for point in getattr(metric, kind).data_points:
                    rows.append(
                        {
                            "ResourceAttributes": resource,
                            "ResourceSchemaUrl": resource_metrics.schema_url,
                            "ScopeName": scope.name,
                            "ScopeVersion": scope.version,
                            "ScopeAttributes": attributes(scope.attributes),
                            "ScopeDroppedAttrCount": scope.dropped_attributes_count,
                            "ScopeSchemaUrl": scope_metrics.schema_url,
                            "ServiceName": resource.get("service.name", ""),
                            "MetricName": metric.name,
                            "MetricDescription": metric.description,
                            "MetricUnit": metric.unit,
                            "Attributes": attributes(point.attributes),
                            "StartTimeUnix": point.start_time_unix_nano,
                            "TimeUnix": point.time_unix_nano,
                            "Flags": point.flags,
                            **_specific(kind, metric, point),
                        }
                    )
    return rows
