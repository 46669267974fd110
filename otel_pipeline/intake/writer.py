"""From the spool into ClickHouse, exactly once.

A segment goes in whole, as the data of one INSERT a table, under a deduplication token made of its name: sending it
again after any doubt is harmless. What the engine refuses because of the data is split until the poison is found.
"""

import http.client
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from otel_pipeline.intake.dead_letters import DeadLetters
from otel_pipeline.intake.recovery import mend
from otel_pipeline.intake.segments import Damage, Mark, Segment, marks, pieces
from otel_pipeline.intake.spool import Spool
from otel_pipeline.intake.statements import Statement, statements_of
from otel_pipeline.settings import Settings

log = logging.getLogger(__name__)

SEND_SECONDS = 120
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
MAX_PARTITIONS = 1000
# How the engine goes about a batch. Rows are merged soon after they came in: their skip indexes are made then, once.
INSERT_SETTINGS = {"async_insert": "0", "materialize_skip_indexes_on_insert": "0"}
IDLE_SECONDS = 2.0

# Codes of ClickHouse that say "this data": unreadable, out of range, or too many days in one batch. Every other refusal
# is about the server, and waits until it has been put right.
DATA_ERRORS = frozenset(
    {6, 20, 25, 26, 27, 32, 33, 38, 41, 43, 53, 69, 70, 72, 117, 128, 131, 190, 321, 349, 407, 436, 444, 448, 543, 636}
)
TOO_MANY_PARTS = 252
# A batch that is too large for the engine's memory each time is at fault itself: it is split like a refused one.
MEMORY_LIMIT, HEAVY_AFTER = 241, 3
# What has waited longer on disk than in normal work is checked before it is sent.
VERIFY_SECONDS = 10.0


class Refused(Exception):
    """The engine will not have this data.

    :param reason: what it said.
    """


