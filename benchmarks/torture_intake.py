"""``make torture-intake``: kill -9 of the intake or of ClickHouse, at random, under load; then count what is there.

Clients behave like SDKs: a body that was not acknowledged is sent again, the same bytes, until it is. Exact means: of
every acknowledged body each span is stored once, and the counts that materialized views keep agree. Beside them a bad
client sends what no OTLP client does, and each of its bodies must be refused with a 4xx. Before every fifth kill the
disk is full for a while: the intake can write no more bytes to a file, and has to answer 503.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from benchmarks.otlp_load import Connection, traces_body
from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import LocalServer, free_port
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings, load

SPANS = 64
SENDERS = 6
CALM_SECONDS = (0.2, 2.0)
SETTLE_SECONDS = 900
SERVING_SHARE = 0.7
FULL_EVERY = 5
FULL_SECONDS = START_SECONDS = 30


OK, FULL = HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE


def say(text: str) -> None:
    """Progress, beside the figures."""
    print(text, file=sys.stderr, flush=True)


class Senders:
    """Threads that send bodies of unique spans until each is acknowledged."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged: set[int] = set()
        self.full = 0
        self.bad: dict[int, int] = {}
        self.stopping = threading.Event()
        self._numbers = iter(range(10**9))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(SENDERS)]
        self._threads.append(threading.Thread(target=self._run_bad, daemon=True))
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        connection: Connection | None = None
        while not self.stopping.is_set():
            with self._lock:
                number = next(self._numbers)
            body = traces_body(number, SPANS)
            while True:
                try:
                    connection = connection or Connection(self.port)
                    status = connection.post("traces", body)
                    if status == OK:
                        self.acknowledged.add(number)
                        break
                    self.full += status == FULL
                except OSError:
                    connection = None
                time.sleep(0.05)

    def _run_bad(self) -> None:
        chance, connection = random.Random(0), None
        while not self.stopping.is_set():
            good = traces_body(0, 1)
            bodies = [
                good[: chance.randrange(1, len(good) - 1)],
                b"\xff" + chance.randbytes(64),
                b"\x0a\xff\xff\xff\xff\x0f",
            ]
            try:
                connection = connection or Connection(self.port)
                status = connection.post("traces", chance.choice(bodies))
                self.bad[status] = self.bad.get(status, 0) + 1
            except OSError:
                connection = None
            time.sleep(0.02)

    def wait_for_one(self) -> None:
        """Until one more body has been acknowledged, so that there is load for the next kill to hit."""
        before, deadline = len(self.acknowledged), time.monotonic() + START_SECONDS
        while len(self.acknowledged) == before and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        """Let each thread finish the body that it is at."""
        self.stopping.set()
        for thread in self._threads:
            thread.join()


class Intake:
    """The victim: an intake process that is always started again."""

    def __init__(self, settings: Settings) -> None:
        self.environment = {**os.environ, **settings.environment()}
        self.spool = settings.otel_pipeline_home / "intake" / "spool"
        self.spawn()

    def spawn(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "otel_pipeline", "intake"]
        self.process = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """kill -9, and start it again."""
        self.process.kill()
        self.process.wait()
        self.spawn()

    def fill_disk(self, refused: Callable[[], int]) -> bool:
        """Let no file of the intake grow, until a client has been refused; whether one was, and the intake lives."""
        before, deadline = refused(), time.monotonic() + FULL_SECONDS
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0, hard))
        while refused() == before and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.02)
        if self.process.poll() is not None:
            return False
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        return refused() > before

    def settle(self) -> bool:
        """Wait until the spool is empty."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            if not any(self.spool.glob("*")):
                return True
            time.sleep(0.2)
        return False


def kill_server(server: LocalServer) -> None:
    """kill -9 of ClickHouse, and start it again."""
    assert server.process
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    for attempt in range(3):
        try:
            server.spawn()
            return
        except UserError:
            if attempt == 2:
                raise


def verdict(settings: Settings, acknowledged: set[int]) -> dict[str, int]:
    """Compare what was acknowledged with what is stored. A body's first trace id follows from its number."""
    expected = {random.Random(number).randbytes(16).hex() for number in acknowledged}
    with Database(settings) as db:
        ask = lambda sql: db.client.query(sql).result_rows  # noqa: E731
        (stored, distinct), *_ = ask("SELECT count(), uniqExact(TraceId, SpanId) FROM otel_traces")
        first = {row[0] for row in ask("SELECT DISTINCT TraceId FROM otel_traces")}
        (arrived,), *_ = ask("SELECT sum(Rows) FROM raw_arrivals WHERE Source = 'traces'")
        (listed,), *_ = ask("SELECT count() FROM otel_traces_trace_id_ts")
    return {
        "acknowledged": len(acknowledged) * SPANS,
        "stored": stored,
        "lost": len(acknowledged) * SPANS - distinct,
        "doubled": stored - distinct,
        "bodies_missing": len(expected - first),
        "view_rows_off": abs(arrived - stored) + abs(listed - stored),
    }


def main() -> None:
    """Torture, settle, compare, print one JSON line; exit status 1 when anything was lost, doubled or wrongly taken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="torture-intake-") as folder:
        settings = load(
            otel_pipeline_home=Path(folder),
            clickhouse_host="",
            clickhouse_port=free_port(),
            clickhouse_native_port=free_port(),
            intake_http_port=free_port(),
            intake_grpc_port=free_port(),
        )
        with LocalServer(settings) as server:
            settings = server.settings
            migrate(settings)
            intake = Intake(settings)
            senders = Senders(settings.intake_http_port)
            victims = {"intake": 0, "clickhouse": 0}
            filled = 0
            for kill in range(1, arguments.kills + 1):
                if chance.random() < SERVING_SHARE:  # the other kills may hit a victim that is still starting
                    senders.wait_for_one()
                time.sleep(chance.uniform(*CALM_SECONDS))
                if kill % FULL_EVERY == 0:
                    filled += intake.fill_disk(lambda: senders.full)
                victim = chance.choice(list(victims))
                victims[victim] += 1
                if victim == "intake":
                    intake.kill()
                else:
                    kill_server(server)
                if kill % 10 == 0:
                    say(f"{kill} kills, {len(senders.acknowledged) * SPANS} spans acknowledged")
            senders.stop()
            settled = intake.settle()
            result = {"kills": arguments.kills, **{f"kills_{k}": n for k, n in victims.items()}}
            result |= {**verdict(settings, senders.acknowledged), "spool_left": 0 if settled else 1}
            taken = sum(count for status, count in senders.bad.items() if not 400 <= status < 500)
            result |= {"bad_bodies": sum(senders.bad.values()), "bad_bodies_not_refused": taken}
            result |= {"full_disks": arguments.kills // FULL_EVERY, "full_disks_survived": filled}
            intake.process.terminate()
            intake.process.wait(30)
    print(json.dumps(result))
    wrong = ("lost", "doubled", "bodies_missing", "view_rows_off", "spool_left", "bad_bodies_not_refused")
    sys.exit(1 if any(result[key] for key in wrong) or filled < result["full_disks"] else 0)


if __name__ == "__main__":
    main()
