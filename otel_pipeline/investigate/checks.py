"""What to look at next: commands and queries that run as they stand.

They hold text out of telemetry, which anybody may have written: it is quoted for the shell and for SQL.
"""

import re
import shlex
from collections.abc import Sequence
from datetime import datetime

from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.model import CauseFound, Change, Deploy, MetricMove, Skew

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
    service = f"--service={shlex.quote(_plain(top.service))}"
    for deploy in deploys:
        if deploy.service == top.service and deploy.kind == "release" and deploy.lead >= 0:
            new, old = _plain(deploy.after), _plain(deploy.before)
            checks.append(f"# see what {new} of {_plain(top.service)} changed, and roll back to {old}")
            break
    for move in [m for m in metrics if m.service == top.service][:1]:
        checks.append(sql(metric_query(move, focus)))
    if examples:
        trace = shlex.quote(_plain(examples[0]))
        checks += [f"otel-pipeline investigate --trace={trace}", f"otel-pipeline similar -- {trace}"]
    new = next((c for c in changes if c.service == top.service and c.kind in ("new log line", "more log lines")), None)
    if new:
        text = shlex.quote(_plain(new.what)[:WORDS])
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
    key = literal(value.key)
    attribute = f"if(mapContains(SpanAttributes, {key}), SpanAttributes[{key}], ResourceAttributes[{key}])"
    return (
        f"SELECT {attribute} AS Value, count() AS Spans, countIf({FAILED}) AS Failed FROM otel_traces"
        f" WHERE Timestamp BETWEEN {_time(focus.start)} AND {_time(focus.end)} AND Value != ''"
        " GROUP BY Value ORDER BY Failed DESC LIMIT 20"
    )


def sql(query: str) -> str:
    """A query as it is put to the server."""
    return f"SQL: {query}"


def literal(text: str) -> str:
    """A string of SQL."""
    return "'" + _plain(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _plain(text: str) -> str:
    """Without what moves a terminal's cursor or ends a line."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+", " ", text)


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}"


def _time(instant: datetime) -> str:
    return f"toDateTime64('{instant:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"
