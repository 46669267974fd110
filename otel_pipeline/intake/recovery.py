"""What an earlier run of the intake left in the spool's folder, and what its clients may send again."""

import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from otel_pipeline.intake.dead_letters import write_private
from otel_pipeline.intake.segments import NAME, OLD_RUN, Damage, Mark, Segment, is_segment, pieces, seed_of

log = logging.getLogger(__name__)

REPEAT_SECONDS = 120.0

Bury = Callable[[str, str, str, bytes], object]


@dataclass
class Recovered:
    """What was found.

    :param segments: oldest first, whole bodies only.
    :param unanswered: names (:func:`name`) of the durable bodies whose clients had no answer yet.
    :param strange: files that are none of the spool's, or cannot be read; they stay as they are.
    :param broken: parts of segments that were damaged, and are dead letters now.
    :param seed: what the checksums of the latest run begin with.
    """

    segments: list[Segment] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    strange: list[Path] = field(default_factory=list)
    broken: int = 0
    seed: int = 0


def recover(folder: Path, bury: Bury | None = None) -> Recovered:
    """Take over every whole body of every segment, whatever is broken between them.

    :param bury: keeps broken parts: (name, kind, reason, bytes).
    """
    found = Recovered()
    contents: dict[Path, list[Mark | Damage]] = {}
    for path in sorted(folder.iterdir()):
        try:
            if not is_segment(path) or (path.suffix == ".open" and path.with_suffix(".ready").exists()):
                raise ValueError("not a segment of the spool")
            contents[path] = list(pieces(path))
        except (OSError, ValueError) as error:
            log.warning("%s is left alone: %s", path, error)
            found.strange.append(path)
    runs = {path: str(NAME.fullmatch(path.name)[2]) for path in contents}  # pyright: ignore[reportOptionalSubscript]
    latest = max(runs.values(), default="")
    durable: dict[int, str] = {}
    answered = 0
    for path, all_ in contents.items():
        if runs[path] == latest:
            whole = [piece for piece in all_ if isinstance(piece, Mark)]
            durable.update((mark.number, f"{mark.length}-{mark.checksum:08x}") for mark in whole)
            answered = max([answered, *(mark.answered for mark in whole)])
        try:
            size, broken = mend(path, all_, bury)
        except OSError as error:
            log.error("%s cannot be taken over: %s", path, error)
            found.strange.append(path)
            continue
        found.broken += broken
        if size:
            ready = path.rename(path.with_suffix(".ready"))
            found.segments.append(Segment(path.stem.split("-")[0], ready, size))
    found.segments.sort(key=lambda segment: segment.token.split("-")[1:])
    found.unanswered = [body for number, body in durable.items() if number > answered]
    found.seed = seed_of(latest) if len(latest) > OLD_RUN else 0
    return found


def mend(path: Path, found: Iterable[Mark | Damage], bury: Bury | None) -> tuple[int, int]:
    """Leave a segment its whole bodies alone; its size then (0: the file is gone), and how many broken parts it had.

    :param found: its pieces.
    """
    whole = [piece for piece in found if isinstance(piece, Mark)]
    # What was being written when the run died is no loss: its client was never told, and sends it again.
    broken = [piece for piece in found if isinstance(piece, Damage) and not (piece.torn and path.suffix == ".open")]
    for piece in broken:
        reason = f"bytes {piece.start} to {piece.end} of {path.name} are not those that were written (checksum)"
        log.error("%s; the rest is read on", reason)
        if bury:
            bury(f"{path.stem}-{piece.start}", path.stem.split("-")[0], reason, _bytes(path, piece))
    size = whole[-1].end if whole else 0
    if not whole:
        path.unlink()
    elif any(piece.start < size for piece in broken):
        temporary = path.with_suffix(".tmp")
        size = sum(mark.end - mark.start for mark in whole)
        write_private(temporary, b"".join(_bytes(path, mark) for mark in whole))
        temporary.replace(path)
    elif size < path.stat().st_size:
        _cut(path, size)
    return size, len(broken)


def _bytes(path: Path, piece: Mark | Damage) -> bytes:
    with path.open("rb") as file:
        file.seek(piece.start)
        return file.read(piece.end - piece.start)


def _cut(path: Path, size: int) -> None:
    """Cut a file, for good: what stands behind may be the rest of an earlier segment."""
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def name(body: bytes, seed: int = 0) -> str:
    """What a body is known by."""
    return f"{len(body)}-{zlib.crc32(body, seed):08x}"


class Repeats:
    """Durable bodies that clients may send again, remembered on disk too: this run may die before they do.

    :param file: where they are kept.
    :param unanswered: names of the bodies that the last run did not answer.
    :param seed: what the last run's checksums begin with.
    """

    def __init__(self, file: Path, unanswered: list[str], seed: int = 0) -> None:
        now = time.time()
        self._expected: dict[str, tuple[float, int]] = {}
        try:
            for body, (until, of) in dict(json.loads(file.read_text())).items():
                if float(until) > now:
                    self._expected[str(body)] = float(until), int(of)
        except (OSError, ValueError, TypeError):
            log.debug("%s: nothing that clients may repeat", file)
        self._expected |= dict.fromkeys(unanswered, (now + REPEAT_SECONDS, seed))
        temporary = file.with_suffix(".tmp")
        try:
            write_private(temporary, json.dumps(self._expected).encode())
            temporary.replace(file)
        except OSError as error:  # a full disk must not keep the intake from emptying its spool
            log.warning("cannot write %s: %s", file, error.strerror)

    def takes(self, body: bytes) -> bool:
        """Whether the body is such a repetition; a second one is not."""
        if not self._expected:
            return False
        for seed in {of for _, of in self._expected.values()}:
            known = self._expected.pop(name(body, seed), None)
            if known:
                return known[0] > time.time()
        return False