class Unavailable(Exception):
    """The engine cannot take anything now, or its answer was lost; send again.

    :param reason: why.
    :param code: ClickHouse's, where it named one.
    """

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Sender:
    """A connection to ClickHouse's HTTP interface that streams files as the data of INSERTs. Belongs to one thread."""

    def __init__(self, settings: Settings, timeout: float = SEND_SECONDS) -> None:
        self.settings = settings
        self.timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def send(self, statement: Statement, token: str, data: BinaryIO, size: int) -> None:
        """Insert ``size`` bytes of ``data`` under a deduplication token.

        :raises Refused: the data is at fault.
        :raises Unavailable: anything else; the rows may or may not be in.
        """
        parameters = {
            **statement.parameters(),
            **INSERT_SETTINGS,
            "insert_deduplicate": "1",
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": "1",
            "max_partitions_per_insert_block": str(MAX_PARTITIONS),
            "log_comment": json.dumps({"command": "intake", "segment": token}),
        }
        self._request(parameters, data, size)

    def ask(self, sql: str) -> None:
        """Run a query without a result.

        :raises Unavailable: it failed.
        """
        try:
            self._request({"query": sql}, BytesIO(), 0)
        except Refused as refusal:
            raise Unavailable(str(refusal)) from None

    def _request(self, parameters: dict[str, str], data: BinaryIO, size: int) -> None:
        headers = {
            "X-ClickHouse-User": self.settings.clickhouse_user,
            "X-ClickHouse-Key": self.settings.clickhouse_password,
            "Content-Length": str(size),
        }
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.close()  # the server may be about to close it, which would look like a lost answer
        try:
            connection = self._connection = self._connection or self._connect()
            path = "/?" + urlencode({"database": self.settings.clickhouse_database, **parameters})
            connection.request("POST", path, headers=headers)
            if size:
                connection.sock.sendfile(data, count=size)  # from the file to the socket without a detour
            response = connection.getresponse()
            text = response.read(8192).decode(errors="replace").strip()
            response.read()
            self._used = time.monotonic()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unavailable(
                f"no answer from ClickHouse at {self._address}: {error or type(error).__name__}"
            ) from error
        if response.status == 200 and not response.getheader("X-ClickHouse-Exception-Code"):
            return
        # The engine may answer before it has read everything; the rest must not be taken for the next request.
        self.close()
        code = int(response.getheader("X-ClickHouse-Exception-Code") or 0)
        if code in DATA_ERRORS or (code == TOO_MANY_PARTS and "single INSERT" in text):
            raise Refused(text[:2000])
        raise Unavailable(text[:500] or f"HTTP status {response.status}", code)

    def close(self) -> None:
        """Close the connection; the next :meth:`send` opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None

    @property
    def _address(self) -> str:
        return f"{self.settings.clickhouse_host or '127.0.0.1'}:{self.settings.clickhouse_port}"

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.settings.clickhouse_host or "127.0.0.1", self.settings.clickhouse_port
        if self.settings.clickhouse_secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self.timeout)


@dataclass
class Observer:
    """What the writer tells about its work. Called from its threads.

    :param written: kind, bytes, seconds that the INSERTs took, seconds since the segment's last byte arrived.
    :param dead: kind and number of bodies that went to the dead-letter folder.
    """

    written: Callable[[str, int, float, float], None] = lambda *_: None
    dead: Callable[[str, int], None] = lambda *_: None


class Writer:
    """Threads that empty the spool.

    :param settings: where ClickHouse is, and who writes.
    :param dead_letters: bodies that the engine refuses go there, with the reason; a folder is enough.
    :param threads: INSERTs at the same time.
    """

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        dead_letters: DeadLetters | Path,
        observer: Observer | None = None,
        threads: int = 2,
    ) -> None:
        self.settings = settings
        self.spool = spool
        self.dead_letters = DeadLetters(dead_letters) if isinstance(dead_letters, Path) else dead_letters
        self.observer = observer or Observer()
        self.trouble = ""
        self._stopping = threading.Event()
        self._draining = threading.Event()
        self._too_large: dict[str, int] = {}
        spool.writers = threads
        self._threads = [threading.Thread(target=self._run, name=f"writer-{n}", daemon=True) for n in range(threads)]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def drain(self, seconds: float) -> None:
        """Write what the spool holds, for at most ``seconds``, then stop. What is left stays in the spool."""
        self.spool.linger = 0.0
        self._draining.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._stopping.set()

    def _run(self) -> None:
        sender = Sender(self.settings)
        failures = 0
        while not self._stopping.is_set():
            segment = self.spool.take(0.5)
            if segment is None:
                if self._draining.is_set():
                    break
                continue
            try:
                self._write(sender, segment)
                failures = 0
                self.trouble = ""
            except Unavailable as error:
                self.spool.put_back(segment)
                if str(error) != self.trouble:
                    log.warning("ClickHouse takes nothing now, the spool keeps it: %s", error)
                self.trouble = str(error)
                if self._draining.is_set():
                    break
                self._stopping.wait(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
            except FileNotFoundError:
                log.error("%s is gone, and what was in it: somebody has deleted it", segment.path)
                self.observer.dead(segment.kind, 1)
                self.spool.done(segment)
            except Exception:
                self.spool.put_back(segment)
                log.exception("the writer failed on %s", segment.path)
                self._stopping.wait(RETRY_SECONDS[-1])
        sender.close()

    def _write(self, sender: Sender, segment: Segment) -> None:
        started = time.monotonic()
        last_byte = segment.path.stat().st_mtime
        if time.time() - last_byte > VERIFY_SECONDS:
            self._mend(segment)
        poison = self._send(sender, segment) if segment.size else {}
        if poison is None:  # refused, and damaged: now it is not any more
            poison = self._send(sender, segment) or {} if segment.size else {}
        if poison:
            self.observer.dead(segment.kind, len(poison))
        self.spool.done(segment)
        self._too_large.pop(segment.token, None)
        self.observer.written(segment.kind, segment.size, time.monotonic() - started, time.time() - last_byte)

    def _send(self, sender: Sender, segment: Segment) -> dict[Mark, str] | None:
        """Insert a segment; the bodies that nobody can store are dead letters then.

        :returns: these, and why; None where the segment turned out to be damaged, and was mended.
        """
        poison: dict[Mark, str] = {}
        with segment.path.open("rb") as file:
            for statement in statements_of(segment):
                token = f"{segment.token}:{statement.table}"
                try:
                    self._insert(sender, statement, token, file, segment.size, segment)
                except Refused as refusal:
                    if self._mend(segment):
                        return None
                    whole = list(marks(segment.path, segment.size))
                    for mark, reason in self._split(sender, statement, file, whole, refusal, segment):
                        poison[mark] = reason
            for mark, reason in poison.items():
                self._bury(segment, file, mark, reason)
        return poison

    def _insert(  # noqa: PLR0917
        self, sender: Sender, statement: Statement, token: str, data: BinaryIO, size: int, segment: Segment
    ) -> None:
        """Insert, and take it for the data's fault when its memory does not suffice again and again."""
        try:
            sender.send(statement, token, data, size)
        except Unavailable as error:
            if error.code != MEMORY_LIMIT:
                raise
            times = self._too_large[segment.token] = self._too_large.get(segment.token, 0) + 1
            if times < HEAVY_AFTER:
                raise
            raise Refused(str(error)) from None

    def _mend(self, segment: Segment) -> bool:
        """Take out of a segment what its checksums say is broken, into the dead letters; whether there was such."""
        found = list(pieces(segment.path, segment.size))
        if not any(isinstance(piece, Damage) for piece in found):
            return False
        size, broken = mend(segment.path, found, self._bury_broken)
        self.spool.shrink(segment, size)
        self.observer.dead(segment.kind, broken)
        return True

    def _bury_broken(self, name: str, kind: str, reason: str, data: bytes) -> None:
        self.dead_letters.keep(name, kind, reason, data, suffix=".broken")

    def _split(  # noqa: PLR0917
        self,
        sender: Sender,
        statement: Statement,
        file: BinaryIO,
        bodies: Sequence[Mark],
        refusal: Refused,
        segment: Segment,
    ) -> Iterator[tuple[Mark, str]]:
        """Insert the halves of a refused batch, down to single bodies; the bodies that are refused alone, and why.

        The cuts, and so the tokens, depend on the segment's bytes alone.
        """
        if len(bodies) <= 1:
            yield from ((body, str(refusal)) for body in bodies)
            return
        middle = len(bodies) // 2
        for half in (bodies[:middle], bodies[middle:]):
            start, end = half[0].start, half[-1].end
            file.seek(start)
            token = f"{segment.token}:{statement.table}:{start}-{end}"
            try:
                self._insert(sender, statement, token, BytesIO(file.read(end - start)), end - start, segment)
            except Refused as again:
                yield from self._split(sender, statement, file, half, again, segment)

    def _bury(self, segment: Segment, file: BinaryIO, mark: Mark, reason: str) -> None:
        """Keep a body that nobody can store."""
        file.seek(mark.body)
        self.dead_letters.keep(f"{segment.token}-{mark.start}", segment.kind, reason, file.read(mark.length))
