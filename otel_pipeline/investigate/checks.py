"""What to look at next: commands and queries that run as they stand.

They hold text out of telemetry, which anybody may have written: it is quoted for the shell and for SQL.
"""

import shlex
from collections.abc import Sequence
from datetime import datetime

from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.model import CauseFound, Change, Deploy, MetricMove, Skew
from otel_pipeline.sanitize import one_line

FAILED = "otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`)"
SHOWN = 6
WORDS = 80


def next_checks(
    focus: Window,
    top: CauseFound,
    *,
    examples: Sequence[str],
    changes: Sequence[Change] = (),
    metrics: Sequence[MetricMove] = (),
    deploys: Sequence[Deploy] = (),
    skew: Sequence[Skew] = (),
) -> list[str]:
    """Commands, the most telling first."""
    checks = []
    between = f"--from {_iso(focus.start)} --to {_iso(focus.end)}"
    service = f"--service={shlex.quote(one_line(top.service))}"
    for deploy in deploys:
        if deploy.service == top.service and deploy.kind == "release" and deploy.lead >= 0:
            new, old = one_line(deploy.after), one_line(deploy.before)
            checks.append(f"# see what {new} of {one_line(top.service)} changed, and roll back to {old}")
            break
    for move in [m for m in metrics if m.service == top.service][:1]:
        checks.append(sql(metric_query(move, focus)))
    if examples:
        trace = shlex.quote(one_line(examples[0]))
        checks += [f"otel-pipeline investigate --trace={trace}", f"otel-pipeline similar -- {trace}"]
    new = next((c for c in changes if c.service == top.service and c.kind in ("new log line", "more log lines")), None)
    if new:
        text = shlex.quote(one_line(new.what)[:WORDS])
        checks.append(f"otel-pipeline search {service} {between} -- {text}")
    for value in skew[:1]:
        checks.append(sql(skew_query(value, focus)))
    checks.append(f"otel-pipeline anomalies {between} {service}")
    return checks[:SHOWN]


def metric_query(move: MetricMove, focus: Window) -> str:
    """The course of a metric around the trouble."""
    value = "avg(Value), max(Value)" if move.kind != "tail" else "sum(Sum) / sum(Count), max(Max)"
    source = "otel_metrics_histogram" if move.kind == "tail" else "merge('^otel_metrics_(gauge|sum)$')"
    return (
        f"SELECT toStartOfInterval(TimeUnix, INTERVAL 10 SECOND) AS At, Attributes, {value} FROM {source}"
        f" WHERE ServiceName = {literal(move.service)} AND MetricName = {literal(move.metric)}"
        f" AND TimeUnix BETWEEN {_time(focus.start)} - 300 AND {_time(focus.end)} + 60"
        " GROUP BY At, Attributes ORDER BY Attributes, At"
    )


def skew_query(value: Skew, focus: Window) -> str:
    """Failed spans by the values of an attribute."""
    terms = [key for key, _ in value.terms] or [value.key]
    names = [literal(key) for key in terms]
    parts = [
        f"if(mapContains(SpanAttributes, {key}), SpanAttributes[{key}], ResourceAttributes[{key}])" for key in names
    ]
    attribute = parts[0]
    if len(parts) > 1:  # attributes of several spans come together in a trace
        return _together(parts, focus)
    return (
        f"SELECT {attribute} AS Value, count() AS Spans, countIf({FAILED}) AS Failed FROM otel_traces"
        f" WHERE Timestamp BETWEEN {_time(focus.start)} AND {_time(focus.end)} AND Value != ''"
        " GROUP BY Value ORDER BY Failed DESC LIMIT 20"
    )


def _together(parts: Sequence[str], focus: Window) -> str:
    """Traces, failed ones and how long they take, by the values of several attributes."""
    columns = ", ".join(f"anyIf({part}, {part} != '') AS Value{number}" for number, part in enumerate(parts, 1))
    names = ", ".join(f"Value{number}" for number in range(1, len(parts) + 1))
    return (
        f"SELECT {names}, count() AS Traces, countIf(Failed) AS Failed, median(Ms) AS MedianMs"
        f" FROM (SELECT TraceId, {columns},"
        f" countIf({FAILED}) > 0 AS Failed, max(Duration) / 1e6 AS Ms FROM otel_traces"
        f" WHERE Timestamp BETWEEN {_time(focus.start)} AND {_time(focus.end)} GROUP BY TraceId)"
        f" GROUP BY {names} ORDER BY Traces DESC LIMIT 20"
    )


def sql(query: str) -> str:
    """A query as it is put to the server."""
    return f"SQL: {query}"


def literal(text: str) -> str:
    """A string of SQL."""
    return "'" + one_line(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}"


def _time(instant: datetime) -> str:
    return f"toDateTime64('{instant:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"
