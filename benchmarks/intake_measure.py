"""What ``make bench-intake`` measures with: an intake of its own, a watcher of its table, and one figure at a time."""

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import psutil

from benchmarks.otlp_load import BODIES, RECORDS, traces_body
from otel_pipeline.clickhouse import Database
from otel_pipeline.intake.segments import PLAIN
from otel_pipeline.intake.statements import statements
from otel_pipeline.intake.writer import INSERT_SETTINGS, Sender
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import Settings

CONNECTIONS = 8
POLL_SECONDS = 0.2
QUIET_LOOKS = 5
NATIVE_BODIES, NATIVE_BLOCKS, NATIVE_THREADS = 240, 4, 2
PATIENCE_SECONDS = 30
INTAKE = ["otel_pipeline", "intake"]
PYTHON_LOOP = ["benchmarks.python_loop"]


@dataclass
class Running:
    """An intake that runs."""

    settings: Settings
    process: psutil.Process


class Watcher(threading.Thread):
    """Sees, a few times a second, how many rows a table has and how much memory a process holds."""

    def __init__(self, running: Running, table: str) -> None:
        super().__init__(daemon=True)
        self.database = Database(running.settings)
        self.table = table
        self.process = running.process
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
            for instant, count in self.seen[-3:]:
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
def intake(settings: Settings, module: list[str]) -> Iterator[Running]:
    """An intake of its own, on free ports, with a home of its own."""
    home = settings.otel_pipeline_home / module[0]
    own = settings.model_copy(
        update={"intake_http_port": free_port(), "intake_grpc_port": free_port(), "otel_pipeline_home": home}
    )
    command = [sys.executable, "-m", *module]
    child = subprocess.Popen(command, env={**own.environment(), "PATH": ""}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.time() + PATIENCE_SECONDS
        while not _answers(own.intake_http_port):
            if time.time() > deadline or child.poll() is not None:
                raise RuntimeError("the intake did not start")
            time.sleep(0.1)
        yield Running(own, psutil.Process(child.pid))
    finally:
        child.terminate()
        try:
            child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False


def engine() -> psutil.Process:
    """The ClickHouse server that this process has started."""
    module = "otel_pipeline.localdb.server"
    return next(child for child in psutil.Process().children() if module in child.cmdline())


def cpu(process: psutil.Process) -> float:
    """CPU seconds of a process so far."""
    times = process.cpu_times()
    return times.user + times.system


def load(signal: str, port: int, seconds: float, rate: float = 0) -> dict[str, Any]:
    """Run the load process."""
    arguments = [signal, str(port), str(seconds), str(rate), str(CONNECTIONS)]
    command = [sys.executable, "-m", "benchmarks.otlp_load", *arguments]
    patience = seconds + 2 * PATIENCE_SECONDS
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=patience).stdout)


def measure(running: Running, signal: str, seconds: float, rate: float = 0) -> dict[str, Any]:
    """Load an intake: records a second, latencies (ms), lags (s), memory (MB), CPU (us a record)."""
    watcher = Watcher(running, f"otel_{signal}")
    before = cpu(engine()), cpu(running.process)
    watcher.start()
    try:
        sent = load(signal, running.settings.intake_http_port, seconds, rate)
        records, bodies = sent["records"], sent["bodies"]
        total = records * len(bodies)
        readable = watcher.wait_for(total, PATIENCE_SECONDS + seconds)
    finally:
        watcher.close()
    latencies = sorted((acknowledged - sent) * 1000 for sent, acknowledged in bodies)
    lags = sorted(watcher.lags([acknowledged for _, acknowledged in bodies], records))
    return {
        "rate": total / (readable - min(sent for sent, _ in bodies)),
        "records": total,
        "ack_p50_ms": statistics.median(latencies),
        "ack_p99_ms": latencies[int(len(latencies) * 0.99)],
        "lag_p95_s": lags[int(len(lags) * 0.95)],
        "rss_mb": watcher.rss / 1e6,
        "engine_cpu_us": (cpu(engine()) - before[0]) / total * 1e6,
        "intake_cpu_us": (cpu(running.process) - before[1]) / total * 1e6,
        "client_cpu_us": sent["cpu_s"] / total * 1e6,
    }


class Native:
    """A connection that inserts Native blocks over HTTP, as the writer inserts its batches."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = http.client.HTTPConnection("127.0.0.1", settings.clickhouse_port, timeout=120)

    def ask(self, query: str, data: bytes = b"") -> bytes:
        """Run a query with data; its answer.

        :raises RuntimeError: it failed.
        """
        # The same blocks come again and again: without this the engine would know them, and store nothing.
        options = {**INSERT_SETTINGS, "insert_deduplicate": "0", "query": query}
        path = "/?" + urlencode({"database": self.settings.clickhouse_database, **options})
        user, key = self.settings.clickhouse_user, self.settings.clickhouse_password
        self.connection.request("POST", path, data, {"X-ClickHouse-User": user, "X-ClickHouse-Key": key})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(body[:500])
        return body


def native_blocks(settings: Settings) -> list[tuple[int, bytes]]:
    """Blocks of the load's own spans with their rows: those that the intake stores of them, in the order of arrival."""
    asking, sender = Native(settings), Sender(settings)
    statement = statements(f"{PLAIN}traces")[0]
    into = replace(statement, sql=statement.sql.replace("INTO otel_traces", "INTO arrived", 1))
    blocks = []
    for first in range(0, NATIVE_BLOCKS * NATIVE_BODIES, NATIVE_BODIES):
        body = b"".join(traces_body(seed % BODIES) for seed in range(first, first + NATIVE_BODIES))
        asking.ask("CREATE OR REPLACE TABLE arrived ENGINE = Memory EMPTY AS SELECT * FROM otel_traces")
        sender.send(into, f"native-{first}", BytesIO(body), len(body))
        blocks.append((NATIVE_BODIES * RECORDS, asking.ask("SELECT * FROM arrived FORMAT Native")))
    asking.ask("DROP TABLE arrived")
    sender.close()
    return blocks


def settle(settings: Settings) -> None:
    """Empty the raw tables; wait until the engine merges nothing and the disk has it: what was before disturbs nobody.

    :raises RuntimeError: it still merged after :data:`PATIENCE_SECONDS`.
    """
    deadline, quiet = time.time() + PATIENCE_SECONDS, 0
    with Database(settings) as db:
        for table in ("otel_traces", "otel_logs", "otel_traces_trace_id_ts", "raw_arrivals"):
            db.client.command(f"TRUNCATE TABLE {table}")
        while quiet < QUIET_LOOKS:
            if time.time() > deadline:
                raise RuntimeError("the engine does not come to rest")
            time.sleep(POLL_SECONDS)
            merges = db.client.query("SELECT count() FROM system.merges").result_rows[0][0]
            quiet = 0 if merges else quiet + 1
    os.sync()


def native(settings: Settings, blocks: list[tuple[int, bytes]], seconds: float) -> dict[str, Any]:
    """Spans a second of the engine alone: rows into the same table, as many INSERTs at a time as the writer sends."""
    before, start = cpu(engine()), time.time()
    inserted: list[int] = []

    def insert(first: int) -> None:
        sender = Native(settings)
        for number in range(first, 10**9, NATIVE_THREADS):
            rows, block = blocks[number % len(blocks)]
            sender.ask("INSERT INTO otel_traces FORMAT Native", block)
            inserted.append(rows)
            if time.time() - start > seconds:
                return

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(NATIVE_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(inserted)
    return {"rate": total / (time.time() - start), "engine_cpu_us": (cpu(engine()) - before) / total * 1e6}
