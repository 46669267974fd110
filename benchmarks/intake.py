"""``make bench-intake``: what the intake takes in, beside the engine alone and beside a Python row loop, in one run.

Everything runs on this machine: the load, the intake, ClickHouse. A rate counts records that were acknowledged *and*
queryable, from the first request to the moment when the last one could be read.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from otel_pipeline.clickhouse import Database
from otel_pipeline.localdb.launcher import free_port, temporary_server
from otel_pipeline.settings import Settings

CONNECTIONS = 8
POLL_SECONDS = 0.05
NATIVE_ROWS = 98_304
INTAKE = ["otel_pipeline", "intake"]
PYTHON_LOOP = ["benchmarks.python_loop"]


def say(text: str) -> None:
    """Progress, beside the figures."""
    print(text, file=sys.stderr, flush=True)


class Watcher(threading.Thread):
    """Sees, every few milliseconds, how many rows a table has and how much memory a process holds."""

    def __init__(self, settings: Settings, table: str, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.database = Database(settings)
        self.table = table
        self.process = process
        self.before = self.rows()
        self.seen: list[tuple[float, int]] = []
        self.rss = 0
        self.stopping = threading.Event()

    def rows(self) -> int:
        """Rows now."""
        return int(self.database.client.query(f"SELECT count() FROM {self.table}").result_rows[0][0])

    def run(self) -> None:
        """Look until told to stop."""
        while not self.stopping.wait(POLL_SECONDS):
            self.seen.append((time.time(), self.rows() - self.before))
            self.rss = max(self.rss, self.process.memory_info().rss)

    def wait_for(self, rows: int, seconds: float) -> float:
        """When that many rows could first be read.

        :raises RuntimeError: they could not within ``seconds``.
        """
        deadline = time.time() + seconds
        while time.time() < deadline:
            for instant, count in self.seen:
                if count >= rows:
                    return instant
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"{self.table}: {self.seen[-1][1]} of {rows} rows after {seconds} s")

    def lags(self, acknowledged: list[float], records: int) -> list[float]:
        """For every body, seconds from its acknowledgement until as many rows could be read as were acknowledged."""
        lags, place = [], 0
        for number, instant in enumerate(sorted(acknowledged), 1):
            while self.seen[place][1] < number * records:
                place += 1
            lags.append(max(0.0, self.seen[place][0] - instant))
        return lags

    def close(self) -> None:
        """Stop looking."""
        self.stopping.set()
        self.join()
        self.database.close()


@contextmanager
def intake(settings: Settings, module: list[str]):
    """An intake of its own, on free ports; settings with them and the process."""
    settings = settings.model_copy(update={"intake_http_port": free_port(), "intake_grpc_port": free_port()})
    child = subprocess.Popen(
        [sys.executable, "-m", *module], env={**settings.environment(), "PATH": ""}, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.time() + 30
        while not answers(settings.intake_http_port):
            if time.time() > deadline or child.poll() is not None:
                raise RuntimeError("the intake did not start")
            time.sleep(0.1)
        yield settings, psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(60)


def answers(port: int) -> bool:
    """Whether an intake lives there."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def load(signal: str, port: int, seconds: float, rate: float = 0) -> dict[str, Any]:
    """Run the load process."""
    arguments = [signal, str(port), str(seconds), str(rate), str(CONNECTIONS)]
    command = [sys.executable, "-m", "benchmarks.otlp_load", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def measure(
    settings: Settings, signal: str, seconds: float, rate: float = 0, module: list[str] = INTAKE
) -> dict[str, Any]:
    """Load an intake; rate, latencies (ms), lags (s) and memory (MB)."""
    with intake(settings, module) as (own, process):
        watcher = Watcher(own, f"otel_{signal}", process)
        watcher.start()
        told = load(signal, own.intake_http_port, seconds, rate)
        records, bodies = told["records"], told["bodies"]
        total = records * len(bodies)
        readable = watcher.wait_for(total, 120 + seconds)
        cpu = process.cpu_times()
        watcher.close()
    latencies = sorted((acknowledged - sent) * 1000 for sent, acknowledged in bodies)
    lags = sorted(watcher.lags([acknowledged for _, acknowledged in bodies], records))
    return {
        "rate": total / (readable - min(sent for sent, _ in bodies)),
        "ack_p50_ms": statistics.median(latencies),
        "ack_p99_ms": latencies[int(len(latencies) * 0.99)],
        "lag_p95_s": lags[int(len(lags) * 0.95)],
        "rss_mb": watcher.rss / 1e6,
        "intake_cpu_s": cpu.user + cpu.system,
        "records": total,
    }


def native(settings: Settings, seconds: float) -> float:
    """Spans a second of the engine alone: the same rows into the same table, from Native blocks over HTTP."""

    def ask(query: str, data: bytes = b"") -> bytes:
        path = "/?" + urlencode({"database": settings.clickhouse_database, "query": query})
        headers = {"X-ClickHouse-User": settings.clickhouse_user, "X-ClickHouse-Key": settings.clickhouse_password}
        connection.request("POST", path, data, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(body[:500])
        return body

    connection = http.client.HTTPConnection("127.0.0.1", settings.clickhouse_port, timeout=120, blocksize=1 << 20)
    blocks = [
        ask(f"SELECT * FROM otel_traces LIMIT {NATIVE_ROWS} OFFSET {n * NATIVE_ROWS} FORMAT Native") for n in range(4)
    ]
    inserted, start = 0, time.time()
    while time.time() - start < seconds:
        ask("INSERT INTO otel_traces FORMAT Native", blocks[inserted // NATIVE_ROWS % len(blocks)])
        inserted += NATIVE_ROWS
    return inserted / (time.time() - start)


def with_fresh_tables(settings: Settings, work: Callable[[], Any]) -> Any:
    """Run a measurement against empty raw tables, so that no earlier one's merges disturb it."""
    with Database(settings) as db:
        for table in ("otel_traces", "otel_logs", "otel_traces_trace_id_ts", "raw_arrivals"):
            db.client.command(f"TRUNCATE TABLE {table}")
    return work()


def main() -> None:
    """Run all measurements and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="length of the sustained run")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="bench-intake-") as folder, temporary_server(Path(folder)) as settings:
        say(f"spans, as fast as they are acknowledged, {seconds:.0f} s")
        spans = with_fresh_tables(settings, lambda: measure(settings, "traces", seconds))
        say(f"  {json.dumps(spans)}")
        say("the engine alone, Native")
        native_rate = native(settings, seconds / 3)
        say(f"  {native_rate:.0f} spans/s")
        half = spans["rate"] / spans["records"] * len(range(0, spans["records"], 512)) / 2
        say(f"spans at half load, {half:.0f} bodies/s")
        calm = with_fresh_tables(settings, lambda: measure(settings, "traces", seconds / 2, half))
        say(f"  {json.dumps(calm)}")
        say("log records, as fast as they are acknowledged")
        logs = with_fresh_tables(settings, lambda: measure(settings, "logs", seconds / 2))
        say(f"  {json.dumps(logs)}")
        say("the same service with a Python row loop")
        loop = with_fresh_tables(settings, lambda: measure(settings, "traces", seconds / 4, module=PYTHON_LOOP))
        say(f"  {json.dumps(loop)}")
    result = {
        "spans_per_s": round(spans["rate"]),
        "logs_per_s": round(logs["rate"]),
        "ratio_native": round(spans["rate"] / native_rate, 2),
        "ratio_python_loop": round(spans["rate"] / loop["rate"], 2),
        "ack_p50_ms": round(calm["ack_p50_ms"], 1),
        "ack_p99_ms": round(calm["ack_p99_ms"], 1),
        "lag_p95_s": round(calm["lag_p95_s"], 2),
        "intake_rss_mb": round(max(spans["rss_mb"], logs["rss_mb"], calm["rss_mb"])),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
