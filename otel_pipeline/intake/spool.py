"""The durable spool: bodies on disk before they are acknowledged.

A *segment* is a file of bodies of one kind. Before each body stands a mark that is itself a protobuf field which no
OTLP request has, so a whole segment is one valid protobuf message: the writer hands the file to the engine as it is. A
segment's bytes are fixed once it is sealed, so its name is its deduplication token.

    <kind>-<run>-<number>.open     appended to by this process; the number is that of its first body
    <kind>-<run>-<number>.ready    sealed; waits for the writer, retired when the engine has it

Some retired files are written over by later segments: an fsync of blocks that a file has already needs no allocation
and, on a file system with a journal, does not wait for that.
"""

import asyncio
import fcntl
import os
import secrets
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from otel_pipeline.errors import UserError
from otel_pipeline.intake.dead_letters import private_folder
from otel_pipeline.intake.recovery import Bury, Repeats, recover
from otel_pipeline.intake.segments import Segment, is_segment, mark_of, seed_of

SEGMENT_BYTES = 32 << 20
BATCH_BYTES = 8 << 20
LINGER_SECONDS = 0.7
PATIENCE_SECONDS = 1.2
PACE_SECONDS = 0.5
PACE_STEP = 0.01
VECTORS = 512
SPARES = 3
SPARE_BYTES = 4 << 20


class SpoolFull(Exception):
    """The spool has reached its size, or the disk has: the client shall come back later."""


@dataclass
class _OpenFile:
    path: Path
    descriptor: int
    size: int = 0
    since: float = field(default_factory=time.monotonic)


@dataclass
class _Waiting:
    kind: str
    number: int
    body: bytes
    done: asyncio.Future[None]


