"""Seven days of history are backfilled while the present goes on: the live delay before and during.

    python -m benchmarks.backfill [--days 7] [--spans 3000] [--rate 300] [--before 60] [DIR with recorded traces]

History (``--spans`` an hour) comes in through the importer, and is computed by `otel-pipeline materialize` as a process
of its own. Meanwhile spans come every second (``--rate``), and the present hour is run as the sensor does it. The delay
is that of a second's traces: from their end to the end of the run that has scored them. Ends with one JSON line:
{"hours", "spans", "import_s", "backfill_s", "before": {"p50_s", "p95_s", "runs"}, "during": {…}, "ratio_p50",
"ratio_p95"}.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks import amplify
from otel_pipeline import importer
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import HOUR
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import REPOSITORY, Settings

SENSOR_SECONDS = 5  # between two looks of the sensor; a run that takes longer is waited for


class Live:
    """Traffic of the present, and its runs, one after the other."""

    def __init__(self, settings: Settings, rate: int) -> None:
        self._settings, self._rate = settings, rate
        self._pending: list[float] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._write, self._run)]
        self.delays: list[tuple[float, float]] = []
        self.runs = 0

    def __enter__(self) -> "Live":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        with Database(self._settings) as db:
            second = 0
            while not self._ended.wait(1):
                second += 1
                now = datetime.now(UTC)
                amplify.write(db, now - timedelta(seconds=1), 1, self._rate, salt=10**6 + second)
                self._pending.append(now.timestamp())

    def _run(self) -> None:
        with Database(self._settings, comment={"benchmark": "live"}) as db:
            while not self._ended.wait(SENSOR_SECONDS - time.monotonic() % SENSOR_SECONDS):
                taken, self._pending = self._pending, []
                hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
                list(chain.run_hour(db, None, hour, whole=False))
                self.runs += 1
                ended = time.time()
                self.delays += [(ended, ended - instant) for instant in taken]

    def between(self, start: float, end: float) -> dict[str, Any]:
        """Delays that ended in a stretch of time."""
        delays = sorted(delay for ended, delay in self.delays if start <= ended < end)
        if len(delays) < 2:
            return {"p50_s": None, "p95_s": None, "seconds": len(delays)}
        cut = quantiles(delays, n=20, method="inclusive")
        return {"p50_s": round(cut[9], 2), "p95_s": round(cut[18], 2), "seconds": len(delays)}


def history(settings: Settings, db: Database, days: int, spans: int, folder: Path) -> tuple[datetime, datetime]:
    """Files with so many spans an hour, imported; from when to when they go."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 2 * HOUR
    start = end - timedelta(days=days)
    for number in range(days * 24):
        amplify.write(db, start + number * HOUR, 3500, spans, salt=number)
    files: dict[importer.Kind, Path] = {"traces": folder / "traces.parquet", "logs": folder / "logs.parquet"}
    for kind, path in files.items():
        columns = ", ".join(amplify.COLUMNS[kind].split())
        path.write_bytes(db.client.raw_query(f"SELECT {columns} FROM otel_{kind}", fmt="Parquet"))
    amplify.clear(db)
    for done in importer.run(db, files):
        print(f"imported {done.rows:,} {done.kind}, {done.start:%Y-%m-%d %H:%M} to {done.end:%Y-%m-%d %H:%M}")
    return start, end


def backfill(settings: Settings, start: datetime, end: datetime) -> None:
    """What a person would type."""
    command = [sys.executable, "-m", "otel_pipeline", "materialize", "--without-vectors"]
    window = ["--from", start.isoformat(), "--to", end.isoformat()]
    environment = {**os.environ, **settings.environment()}
    subprocess.run([*command, *window], env=environment, cwd=REPOSITORY, check=True)


def main() -> None:
    """Measure, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=amplify.RECORDED)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--spans", type=int, default=3000, help="of history, an hour")
    parser.add_argument("--rate", type=int, default=300, help="spans a second of the present")
    parser.add_argument("--before", type=float, default=60, help="seconds to measure before the backfill")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, temporary_server(Path(home)) as settings, Database(settings) as db:
        amplify.seed(db, arguments.folder)
        began = time.time()
        start, end = history(settings, db, arguments.days, arguments.spans, Path(home))
        imported = time.time() - began
        with Live(settings, arguments.rate) as live:
            time.sleep(arguments.before / 2)  # the first runs have everything to do
            before = time.time()
            time.sleep(arguments.before)
            during = time.time()
            backfill(settings, start, end)
            after = time.time()
        found = {"before": live.between(before, during), "during": live.between(during, after)}
    for name, row in found.items():
        print(f"live delay {name}: p50 {row['p50_s']} s, p95 {row['p95_s']} s")
    ratios = {f"ratio_{p}": round(found["during"][f"{p}_s"] / found["before"][f"{p}_s"], 2) for p in ("p50", "p95")}
    print(
        json.dumps(
            {
                "hours": arguments.days * 24,
                "spans": arguments.days * 24 * arguments.spans,
                "import_s": round(imported, 1),
                "backfill_s": round(after - during, 1),
                **found,
                **ratios,
            }
        )
    )


if __name__ == "__main__":
    main()
