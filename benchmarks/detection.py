"""Engine time of summaries, baseline and scores over one hour of made-up traces.

    python -m benchmarks.detection [--spans 100000 1000000]

A trace has ten spans on five services and five log lines. Ends with one JSON line:
{"sizes": [{"spans", "traces", "log_templates_s", "trace_summaries_s", "normal_centroid_s", "anomaly_scores_s",
"incidents_s", "total_s"}]}.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import anomaly_scores, incidents, log_templates, normal_centroid, trace_summaries
from otel_pipeline.detection.model import StepReport, Window
from otel_pipeline.detection.staging import scratch
from otel_pipeline.localdb.launcher import temporary_server

SPANS_A_TRACE = 10
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
SPANS = """
INSERT INTO otel_traces
    (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode)
SELECT
    fromUnixTimestamp64Nano(toInt64({begin:Int64} + trace * {step:Int64} + depth * 1000000)),
    lower(hex(MD5(toString(trace)))),
    lower(hex(cityHash64(trace, depth))),
    if(depth = 0, '', lower(hex(cityHash64(trace, depth - 1)))),
    if(depth % 2 = 0, concat('GET /', toString(trace % 7), '/', toString(depth)), 'GET'),
    if(depth % 2 = 0, 'Server', 'Client'),
    concat('service-', toString(intDiv(depth, 2))),
    toUInt64((12 - depth) * 2000000 * (1 + cityHash64(trace, 'x') % 100 / 100)),
    if(cityHash64(trace) % 200 = 0 AND depth >= 6, 'Error', 'Unset')
FROM (SELECT intDiv(number, 10) AS trace, number % 10 AS depth FROM numbers({spans:UInt64}))
"""
LINES = """
INSERT INTO otel_logs (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body)
SELECT
    fromUnixTimestamp64Nano(toInt64({begin:Int64} + trace * {step:Int64} + depth * 1000000)),
    lower(hex(MD5(toString(trace)))),
    lower(hex(cityHash64(trace, depth))),
    'INFO',
    9,
    concat('service-', toString(intDiv(depth, 2))),
    concat('answered request ', toString(cityHash64(trace) % 100000), ' of kind ', ['a', 'b', 'c'][trace % 3 + 1])
FROM (SELECT intDiv(number, 5) AS trace, number % 5 * 2 AS depth FROM numbers({spans:UInt64} / 2))
"""


def measure(db: Database, spans: int) -> dict[str, float]:
    """Seconds of each step over ``spans`` spans in one hour."""
    for table in ("otel_traces", "otel_logs"):
        db.client.command(f"TRUNCATE TABLE {table}")
    where = {"begin": int(HOUR.timestamp()) * 10**9, "step": 3_590 * 10**9 * SPANS_A_TRACE // spans, "spans": spans}
    db.client.command(SPANS, parameters=where)
    db.client.command(LINES, parameters=where)
    version = HOUR - timedelta(hours=1)

    def learn() -> StepReport:
        with scratch(db, 1) as (excluded,):
            db.run("evaluation__nothing", stage=excluded)
            return StepReport(normal_centroid.learn(db, version, [Window(HOUR, HOUR + timedelta(hours=1))], excluded))

    steps: dict[str, Callable[[], StepReport]] = {
        "log_templates": lambda: log_templates.materialize(db, HOUR),
        "trace_summaries": lambda: trace_summaries.materialize(db, HOUR),
        "normal_centroid": learn,
        "anomaly_scores": lambda: anomaly_scores.materialize(db, HOUR),
        "incidents": lambda: incidents.materialize(db, HOUR),
    }
    row: dict[str, float] = {"spans": spans, "traces": spans // SPANS_A_TRACE}
    for name, step in steps.items():
        began = time.monotonic()
        step()
        row[f"{name}_s"] = round(time.monotonic() - began, 2)
    row["total_s"] = round(sum(value for name, value in row.items() if name.endswith("_s")), 2)
    return row


def main() -> None:
    """Print one line a size, then all as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, nargs="+", default=[100_000, 1_000_000])
    sizes = []
    with tempfile.TemporaryDirectory() as home, temporary_server(Path(home)) as settings, Database(settings) as db:
        for spans in parser.parse_args().spans:
            sizes.append(measure(db, spans))
            print("  ".join(f"{name} {value:,}" for name, value in sizes[-1].items()), flush=True)
    print(json.dumps({"sizes": sizes}))


if __name__ == "__main__":
    main()
