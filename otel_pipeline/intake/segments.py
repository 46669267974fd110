"""Segments: files of OTLP bodies, each of which is as a whole one valid protobuf message."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Protobuf field 15, length-delimited, 24 bytes: the length of the body that follows; the body's number in this run; up
# to which number this run had answered its clients when it wrote this; the body's CRC-32.
MARK = struct.Struct("<2sIQQI")
MARK_START = bytes([15 << 3 | 2, MARK.size - 2])

# So begins the kind of a segment in whose bodies no value is an array or an object. Most are such, and the engine plans
# their INSERT in a third of the time.
PLAIN = "plain_"


@dataclass
class Segment:
    """A sealed file of bodies of a kind: ``traces``, ``logs``, ``metrics`` or ``sessions``, perhaps ``PLAIN`` ones.

    :param size: its bytes. The file may be longer: behind them stands what an earlier segment left.
    """

    kind: str
    path: Path
    size: int

    @property
    def token(self) -> str:
        """What names these bytes for ever."""
        return self.path.stem


@dataclass(frozen=True)
class Mark:
    """Where a body stands in a segment (``start`` to ``end``, its mark included), and what its mark says."""

    start: int
    end: int
    number: int
    answered: int
    checksum: int

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.end - self.start - MARK.size


def marks(path: Path) -> Iterator[Mark]:
    """The marks of the whole and undamaged bodies of a segment, up to the first damaged one.

    Numbers rise from that in the file's name on. Lower ones are the rest of an earlier segment that had the file.
    """
    size = path.stat().st_size
    last = int(path.stem.rpartition("-")[2]) - 1
    with path.open("rb") as file:
        start = 0
        while start + MARK.size <= size:
            prefix, length, number, answered, checksum = MARK.unpack(file.read(MARK.size))
            end = start + MARK.size + length
            if prefix != MARK_START or number <= last or end > size or zlib.crc32(file.read(length)) != checksum:
                return
            last = number
            yield Mark(start, end, number, answered, checksum)
            start = end


def bodies(path: Path) -> Iterator[bytes]:
    """The bodies of a segment, one at a time."""
    with path.open("rb") as file:
        for mark in marks(path):
            file.seek(mark.start + MARK.size)
            yield file.read(mark.length)
