"""The dead-letter folder: what nobody can store, with the reason beside it. Readable by the owner alone."""

import json
import logging
import os
import threading
import time
from pathlib import Path

log = logging.getLogger(__name__)

LIMIT_BYTES = 256 << 20
LOG_SECONDS = 60.0


def private_folder(path: Path) -> Path:
    """A folder that its owner alone can enter, made if missing.

    :raises OSError: it cannot be had.
    """
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes, durable: bool = True) -> None:
    """Write a file that its owner alone can read; durable when this returns."""
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)
        file.flush()
        if durable:
            os.fsync(descriptor)


class DeadLetters:
    """Keeps bodies as ``<name>.pb`` (an OTLP request) or ``<name>.broken`` (bytes of the spool), and ``<name>.json``.

    :param folder: made when the first one comes.
    :param limit: bytes after which records that their sender was told of are counted, not kept; others are kept up to
        twice as many.
    """

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit = limit
        self.kept = 0
        self.dropped = 0
        self._lock = threading.Lock()
        self._told = -LOG_SECONDS
        self._quiet = 0
        try:
            self._bytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        except OSError:
            self._bytes = 0

    def keep(self, name: str, kind: str, reason: str, data: bytes, *, suffix: str = ".pb", told: bool = False) -> bool:
        """Keep a body that nobody can store, and why.

        :param told: its sender knows that it was not stored.
        :returns: whether it was kept; it was not where the folder is full, or cannot be written.
        """
        with self._lock:
            room = self._bytes + len(data) <= (self.limit if told else 2 * self.limit)
            if room:
                refused_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                story = {"kind": kind, "reason": reason, "refused_at": refused_at}
                text = json.dumps(story, indent=2).encode() + b"\n"
                try:
                    private_folder(self.folder)
                    write_private(self.folder / f"{name}{suffix}", data, durable=not told)
                    write_private(self.folder / f"{name}.json", text, durable=not told)
                    self._bytes += len(data) + len(text)
                    self.kept += 1
                except OSError as error:
                    log.error("cannot write the dead letters in %s: %s", self.folder, error.strerror)
                    room = False
            self.dropped += not room
            where = f"went to {self.folder / name}" if room else f"could not be kept: {self.folder} is full"
            self._say("%d bytes of %s %s: %s", len(data), kind, where, reason[:200])
        return room

    def _say(self, text: str, *values: object) -> None:
        """Log one a minute in full; how many there were beside it comes with the next."""
        if time.monotonic() - self._told < LOG_SECONDS:
            self._quiet += 1
            return
        more = f" (and {self._quiet} others before)" if self._quiet else ""
        self._told, self._quiet = time.monotonic(), 0
        log.error(text + more, *values)
