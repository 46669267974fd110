"""What an earlier run of the intake left in the spool's folder, and what its clients may send again."""

import json
import logging
import os
import time
import zlib
from pathlib import Path

from otel_pipeline.intake.segments import Segment, marks

log = logging.getLogger(__name__)

REPEAT_SECONDS = 120.0


def recover(folder: Path) -> tuple[list[Segment], list[str]]:
    """Take over sealed segments as they are, open ones up to their last whole body.

    :returns: the segments, oldest first; names (:func:`name`) of the durable bodies whose clients had no answer yet.
    """
    left = sorted(folder.glob("*.open")) + sorted(folder.glob("*.ready"))
    latest = max((path.stem.split("-")[1] for path in left), default="")
    segments: list[Segment] = []
    durable: dict[int, str] = {}
    answered = 0
    for path in left:
        kind, run, _ = path.stem.split("-")
        whole = path.stat().st_size
        if path.suffix == ".open" or run == latest:
            found = list(marks(path))
            whole = found[-1].end if found else 0
            if run == latest:
                durable.update((mark.number, f"{mark.length}-{mark.checksum:08x}") for mark in found)
                answered = max([answered, *(mark.answered for mark in found)])
        if not whole:
            path.unlink()
            continue
        if whole < path.stat().st_size:
            _cut(path, whole)
        segments.append(Segment(kind, path.rename(path.with_suffix(".ready")), whole))
    segments.sort(key=lambda segment: segment.token.split("-")[1:])
    return segments, [body for number, body in durable.items() if number > answered]


def _cut(path: Path, size: int) -> None:
    """Cut a file, for good: what stands behind may be the rest of an earlier segment."""
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def name(body: bytes) -> str:
    """What a body is known by."""
    return f"{len(body)}-{zlib.crc32(body):08x}"


class Repeats:
    """Durable bodies that clients may send again, remembered on disk too: this run may die before they do.

    :param file: where they are kept.
    :param unanswered: names of the bodies that the last run did not answer.
    """

    def __init__(self, file: Path, unanswered: list[str]) -> None:
        now = time.time()
        try:
            known: dict[str, float] = json.loads(file.read_text())
        except (OSError, ValueError):
            known = {}
        self._expected = {body: until for body, until in known.items() if until > now}
        self._expected |= dict.fromkeys(unanswered, now + REPEAT_SECONDS)
        temporary = file.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(self._expected))
            temporary.replace(file)
        except OSError as error:  # a full disk must not keep the intake from emptying its spool
            log.warning("cannot write %s: %s", file, error.strerror)

    def takes(self, body: bytes) -> bool:
        """Whether the body is such a repetition; a second one is not."""
        return bool(self._expected) and self._expected.pop(name(body), 0.0) > time.time()
