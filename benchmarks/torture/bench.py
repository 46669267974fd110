"""What the cases abuse: an intake of their own before a real ClickHouse, and an honest client beside them."""

import http.client
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from benchmarks.honest_client import PATIENCE_SECONDS, PROTOBUF
from otel_pipeline.clickhouse import Database
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import REPOSITORY, Settings

JSON = "application/json"
HONEST_MS = 250  # for the acknowledgement of an honest body
LEAST_SECONDS = 4.0  # an honest client watches for so long, some hundred bodies


def wrapped(tag: int, inner: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size, number = b"", len(inner)
    while number > 127:
        size, number = size + bytes([number & 127 | 128]), number >> 7
    return bytes([tag]) + size + bytes([number]) + inner


def lines(*bodies: str) -> ExportLogsServiceRequest:
    """A request of log lines."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for body in bodies:
        scope.log_records.add(time_unix_nano=time.time_ns()).body.string_value = body
    return request


def until(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What the condition returns as soon as it is true; its last answer when it never is."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


class Door:
    """An intake that runs, as its clients know it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port, self.grpc_port = settings.intake_http_port, settings.intake_grpc_port

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and document of a GET; 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException):
            return 0, {}
        finally:
            connection.close()

    def post(self, path: str, body: bytes, content_type: str = PROTOBUF, encoding: str = "") -> tuple[int, bytes]:
        """Status and body of a POST; 0 where the connection broke."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"content-type": content_type} | ({"content-encoding": encoding} if encoding else {})
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()


class Intake(Door):
    """An intake process on free ports."""

    def __init__(self, settings: Settings, home: Path, descriptors: int = 0, **environment: str) -> None:
        ports = {"intake_http_port": free_port(), "intake_grpc_port": free_port()}
        super().__init__(settings.model_copy(update={"otel_pipeline_home": home, **ports}))
        self.environment = {**os.environ, **self.settings.environment(), **environment}
        self.home = home / "intake"
        self.spool = self.home / "spool"
        self.dead_letters = self.home / "dead-letters"
        self._descriptors = descriptors
        self.log = home / "intake.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Intake":
        """Start it and wait until it lives."""

        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "otel_pipeline", "intake"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        if self._descriptors:
            limit = (self._descriptors, self._descriptors)
            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, limit)
        until(lambda: (self.process and self.process.poll() is not None) or self.get("/healthz")[0] == 200)
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process
        return self.process.pid

    def wrote(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> int | None:
        """Its exit status after a signal; None when it does not end."""
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def rss_mb(self) -> float:
        """Its memory, without that of its workers."""
        return psutil.Process(self.pid).memory_info().rss / 1e6


class Honest:
    """An honest client beside an abuse, and what its clock said (:mod:`benchmarks.honest_client`).

    :param every_s: seconds between two bodies. :param spans: of each. Milliseconds that each ``took``, statuses of
        those ``refused``, and spans ``sent`` and acknowledged are known after the block.
    """

    def __init__(self, intake: Door, every_s: float = 0.02, spans: int = 20) -> None:
        self.intake = intake
        self.every_s = every_s
        self.spans = spans
        self.took: list[float] = []
        self.refused: list[int] = []
        self.sent = 0
        self._client: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Honest":
        numbers = (self.intake.port, self.every_s, self.spans)
        command = [sys.executable, "-m", "benchmarks.honest_client", *map(str, numbers)]
        pipe = subprocess.PIPE
        self._client = subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)
        assert self._client.stdout
        self._client.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._client
        found = json.loads(self._client.communicate()[0])
        self.took, self.refused, self.sent = found["took"], found["refused"], found["spans"]

    @property
    def p99(self) -> float:
        """Milliseconds until an acknowledgement; what is allowed grows with what an idle machine takes here."""
        return statistics.quantiles(self.took, n=100)[98] if len(self.took) > 1 else float("inf")

    def verdict(self, allowed_ms: float) -> str:
        """``honest in time``, or what was wrong."""
        if self.refused:
            return f"honest refused {len(self.refused)} times ({self.refused[0]})"
        return "honest in time" if self.p99 <= allowed_ms else f"honest p99 {self.p99:.0f} ms of {allowed_ms:.0f}"


class Bench:
    """What is there for a case.

    :param settings: of a ClickHouse with the raw tables. :param folder: for homes of intakes.
    :param allowed_ms: of an honest acknowledgement; 0: what the machine allows (a test gives more, it takes no times).
    """

    def __init__(self, settings: Settings, folder: Path, allowed_ms: float = 0.0) -> None:
        self.settings = settings
        self.folder = folder
        self.database = Database(settings)
        self._intake: Intake | None = None
        self._number = 0
        self._allowed = allowed_ms
        self._starting = threading.Lock()

    @property
    def intake(self) -> Intake:
        """The intake that the cases share; another one where a case has ended it."""
        with self._starting:  # a case may ask in two threads, and the other one's would be left behind
            if self._intake is None or not self._intake.alive():
                self._intake = self.another()
            return self._intake

    def home(self) -> Path:
        """A folder that nobody has used yet."""
        self._number += 1
        return self.folder / f"home-{self._number}"

    def another(self, descriptors: int = 0, **environment: str) -> Intake:
        """An intake of a case's own; the case ends it."""
        return Intake(self.settings, self.home(), descriptors, **environment).start()

    @contextmanager
    def own(self, descriptors: int = 0, **environment: str) -> Iterator[Intake]:
        """As :meth:`another`, ended after the block."""
        intake = self.another(descriptors, **environment)
        try:
            yield intake
        finally:
            intake.stop()

    def allowed_ms(self) -> float:
        """How long an honest acknowledgement may take: 250 ms, more on a machine that others keep busy."""
        if not self._allowed:
            with Honest(self.intake) as honest:
                time.sleep(3)
            self._allowed = max(HONEST_MS, 4 * honest.p99)
        return self._allowed

    def beside(self, abuse: Callable[[Intake], object], intake: Intake | None = None, seconds: float = 0) -> str:
        """What an honest client notices of an abuse."""
        allowed, target = self.allowed_ms(), intake or self.intake
        with Honest(target) as honest:
            began = time.monotonic()
            abuse(target)
            time.sleep(max(0.5, max(seconds, LEAST_SECONDS) - (time.monotonic() - began)))
        return honest.verdict(allowed)

    def ask(self, sql: str, **parameters: Any) -> Any:
        """The single value of a query."""
        return self.database.client.query(sql, parameters=parameters).result_rows[0][0]

    def close(self) -> None:
        """End what is left."""
        if self._intake:
            self._intake.stop()
        self.database.close()
