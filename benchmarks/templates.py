"""How many log lines a second get their template in the engine, beside Drain3 on the same lines.

    python benchmarks/templates.py [--lines 2000000] [DIR with CSV files in the form of loghub]

Without a folder the lines are made up. Ends with one JSON line:
{"lines", "seconds", "lines_per_s", "mask_lines_per_s", "templates", "drain3_lines_per_s", "ratio"}.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.evaluation.templates import drain3, read
from otel_pipeline.localdb.launcher import temporary_server

DRAIN3_LINES = 20_000
ROUNDS = 3
KINDS = (
    "Payment {hex} of order {number} declined by gateway {word}: timeout after {number} ms",
    "GET /products/{number} 200 {number}ms user={word}",
    "connection from {ip} port {number} closed by peer",
    "cache miss for key session:{hex} in {number}.{number} ms",
    "worker {number} started on host {word}.example.internal",
    "retry {number} of 5 for job {hex}: connection refused ({ip}:{number})",
    "reserved {number} items of sku {word}-{number} in warehouse {word}",
    "slow query took {number} ms: SELECT * FROM orders WHERE id = {number}",
)


def made_up(count: int) -> list[str]:
    """Lines of a few kinds with random values, the same each time."""
    dice = random.Random(7)
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"]
    return [
        dice.choice(KINDS).format(
            hex=f"{dice.getrandbits(64):016x}",
            number=dice.randrange(100_000),
            word=dice.choice(words),
            ip=".".join(str(dice.randrange(256)) for _ in range(4)),
        )
        for _ in range(count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--lines", type=int, default=2_000_000)
    arguments = parser.parse_args()
    seed = [line for file in read(arguments.folder) for line in file.lines] if arguments.folder else made_up(50_000)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
    with tempfile.TemporaryDirectory() as home, temporary_server(Path(home)) as settings, Database(settings) as db:
        db.client.command("CREATE TABLE seed (Body String) ENGINE = Memory")
        db.insert("seed", [[line] for line in seed], ["Body"])
        db.client.command(
            "INSERT INTO otel_logs (Timestamp, ServiceName, SeverityText, TraceId, Body)"
            " SELECT {hour:DateTime} + toIntervalMillisecond(rand() % 3600000), toString(cityHash64(Body) % 8),"
            " 'INFO', hex(rand64()), Body FROM seed CROSS JOIN numbers({times:UInt64}) AS n LIMIT {lines:UInt64}",
            parameters={"hour": hour, "times": arguments.lines // len(seed) + 1, "lines": arguments.lines},
        )
        masking = min(_seconds(lambda: db.client.query(MASKING)) for _ in range(ROUNDS))
        first = _seconds(lambda: log_templates.materialize(db, hour))
        again = [_seconds(lambda: log_templates.materialize(db, hour)) for _ in range(ROUNDS)]
        templates = log_templates.materialize(db, hour).metrics["templates"]
    lines = (seed * (DRAIN3_LINES // len(seed) + 1))[:DRAIN3_LINES]
    baseline = DRAIN3_LINES / _seconds(lambda: drain3(lines))
    rate = arguments.lines / first
    print(f"first time {rate:,.0f} lines/s, again {arguments.lines / min(again):,.0f}; Drain3 {baseline:,.0f} lines/s")
    print(
        json.dumps(
            {
                "lines": arguments.lines,
                "seconds": round(first, 3),
                "lines_per_s": round(rate),
                "mask_lines_per_s": round(arguments.lines / masking),
                "templates": templates,
                "drain3_lines_per_s": round(baseline),
                "ratio": round(rate / baseline, 1),
            }
        )
    )


MASKING = "SELECT uniqExact(cityHash64(otel_pipeline_mask_v1(Body))) FROM otel_logs"


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
