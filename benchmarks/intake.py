"""``make bench-intake``: what the intake takes in, beside the engine alone and beside a Python row loop, in one run.

Everything runs on this machine: the load, the intake, ClickHouse. A rate counts records that were acknowledged *and*
queryable, from the first request to the moment when the last one could be read. The two ratios come from slices that
alternate (intake, Native, Python loop, intake …), so that what else the machine does hits all of them; each is the
median over the rounds. All three insert the same spans, into the same table with the same materialized views, with two
INSERTs at a time. Native gets its blocks ready-made, from memory, with nothing made durable before; the intake's rate
has everything in it: the clients, HTTP, validation, the spool with its fsyncs.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.intake_measure import INTAKE, PYTHON_LOOP, intake, measure, native, native_blocks
from otel_pipeline.clickhouse import Database
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings

ROUNDS = 3
RECORDS = 512


def say(text: str) -> None:
    """Progress, beside the figures."""
    print(text, file=sys.stderr, flush=True)


def empty_tables(settings: Settings) -> None:
    """Empty the raw tables, so that no earlier measurement's merges disturb the next."""
    with Database(settings) as db:
        for table in ("otel_traces", "otel_logs", "otel_traces_trace_id_ts", "raw_arrivals"):
            db.client.command(f"TRUNCATE TABLE {table}")


def told(title: str, found: dict[str, Any]) -> dict[str, Any]:
    """Say a measurement, and return it."""
    figures = {name: round(value, 2) if value < 1000 else round(value) for name, value in found.items()}
    say(f"{title}: {json.dumps(figures)}")
    return found


def ratios(settings: Settings, blocks: list[tuple[int, bytes]], seconds: float) -> tuple[float, float]:
    """The intake's rate over Native's, and over the Python loop's: medians of alternating slices."""
    empty_tables(settings)
    with intake(settings, INTAKE) as ours, intake(settings, PYTHON_LOOP) as loop:
        of_native, of_loop = [], []
        for number in range(1, ROUNDS + 1):
            rate = told(f"round {number}, intake", measure(ours, "traces", seconds))["rate"]
            alone = told(f"round {number}, the engine alone, Native", native(settings, blocks, seconds))["rate"]
            slow = told(f"round {number}, Python loop", measure(loop, "traces", seconds))["rate"]
            of_native.append(rate / alone)
            of_loop.append(rate / slow)
    return statistics.median(of_native), statistics.median(of_loop)


def main() -> None:
    """Run all measurements and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="length of the sustained run")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="bench-intake-") as folder, temporary_server(Path(folder)) as settings:
        with intake(settings, INTAKE) as running:
            spans = told("spans, as fast as they are acknowledged", measure(running, "traces", seconds))
            half = spans["rate"] / RECORDS / 2
            blocks = native_blocks(settings)
            empty_tables(settings)
            calm = told(f"spans at half load, {half:.0f} bodies/s", measure(running, "traces", seconds / 3, half))
            logs = told("log records, as fast as they are acknowledged", measure(running, "logs", seconds / 4))
        of_native, of_loop = ratios(settings, blocks, seconds / 8)
    result = {
        "spans_per_s": round(spans["rate"]),
        "logs_per_s": round(logs["rate"]),
        "ratio_native": round(of_native, 2),
        "ratio_python_loop": round(of_loop, 2),
        "ack_p50_ms": round(calm["ack_p50_ms"], 1),
        "ack_p99_ms": round(calm["ack_p99_ms"], 1),
        "lag_p95_s": round(max(spans["lag_p95_s"], calm["lag_p95_s"]), 2),
        "intake_rss_mb": round(max(spans["rss_mb"], logs["rss_mb"], calm["rss_mb"])),
        "cpu_s_per_million_spans": {part: round(spans[f"{part}_cpu_us"], 2) for part in ("engine", "intake", "client")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