class Spool:
    """Segments in a folder. Appending belongs to one event loop; :meth:`take` and :meth:`done` to the writer's threads.

    :param folder: made if missing; one process at a time.
    :param limit: bytes of all segments after which :meth:`stored` raises :class:`SpoolFull`; ``full`` says whether the
        last body was refused so, ``linger`` how many seconds a segment stays open for more, ``writers`` how many
        threads take segments out.
    :param bury: keeps what is broken of an earlier run's segments: (name, kind, reason, bytes). ``recovered`` says what
        was found.
    :raises UserError: another process has the folder, or it cannot be written.
    """

    def __init__(self, folder: Path, limit: int, bury: Bury | None = None) -> None:
        self.folder = folder
        self.limit = limit
        self.writers = 1
        try:
            private_folder(folder)
            self._spare_folder = private_folder(folder.with_suffix(".spares"))
            self._folder_descriptor = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise UserError(f"cannot use the spool {folder}: {error.strerror}; set OTEL_PIPELINE_HOME") from error
        try:
            fcntl.flock(self._folder_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._folder_descriptor)
            raise UserError(f"{folder} is in use by another intake; end that one, or set OTEL_PIPELINE_HOME") from None
        self.run = f"{time.time_ns():020d}{secrets.token_hex(8)}"
        self._seed = seed_of(self.run)
        self.bytes = 0
        self.full = False
        self.linger = LINGER_SECONDS
        self._taken = 0
        self._number = 0
        self._unanswered: dict[int, None] = {}
        self._open: dict[str, _OpenFile] = {}
        self._ready: list[Segment] = []
        self._since: dict[str, float] = {}
        self._refused = False
        self._change = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._committer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "spool")
        self._spares: list[Path] = []
        self._forget_spares()
        self.recovered = recover(folder, bury)
        self._ready = list(self.recovered.segments)
        self.bytes = sum(segment.size for segment in self._ready)
        self._repeats = Repeats(folder.with_suffix(".repeats"), self.recovered.unanswered, self.recovered.seed)

    # Appending: the event loop.

    @asynccontextmanager
    async def stored(self, kind: str, body: bytes, grace: float = 0.0) -> AsyncIterator[None]:
        """Make the body durable; answer the client inside the block.

        A body that an earlier run had made durable when it died, before the client could have its answer, is not
        stored again when the client repeats it within the time of :mod:`recovery`.

        :param grace: seconds for which the answer may still be on its way after the block.
        :raises SpoolFull: no room. The body is not stored.
        """
        if self._repeats.takes(body):
            yield
            return
        self.full = self.bytes + len(body) > self.limit
        if self.full:
            raise SpoolFull(f"the spool holds {self.bytes >> 20} MiB, its limit")
        self._number += 1
        number = self._number
        self._unanswered[number] = None
        try:
            waiting = _Waiting(kind, number, body, asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
            if self._committer is None:
                self._committer = asyncio.create_task(self._commit())
            await waiting.done
            yield
        finally:
            if grace:
                asyncio.get_running_loop().call_later(grace, self._unanswered.pop, number, None)
            else:
                self._unanswered.pop(number, None)

    async def _commit(self) -> None:
        """One write and one fsync a file for all that wait, until nobody does."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._pace()
            group, self._waiting = self._waiting, []
            answered = next(iter(self._unanswered), self._number + 1) - 1
            failed = await loop.run_in_executor(self._thread, self._append, group, answered)
            for waiting in group:
                if waiting.done.cancelled():
                    continue
                if waiting.kind in failed:
                    waiting.done.set_exception(SpoolFull(f"cannot write the spool: {failed[waiting.kind]}"))
                else:
                    waiting.done.set_result(None)
        self._committer = None

    async def _pace(self) -> None:
        """Hold answers back for as long as the writer is late, never long: clients slow to the engine's speed.

        Nobody waits for an engine that is away: that is for the spool to take over.
        """
        begin = time.monotonic()
        while time.monotonic() - begin < min(self.late(), PACE_SECONDS):
            await asyncio.sleep(PACE_STEP)

    def _append(self, group: list[_Waiting], answered: int) -> dict[str, str]:
        """Append the group and fsync; reasons by kind where that failed (nothing of the kind is kept then)."""
        failed: dict[str, str] = {}
        for kind in dict.fromkeys(waiting.kind for waiting in group):
            parts: list[bytes] = []
            mine = [waiting for waiting in group if waiting.kind == kind]
            for waiting in mine:
                parts += [mark_of(waiting.body, waiting.number, answered, self._seed), waiting.body]
            with self._change:
                try:
                    self._append_to(kind, mine[0].number, parts)
                except OSError as error:
                    failed[kind] = str(error.strerror)
        return failed

    def _append_to(self, kind: str, first: int, parts: list[bytes]) -> None:
        file = self._open.get(kind) or self._create(kind, first)
        end = file.size
        try:
            for start in range(0, len(parts), VECTORS):
                chunk = parts[start : start + VECTORS]
                size = sum(map(len, chunk))
                if os.pwritev(file.descriptor, chunk, end) != size:
                    raise OSError(28, "no space left on the disk")
                end += size
            os.fdatasync(file.descriptor)
        except OSError:
            # After a failed fsync the file's state is unknown: cut it back, and append to another one.
            os.ftruncate(file.descriptor, file.size)
            self._seal(kind)
            raise
        self.bytes += end - file.size
        file.size = end
        if file.size >= SEGMENT_BYTES:
            self._seal(kind)
        self._change.notify()

    def _create(self, kind: str, first: int) -> _OpenFile:
        path = self.folder / f"{kind}-{self.run}-{first:012d}.open"
        if self._spares:
            self._spares.pop().rename(path)
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        os.fsync(self._folder_descriptor)
        self._open[kind] = file = _OpenFile(path, descriptor)
        return file

    def _seal(self, kind: str) -> None:
        file = self._open.pop(kind)
        os.close(file.descriptor)
        if not file.size:
            file.path.unlink()
            return
        path = file.path.rename(file.path.with_suffix(".ready"))
        segment = Segment(kind, path, file.size)
        self._since[segment.token] = file.since
        self._ready.append(segment)

    # Taking out: the writer's threads.

    def take(self, timeout: float) -> Segment | None:
        """The next segment to write: the oldest sealed one, else an open one that has waited long enough.

        :returns: None when there was none within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._change:
            while True:
                if not self._ready:
                    for kind, file in list(self._open.items()):
                        if time.monotonic() - file.since >= self.linger:
                            self._seal(kind)
                if self._ready:
                    self._taken += 1
                    return self._ready.pop(0)
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._change.wait(min(left, self.linger / 2))

    def put_back(self, segment: Segment) -> None:
        """Return a segment that could not be written now, behind the others: they may fare better."""
        with self._change:
            self._refused = True
            self._taken -= 1
            self._ready.append(segment)

    def shrink(self, segment: Segment, size: int) -> None:
        """Note that a segment that was taken out has fewer bytes now."""
        with self._change:
            self.bytes -= segment.size - size
            segment.size = size

    def done(self, segment: Segment) -> None:
        """Forget a segment whose rows the engine has."""
        spare = self._retire(segment)
        with self._change:
            self._spares += spare
            self._since.pop(segment.token, None)
            self._refused = False
            self._taken -= 1
            self.bytes -= segment.size
            self.full = False

    def _retire(self, segment: Segment) -> list[Path]:
        """Delete a segment's file, or keep it for a later one of this run, whose numbers tell them apart."""
        if len(self._spares) >= SPARES or segment.size < SPARE_BYTES or self.run not in segment.token:
            segment.path.unlink(missing_ok=True)
            return []
        return [segment.path.rename(self._spare_folder / segment.path.name)]

    def _forget_spares(self) -> None:
        self._spares.clear()
        for path in self._spare_folder.iterdir():
            if is_segment(path):
                path.unlink()

    @property
    def backlog(self) -> int:
        """Segments that wait or are open."""
        return len(self._ready) + len(self._open)

    def late(self) -> float:
        """Seconds beyond :data:`PATIENCE_SECONDS` that a body has waited while every writer is busy, none unable.

        0 while less than :data:`BATCH_BYTES` wait: fewer would only make the next INSERT smaller, not faster.
        """
        oldest = min(list(self._since.values()), default=None)
        waiting = sum(segment.size for segment in list(self._ready)) + sum(
            file.size for file in list(self._open.values())
        )
        if self._refused or self._taken < self.writers or oldest is None or waiting < BATCH_BYTES:
            return 0.0
        return max(0.0, time.monotonic() - oldest - PATIENCE_SECONDS)

    def oldest_seconds(self) -> float:
        """Age of the oldest segment that waits, in seconds; 0 when there is none."""
        with self._change:
            runs = [segment.path for segment in self._ready] + [file.path for file in self._open.values()]
            ages = [time.time() - path.stat().st_mtime for path in runs[:1] if path.exists()]
        return max(ages, default=0.0)

    def close(self) -> None:
        """Seal what is open and release the folder. Nothing may be appended any more."""
        self._thread.shutdown(wait=True)
        with self._change:
            for kind in list(self._open):
                self._seal(kind)
        self._forget_spares()
        os.close(self._folder_descriptor)
