"""One process of the stack: what it is, how it starts, whether it is ready, how it ends."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.request import urlopen

import psutil

from otel_pipeline.sanitize import written_out
from otel_pipeline.settings import REPOSITORY

LEASH = Path(__file__).with_name("leash.py")
LOG_BYTES = 10_000_000
LINE_BYTES = 64 << 10
LAST_LINES = 30
COLOUR = re.compile(r"(\x1b\[[\d;]*m)")

Spawn = Callable[[IO[bytes]], "subprocess.Popen[bytes]"]


def http_ready(url: str, timeout: float = 2) -> Callable[[], bool]:
    """A probe: does a GET of ``url`` answer 2xx?"""

    def probe() -> bool:
        try:
            with urlopen(url, timeout=timeout) as answer:
                return 200 <= answer.status < 300
        except (OSError, ValueError, HTTPException):
            return False

    return probe


@dataclass(frozen=True)
class Service:
    """A process that can be started, and started again.

    :param command: what to run; or ``spawn``, for one that starts in a way of its own.
    :param ready: probe that says whether it does its work. :param alive: one that says whether it still moves at all,
        asked every few seconds once it was ready; without it a process that was stopped counts as hung, no other.
    :param after: services that must be ready before it starts, and end after it.
    :param ports: what it binds. :param hung_seconds: so long it may not answer, while it uses no processor either.
    :param prepare: called before the first start. :param on_ready: called each time it becomes ready.
    :param release: called after its end.
    """

    name: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    alive: Callable[[], bool] | None = None
    hung_seconds: float = 30
    after: tuple[str, ...] = ()
    port: int | None = None
    ports: tuple[int, ...] = ()
    url: str = ""
    ready_seconds: float = 60
    stop_seconds: float = 10
    prepare: Callable[[], None] | None = None
    spawn: Spawn | None = None
    on_ready: Callable[[], object] | None = None
    release: Callable[[], None] | None = None


def readable(line: bytes) -> str:
    """A line of output for people: colours stay, every other control character and what is no text is written out.

    What a part logs may hold what a stranger sent, and a terminal would obey it.
    """
    parts = COLOUR.split(line.decode(errors="backslashreplace").rstrip())
    return "".join(part if number % 2 else written_out(part, kept="\t") for number, part in enumerate(parts))


class Child:
    """A running process of a service; its output goes to a log file, line by line to ``echo``, and its end is kept.

    :param log: file to append to; beyond 10 MB it is moved to ``<log>.1``.

    ``answered`` and ``cpu_when_answered`` are kept by who supervises it.
    """

    def __init__(self, service: Service, log: Path, echo: Callable[[str, str], None]) -> None:
        self.service = service
        self.answered = time.monotonic()
        self.cpu_when_answered = 0.0
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._log = log
        self._family: list[psutil.Process] = []
        self._echo = echo
        read_end, write_end = os.pipe()
        with os.fdopen(write_end, "wb") as output:
            self.process = service.spawn(output) if service.spawn else self._start(output)
        self.started = time.time()
        self._pump = threading.Thread(target=self._copy, args=(read_end,), daemon=True, name=f"log-{service.name}")
        self._pump.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.process.poll()

    def terminate(self) -> None:
        """Ask it to end, and its group with it: a run of Dagster shall end as interrupted, not be waited for."""
        with contextlib.suppress(psutil.Error):
            self._family = psutil.Process(self.pid).children(recursive=True)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)

    def end(self, seconds: float) -> None:
        """Wait for its end, then make sure of it, and of that of every process that it had started."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(seconds, 0))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for relative in self._family:
            with contextlib.suppress(psutil.Error):
                relative.kill()
        if self.process.stdin:
            self.process.stdin.close()
        self._pump.join(1)

    def is_stopped(self) -> bool:
        """Whether somebody has stopped it (SIGSTOP, a debugger)."""
        try:
            return psutil.Process(self.pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        except psutil.Error:
            return False

    def cpu_seconds(self) -> float:
        """Processor time that it and all that it started have used."""
        total = 0.0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            for one in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    times = one.cpu_times()
                    total += times.user + times.system
        return total

    def last_words(self) -> str:
        """The last line of its output that says something."""
        return next((line.strip() for line in reversed(self.last_lines) if line.strip()), "it wrote nothing")

    def _start(self, output: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-S", "-E", str(LEASH), str(os.getpid()), *self.service.command],
            cwd=REPOSITORY,
            env={**os.environ, **self.service.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the supervisor, which ends its children in order
        )

    def _copy(self, read_end: int) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        log = self._log.open("ab")
        with os.fdopen(read_end, "rb") as output:
            # A line may never end: in pieces, so that none fills the memory.
            for line in iter(lambda: output.readline(LINE_BYTES), b""):
                text, end = readable(line), b"\n" if line.endswith(b"\n") else b""
                self.last_lines.append(text)
                # A full disk or a closed terminal must not end the process whose pipe this is.
                with contextlib.suppress(OSError, ValueError):
                    self._echo(self.service.name, text)
                with contextlib.suppress(OSError):
                    log.write(text.encode() + end)
                    log.flush()
                    if log.tell() > LOG_BYTES:
                        log.close()
                        self._log.replace(self._log.with_suffix(".log.1"))
                        log = self._log.open("ab")
        log.close()
