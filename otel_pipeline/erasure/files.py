"""Erasing from files of the home folder: what waits in the spool, dead letters, Dagster's event log, printed logs.

Bodies are OTLP requests: the records that are the subject's are taken out of them, the others stay. Files that a
running process writes to are not touched: the spool of a running intake empties by itself, within seconds.
"""

import contextlib
import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_pipeline.erasure.subject import FORGOTTEN, Subject
from otel_pipeline.intake.segments import bodies, mark_in, marks

DRAINED_SECONDS = 60
REQUESTS: dict[str, tuple[Callable[[], Message], str, str, str]] = {
    "traces": (ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans"),
    "logs": (ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records"),
    "sessions": (ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records"),
    "metrics": (ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics"),
}


class Files:
    """The files of an installation in which a subject may be mentioned."""

    def __init__(self, home: Path, subject: Subject) -> None:
        self._home = home
        self._subject = subject
        self._pattern = re.compile(subject.pattern) if subject.pattern else None
        self.spool = home / "intake" / "spool"
        self.dead_letters = home / "intake" / "dead-letters"

    def counts(self) -> dict[str, int]:
        """Records and files of each place that mention the subject; only places with some."""
        found = {
            "spool": sum(self._records(path.name, body) for path in self._segments() for body in _bodies(path)),
            "spool, rest of written segments": sum(self._in_bytes(path) for path in self._spares()),
            "dead letters": sum(self._in_letter(path) for path in self._letters()),
            "dagster": sum(self._in_bytes(path) for path in self._databases()),
            "logs": sum(self._in_bytes(path) for path in self._logs()),
        }
        return {place: count for place, count in found.items() if count}

    def wait_for_spool(self, seconds: float = DRAINED_SECONDS) -> bool:
        """Wait until a running intake has written what its spool held; whether nothing of the subject is left in it."""
        until = time.monotonic() + seconds
        while any(self._records(path.name, body) for path in self._segments() for body in _bodies(path)):
            if time.monotonic() > until or not self._busy():
                return False
            time.sleep(0.5)
        return True

    def erase(self, stack_runs: bool) -> list[str]:
        """Take the subject out of every file that nobody else writes to.

        :param stack_runs: whether the stack does: Dagster and the logs are its own then.
        :returns: what could not be done, in words.
        """
        left: list[str] = []
        with self._spool_held() as held:
            if held:
                for path in self._segments():
                    self._rewrite_segment(path)
                for path in self._spares():
                    path.unlink()
            elif self._spares():
                left.append("the intake runs, and keeps files of written segments to write over: restart it")
        for path in self._letters():
            self._rewrite_letter(path)
        if stack_runs:
            if any(self._in_bytes(path) for path in (*self._databases(), *self._logs())):
                left.append("Dagster's event log or the logs mention it: end the stack, and run this again")
            return left
        for path in self._databases():
            if self._in_bytes(path):
                self._rewrite_database(path)
        for path in self._logs():
            self._rewrite_log(path)
        return left

    # Telling.

    def _mentions(self, text: str) -> bool:
        return bool(self._pattern and self._pattern.search(text)) or any(
            f'"stringValue": "{value}"' in text for value in self._subject.exact
        )

    def _is_theirs(self, record: Any) -> bool:
        trace = getattr(record, "trace_id", b"").hex()
        return trace in self._subject.traces or self._mentions(json_format.MessageToJson(record, ensure_ascii=False))

    def _in_bytes(self, path: Path) -> bool:
        data = path.read_bytes()
        if any(trace.encode() in data for trace in self._subject.traces):
            return True
        return bool(self._pattern and self._pattern.search(data.decode("utf-8", "replace")))

    def _records(self, name: str, body: bytes) -> int:
        request = _request(name, body)
        return -1 if request is None else sum(self._split(name, request))

    def _split(self, name: str, request: Any, *, delete: bool = False) -> Iterator[int]:
        """How many records of each group of a request are the subject's; takes them out if asked."""
        _, resources, scopes, records = REQUESTS[_kind(name)]
        for group in list(getattr(request, resources)):
            whole = self._mentions(json_format.MessageToJson(group.resource, ensure_ascii=False))
            for scope in getattr(group, scopes):
                found = getattr(scope, records)
                theirs = [record for record in found if whole or self._is_theirs(record)]
                yield len(theirs)
                if delete and theirs:
                    kept = [record for record in found if not any(record is other for other in theirs)]
                    copies = [type(record).FromString(record.SerializeToString()) for record in kept]
                    del found[:]
                    found.extend(copies)
            if delete and whole:
                getattr(request, resources).remove(group)

    # The spool.

    def _segments(self) -> list[Path]:
        return sorted([*self.spool.glob("*-*-*.ready"), *self.spool.glob("*-*-*.open")]) if self.spool.is_dir() else []

    def _spares(self) -> list[Path]:
        folder = self.spool.with_suffix(".spares")
        return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []

    def _busy(self) -> bool:
        with self._spool_held() as held:
            return not held

    @contextlib.contextmanager
    def _spool_held(self) -> Iterator[bool]:
        """The spool's own lock, if no intake has it."""
        if not self.spool.is_dir():
            yield True
            return
        handle = os.open(self.spool, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(handle)

    def _rewrite_segment(self, path: Path) -> None:
        if not any(self._records(path.name, body) for body in _bodies(path)):
            return
        parts: list[bytes] = []
        for mark, body in zip(marks(path), _bodies(path), strict=True):
            kept = self._kept(path.name, body)
            parts += [mark_in(path, kept, mark.number, mark.answered), kept]
        _replace(path, b"".join(parts))

    def _kept(self, name: str, body: bytes) -> bytes:
        request: Any = _request(name, body)
        if request is None:
            return b"" if self._mentions(body.decode("utf-8", "replace")) else body
        sum(self._split(name, request, delete=True))
        return request.SerializeToString()

    # Dead letters: <kind>-….pb and, beside it, the reason.

    def _letters(self) -> list[Path]:
        return sorted(self.dead_letters.glob("*.pb")) if self.dead_letters.is_dir() else []

    def _in_letter(self, path: Path) -> bool:
        found = self._records(path.name, path.read_bytes())
        return found > 0 or (found < 0 and self._in_bytes(path)) or self._in_reason(path)

    def _in_reason(self, path: Path) -> bool:
        reason = path.with_suffix(".json")
        return reason.exists() and self._in_bytes(reason)

    def _rewrite_letter(self, path: Path) -> None:
        if not self._in_letter(path):
            return
        if self._records(path.name, path.read_bytes()) > 0:
            _replace(path, self._kept(path.name, path.read_bytes()))
        elif self._in_bytes(path):  # not to be read as OTLP: whole or not at all
            path.unlink()
        if self._in_reason(path):
            path.with_suffix(".json").unlink()

    # Dagster's event log (SQLite), and what processes printed.

    def _databases(self) -> list[Path]:
        folder = self._home / "dagster"
        return sorted(folder.rglob("*.db*")) if folder.is_dir() else []

    def _logs(self) -> list[Path]:
        folders = (self._home / "logs", self._home / "clickhouse" / "log")
        return sorted(path for folder in folders if folder.is_dir() for path in folder.glob("*log*") if path.is_file())

    def _struck(self, text: str) -> str:
        if self._pattern:
            text = self._pattern.sub(rf"\1{FORGOTTEN}\2", text)
        for trace in self._subject.traces:
            text = text.replace(trace, FORGOTTEN)
        return text

    def _rewrite_database(self, path: Path) -> None:
        if path.suffix != ".db":
            return
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.create_function(
                "struck", 1, lambda value: self._struck(value) if isinstance(value, str) else value
            )
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in names:
                for column in [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]:
                    change = f'UPDATE "{table}" SET "{column}" = struck("{column}")'
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute(f'{change} WHERE struck("{column}") != "{column}"')
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")

    def _rewrite_log(self, path: Path) -> None:
        if self._in_bytes(path):
            _replace(path, self._struck(path.read_text("utf-8", "replace")).encode())


def _kind(name: str) -> str:
    """The kind of a segment or letter, by its name: ``plain_logs-…`` and ``logs-…`` are logs."""
    kind = name.partition("-")[0].removeprefix("plain_")
    return kind if kind in REQUESTS else "logs"


def _request(name: str, body: bytes) -> Message | None:
    request = REQUESTS[_kind(name)][0]()
    try:
        request.ParseFromString(body)
    except DecodeError:
        return None
    return request


def _bodies(path: Path) -> list[bytes]:
    with contextlib.suppress(OSError):  # written meanwhile
        return list(bodies(path))
    return []


def _replace(path: Path, data: bytes) -> None:
    """Write a file anew, whole or not at all, for the owner alone."""
    temporary = path.with_name(path.name + ".forget")
    handle = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
