"""Feed the intake's parts, or a whole intake process, from tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from otel_pipeline.clickhouse import Database
from otel_pipeline.intake.protocol import PROTOBUF, accept
from otel_pipeline.intake.statements import statements
from otel_pipeline.intake.writer import Sender
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import Settings

WAIT_SECONDS = 30


def until(condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """What the condition returns, as soon as it is true.

    :raises AssertionError: it did not become true in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{condition} did not become true within {seconds} s")


def store(settings: Settings, signal_name: str, body: bytes, token: str = "test", content_type: str = PROTOBUF) -> None:
    """Take a body through the door and, without a spool, into the tables."""
    accepted = accept(signal_name, body, content_type)
    sender = Sender(settings)
    for statement in statements(accepted.kind):
        sender.send(statement, f"{token}:{statement.table}", BytesIO(accepted.body), len(accepted.body))
    sender.close()


def rows(db: Database, table: str, order: str = "") -> list[dict[str, Any]]:
    """All rows of a table, times as nanoseconds since the epoch."""
    structure = db.client.query(f"DESCRIBE TABLE {table}").named_results()
    columns = []
    for column in structure:
        name, kind = f"`{column['name']}`", column["type"]
        if kind == "DateTime64(9)":
            name = f"toUnixTimestamp64Nano({name}) AS {name}"
        elif kind == "Array(DateTime64(9))":
            name = f"arrayMap(t -> toUnixTimestamp64Nano(t), {name}) AS {name}"
        columns.append(name)
    order_by = f"ORDER BY {order}" if order else ""
    return list(db.client.query(f"SELECT {', '.join(columns)} FROM {table} {order_by}").named_results())


def count(db: Database, table: str) -> int:
    """Rows of a table."""
    return db.client.query(f"SELECT count() FROM {table}").result_rows[0][0]


class IntakeProcess:
    """``otel-pipeline intake`` as a child process on free ports."""

    def __init__(self, settings: Settings, home: Path, **environment: str) -> None:
        self.settings = settings.model_copy(
            update={"otel_pipeline_home": home, "intake_http_port": free_port(), "intake_grpc_port": free_port()}
        )
        self.environment = {**os.environ, **self.settings.environment(), **environment}
        self.url = f"http://127.0.0.1:{self.settings.intake_http_port}"
        self.spool = home / "intake" / "spool"
        self.dead_letters = home / "intake" / "dead-letters"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it lives."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "otel_pipeline", "intake"], env=self.environment, stderr=subprocess.PIPE, text=True
        )
        until(lambda: self._ended() or self.get("/healthz")[0] == 200)

    def _ended(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise AssertionError(f"the intake ended: {self.process.communicate()[1]}")
        return False

    def stop(self) -> int:
        """End it in order; its exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(WAIT_SECONDS)
        if self.process.stderr:
            self.process.stderr.close()
        return status

    def kill(self) -> None:
        """kill -9."""
        assert self.process
        self.process.kill()
        self.process.communicate()

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and document of a GET; status 0 when nobody answers."""
        try:
            with urlopen(self.url + path, timeout=10) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)
        except (URLError, OSError):
            return 0, {}

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of a POST; ``content_type="…"`` becomes the header Content-Type."""
        names = {name.replace("_", "-"): value for name, value in {"content_type": PROTOBUF, **headers}.items()}
        try:
            with urlopen(Request(self.url + path, body, names), timeout=30) as answer:
                return answer.status, answer.read(), {key.lower(): value for key, value in answer.headers.items()}
        except HTTPError as error:
            return error.code, error.read(), {key.lower(): value for key, value in error.headers.items()}


@contextmanager
def intake(settings: Settings, home: Path, **environment: str) -> Iterator[IntakeProcess]:
    """A running intake, ended afterwards."""
    process = IntakeProcess(settings, home, **environment)
    process.start()
    try:
        yield process
    finally:
        if process.process and process.process.poll() is None:
            process.stop()
