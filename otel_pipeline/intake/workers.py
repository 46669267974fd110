"""Processes that take large bodies apart, so that none holds the interpreter, or the memory, that answers the others.

What a body costs does not follow from its size: 16 MiB of empty messages are 1.5 GiB once they are parsed, and minutes
where they must be walked. A worker has so much memory and time; when a body needs more the worker is ended, and the
body refused.
"""

import asyncio
import fcntl
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import psutil

from otel_pipeline.intake.horizon import Horizon
from otel_pipeline.intake.protocol import Accepted, BadBody

WORKERS = 2
MEMORY_BYTES = 1200 << 20
SECONDS = 8.0  # of CPU, for 16 MiB, less for less; a good body of protobuf needs a tenth of that
LEAST_SECONDS = 1.5
PATIENCE = 6  # times as many seconds of the clock as of CPU
MOST_WAITING = 24
WAIT_SECONDS = 5.0  # for a worker; a client may give up after ten
PIPE_BYTES = 1 << 20


class Overloaded(Exception):
    """Too many bodies wait already."""


@dataclass(frozen=True)
class Packed:
    """A body is to be unpacked first.

    :param encoding: its Content-Encoding. :param limit: the most bytes that it may become.
    """

    encoding: str
    limit: int


class Worker:
    """One process. Belongs to one thread at a time.

    :param seconds: for a body of 16 MiB. :param memory: bytes of its address space.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY_BYTES) -> None:
        self.seconds = seconds
        self.memory = memory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """The process, made if need be."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "otel_pipeline.intake.worker", str(self.memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # it ends with its input, not by a Ctrl-C that is meant for its parent
            )
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe and sys.platform == "linux":
                    with suppress(OSError):
                        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self._process

    def accept(
        self, signal: str, body: bytes, content_type: str, bounds: Horizon | None, packed: Packed | None = None
    ) -> Accepted:
        """As :func:`protocol.accept`.

        :raises BadBody: also for a body that would take too long, or too much memory.
        """
        process = self.start()
        assert process.stdin and process.stdout
        question = {
            "signal": signal,
            "content_type": content_type,
            "size": len(body),
            "encoding": packed.encoding if packed else "",
            "limit": packed.limit if packed else len(body),
            "bounds": (bounds.earliest, bounds.latest, bounds.now) if bounds else None,
        }
        seconds = LEAST_SECONDS + self.seconds * (packed.limit if packed else len(body)) / (16 << 20)
        done = threading.Event()
        threading.Thread(target=_watch, args=(process, seconds, done), daemon=True).start()
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.write(body)
            process.stdin.flush()
            document = json.loads(process.stdout.readline())
            changed = process.stdout.read(document["size"])
            dead = process.stdout.read(document["dead"])
        except (OSError, ValueError):
            self.stop()
            raise BadBody(
                413, f"taking the body apart needs more than {seconds:.1f} s or {self.memory >> 20} MiB; send less"
            ) from None
        finally:
            done.set()
        if "status" in document:
            raise BadBody(document["status"], document["reason"])
        return Accepted(
            document["kind"], body if document["same"] else changed, document["rejected"], document["reason"], dead
        )

    def stop(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    if pipe:
                        pipe.close()
            self._process.wait()
            self._process = None


def _watch(process: subprocess.Popen[bytes], seconds: float, done: threading.Event) -> None:
    """End the process once it has worked so many seconds of its own, or waited for a core far too long.

    Seconds of the clock would refuse good bodies wherever the machine is busy.
    """
    try:
        of_process = psutil.Process(process.pid)
        before = sum(of_process.cpu_times()[:2])
        for _ in range(PATIENCE):
            if done.wait(seconds):
                return
            if sum(of_process.cpu_times()[:2]) - before >= seconds:
                break
    except psutil.Error:
        return  # it has ended by itself
    process.kill()


class Workers:
    """As many as there are, first come, first served. Belongs to one event loop.

    :param count: processes. :param waiting: bodies that may wait for one.
    """

    def __init__(self, count: int = WORKERS, waiting: int = MOST_WAITING, seconds: float = SECONDS) -> None:
        self._free = [Worker(seconds) for _ in range(count)]
        self._all = list(self._free)
        self._threads = ThreadPoolExecutor(count, "worker")
        self._most = count + waiting
        self._under_way = 0
        self._room = asyncio.Semaphore(count)

    def start(self) -> None:
        """Start the processes, so that the first body need not wait for one."""
        for worker in self._all:
            worker.start()

    async def accept(
        self, signal: str, body: bytes, content_type: str, bounds: Horizon | None, packed: Packed | None = None
    ) -> Accepted:
        """Validate a body in one of the processes.

        :raises BadBody: it cannot be taken. :raises Overloaded: not now.
        """
        if self._under_way >= self._most:
            raise Overloaded("too many large bodies at once")
        self._under_way += 1
        try:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await self._room.acquire()
            except TimeoutError:
                raise Overloaded("large bodies keep the workers busy") from None
            run = partial(self._run, signal, body, content_type, bounds, packed)
            working = asyncio.get_running_loop().run_in_executor(self._threads, run)
            # The worker is at it until it is done, whoever has given up meanwhile.
            working.add_done_callback(lambda _: self._room.release())
            return await working
        finally:
            self._under_way -= 1

    def _run(
        self, signal: str, body: bytes, content_type: str, bounds: Horizon | None, packed: Packed | None
    ) -> Accepted:
        worker = self._free.pop()
        try:
            return worker.accept(signal, body, content_type, bounds, packed)
        finally:
            self._free.append(worker)

    def stop(self) -> None:
        """End them all."""
        for worker in self._all:
            worker.stop()
        self._threads.shutdown(wait=True)
