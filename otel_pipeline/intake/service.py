"""The intake as one process: both doors, the spool and the writer."""

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from otel_pipeline import sqlfiles, web_guard
from otel_pipeline.connections import bounded, connections_each
from otel_pipeline.errors import UserError
from otel_pipeline.intake.dead_letters import DeadLetters, private_folder
from otel_pipeline.intake.doors import Doors
from otel_pipeline.intake.grpc import GrpcDoor
from otel_pipeline.intake.http import HttpDoor
from otel_pipeline.intake.protocol import PROTOBUF, accept
from otel_pipeline.intake.spool import Spool, SpoolFull
from otel_pipeline.intake.telemetry import Telemetry
from otel_pipeline.intake.workers import Workers
from otel_pipeline.intake.writer import Observer, Sender, Unavailable, Writer
from otel_pipeline.settings import Settings

log = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0
ANSWER_SECONDS = 3.0
BACKLOG = 512


class _Http(uvicorn.Server):
    """Uvicorn that leaves the signals to :func:`run`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Intake:
    """OTLP in, ClickHouse out.

    :param settings: ports, token, limits, home folder, ClickHouse.
    :raises UserError: a port is taken, or another intake has the spool.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        host = settings.intake_host
        most = connections_each()
        listening = _listen(host, settings.intake_http_port)
        home = settings.otel_pipeline_home / "intake"
        self.dead_letters = DeadLetters(home / "dead-letters")
        try:
            private_folder(home)
            self.spool = Spool(home / "spool", settings.intake_spool_mb << 20, self._bury_broken)
        except OSError as error:
            listening.close()
            raise UserError(f"cannot use {home}: {error.strerror}; set OTEL_PIPELINE_HOME") from error
        except UserError:
            listening.close()
            raise
        self.telemetry = Telemetry(self._keep_own)
        if self.spool.recovered.broken:
            self.telemetry.dead("spool", self.spool.recovered.broken)
        self.telemetry.observe("intake.spool.size", "By", "Bytes in the spool", lambda: self.spool.bytes)
        self.telemetry.observe("intake.spool.age", "s", "Age of the oldest segment", self.spool.oldest_seconds)
        observer = Observer(written=self.telemetry.written, dead=self.telemetry.dead)
        self.writer = Writer(settings, self.spool, self.dead_letters, observer)
        self._workers = Workers()
        doors = Doors(settings, self.spool, self.telemetry, self.dead_letters, self._workers)
        self._most = most
        self._listening = listening
        self._loop: asyncio.AbstractEventLoop | None = None
        self._http = _Http(
            uvicorn.Config(
                web_guard.intake(HttpDoor(doors, self.probe), settings),
                **bounded(most),
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=int(ANSWER_SECONDS),
                ws="none",
            )
        )
        self._doors = doors

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``; then answer what is under way, and write what the spool holds.

        :raises UserError: the gRPC port is taken.
        """
        self._loop = asyncio.get_running_loop()
        try:
            grpc = GrpcDoor(self._doors, self.settings.intake_host, self.settings.intake_grpc_port, self._most)
        except UserError:
            self._listening.close()
            self.spool.close()
            raise
        await grpc.start()
        self.writer.start()
        self._workers.start()
        http = asyncio.create_task(self._http.serve([self._listening]))
        await stop.wait()
        self._http.should_exit = True
        await asyncio.gather(grpc.stop(ANSWER_SECONDS), http)
        self._workers.stop()
        self._doors.close()
        await asyncio.to_thread(self.telemetry.close)
        await asyncio.to_thread(self.writer.drain, DRAIN_SECONDS)
        left = self.spool.bytes
        self.spool.close()
        if left:
            log.warning("%d bytes stay in the spool; the next intake writes them", left)

    async def probe(self) -> dict[str, Any]:
        """What ``/readyz`` tells: whether rows reach ClickHouse now, and how full the spool is."""
        reason = await asyncio.to_thread(self._clickhouse_trouble)
        full = self.spool.full
        if full:
            reason = f"the spool is full; {reason}" if reason else "the spool is full"
        return {
            "ready": not reason,
            "accepting": not full,
            "reason": reason,
            "spool_bytes": self.spool.bytes,
            "spool_segments": self.spool.backlog,
            "spool_strange_files": len(self.spool.recovered.strange),
            "spool_broken_parts": self.spool.recovered.broken,
            "dead_letters": self.dead_letters.kept,
            "dead_letters_dropped": self.dead_letters.dropped,
        }

    def _clickhouse_trouble(self) -> str:
        sender = Sender(self.settings, timeout=ANSWER_SECONDS)
        try:
            sender.ask(sqlfiles.query("intake__ready"))
        except Unavailable as error:
            return f"{error}; telemetry waits in the spool"
        finally:
            sender.close()
        return ""

    def _bury_broken(self, name: str, kind: str, reason: str, data: bytes) -> None:
        self.dead_letters.keep(name, kind, reason, data, suffix=".broken")

    def _keep_own(self, body: bytes) -> None:
        """Store the intake's own metrics; called from the exporter's thread."""
        if self._loop and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._store_own(body), self._loop).result(ANSWER_SECONDS)

    async def _store_own(self, body: bytes) -> None:
        try:
            async with self.spool.stored(accept("metrics", body, PROTOBUF).kind, body):
                pass
        except SpoolFull as error:
            log.warning("the intake's own metrics are dropped: %s", error)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise UserError(f"cannot listen on {host}:{port}: {error.strerror}; choose another INTAKE_HTTP_PORT") from error
    return listening


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    :raises UserError: a port is taken, or another intake has the spool.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        intake = Intake(settings)
        log.info(
            "OTLP over HTTP on http://%s:%d, gRPC on %s:%d",
            settings.intake_host,
            settings.intake_http_port,
            settings.intake_host,
            settings.intake_grpc_port,
        )
        await intake.serve(stop)

    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
