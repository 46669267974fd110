"""Segments: files of OTLP bodies, each of which is as a whole one valid protobuf message."""

import mmap
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Protobuf field 15, length-delimited, 28 bytes: the length of the body that follows; the body's number in this run; up
# to which number this run had answered its clients when it wrote this; the CRC-32 of the body, and of the mark so far.
# Both begin with the run's name, which no client knows: no body can hold a mark that would be taken for one of ours.
MARK = struct.Struct("<2sIQQII")
MARK_START = bytes([15 << 3 | 2, MARK.size - 2])
CHECKED = MARK.size - 4

# Of versions up to 2026-11: without the mark's own checksum, and a plain one of the body. Such files may still wait.
OLD_MARK = struct.Struct("<2sIQQI")
OLD_START = bytes([15 << 3 | 2, OLD_MARK.size - 2])
OLD_RUN = 28  # characters of a run's name then

# So begins the kind of a segment in whose bodies no value is an array or an object. Most are such, and the engine plans
# their INSERT in a third of the time.
PLAIN = "plain_"

NAME = re.compile(r"((?:plain_)?(?:traces|logs|metrics|sessions))-(\d{20}[0-9a-f]{8,32})-(\d{12,})\.(open|ready)")


def is_segment(path: Path) -> bool:
    """Whether a file's name and kind are those of a segment."""
    return bool(NAME.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


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
    body: int
    number: int
    answered: int
    checksum: int

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.end - self.body


@dataclass(frozen=True)
class Damage:
    """Bytes of a segment that are not what was written.

    :param torn: it is the last of the file and never was whole: what a crash leaves of a body that nobody was told of.
    """

    start: int
    end: int
    torn: bool = False


def seed_of(run: str) -> int:
    """What the checksums of a run's marks begin with."""
    return zlib.crc32(run.encode())


def mark_of(body: bytes, number: int, answered: int, seed: int) -> bytes:
    """The mark that goes before a body."""
    head = MARK.pack(MARK_START, len(body), number, answered, zlib.crc32(body, seed), 0)[:CHECKED]
    return head + zlib.crc32(head, seed).to_bytes(4, "little")


def mark_in(path: Path, body: bytes, number: int, answered: int) -> bytes:
    """The mark of a body in this segment, in the form that its run's name tells."""
    _, run, *_ = NAME.fullmatch(path.name).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if len(run) <= OLD_RUN:
        return OLD_MARK.pack(OLD_START, len(body), number, answered, zlib.crc32(body))
    return mark_of(body, number, answered, seed_of(run))


def pieces(path: Path, size: int | None = None) -> Iterator[Mark | Damage]:
    """The whole bodies of a segment, and between them what is damaged; the rest of an earlier segment is neither.

    After damage the next mark that is whole is looked for, byte by byte. Numbers rise from that in the file's name on:
    lower ones are the rest of an earlier segment that had the file.

    :param size: bytes to look at; else all.
    """
    _, run, first, _ = NAME.fullmatch(path.name).groups()  # pyright: ignore[reportOptionalMemberAccess]
    length = path.stat().st_size if size is None else min(size, path.stat().st_size)
    if not length:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ) as data:
        old = len(run) <= OLD_RUN
        yield from (_Old if old else _Reader)(data, length, seed_of(run), int(first)).pieces()


class _Reader:
    """Reads the pieces of a segment that is in memory."""

    form, begin = MARK, MARK_START

    def __init__(self, data: mmap.mmap, size: int, seed: int, first: int) -> None:
        self.data, self.size, self.seed = data, size, seed
        self.last = first - 1
        self.first = first

    def pieces(self) -> Iterator[Mark | Damage]:
        place = damaged = 0  # bytes from ``damaged`` to ``place`` are broken
        while place < self.size:
            mark, is_whole = self.mark(place)
            if mark and mark.number < self.first:
                break  # what an earlier segment left
            if mark and is_whole and mark.number > self.last:
                if damaged < place:
                    yield Damage(damaged, place)
                self.last = mark.number
                yield mark
                place = damaged = mark.end
                continue
            # A whole mark whose body is broken says where the next one is; else each place might be one.
            skip = mark.end if mark and mark.end <= self.size and self.mark(mark.end)[0] else place + 1
            found = self.data.find(self.begin, skip)
            place = self.size if found < 0 else found
        if damaged < place:
            yield Damage(damaged, place, torn=place == self.size and self._never_whole(damaged))

    def _never_whole(self, place: int) -> bool:
        """Whether what begins here, and ends with the file, was cut off while it was written."""
        mark, _ = self.mark(place)
        if mark:
            return mark.end > self.size
        return self.size - place < self.form.size or not self.data[place : self.size].strip(b"\0")

    def mark(self, place: int) -> tuple[Mark | None, bool]:
        """The mark at a place, if there is one, and whether its body is whole."""
        if place + MARK.size > self.size:
            return None, False
        head = self.data[place : place + MARK.size]
        start, length, number, answered, checksum, own = MARK.unpack(head)
        if start != MARK_START or zlib.crc32(head[:CHECKED], self.seed) != own:
            return None, False
        body = place + MARK.size
        mark = Mark(place, body + length, body, number, answered, checksum)
        return mark, mark.end <= self.size and self._sum(body, mark.end, self.seed) == checksum

    def _sum(self, start: int, end: int, seed: int) -> int:
        with memoryview(self.data) as view, view[start:end] as part:
            return zlib.crc32(part, seed)


class _Old(_Reader):
    """Reads a segment of an earlier version, whose marks can be forged: nothing is looked for behind damage."""

    form, begin = OLD_MARK, OLD_START

    def pieces(self) -> Iterator[Mark | Damage]:
        place = 0
        while place < self.size:
            mark, is_whole = self.mark(place)
            if mark and mark.number <= self.last:
                return
            if not mark or not is_whole:
                yield Damage(place, self.size, torn=self._never_whole(place))
                return
            self.last = mark.number
            yield mark
            place = mark.end

    def mark(self, place: int) -> tuple[Mark | None, bool]:
        if place + OLD_MARK.size > self.size:
            return None, False
        start, length, number, answered, checksum = OLD_MARK.unpack(self.data[place : place + OLD_MARK.size])
        if start != OLD_START:
            return None, False
        body = place + OLD_MARK.size
        mark = Mark(place, body + length, body, number, answered, checksum)
        return mark, mark.end <= self.size and self._sum(body, mark.end, 0) == checksum


def marks(path: Path, size: int | None = None) -> Iterator[Mark]:
    """The marks of the whole bodies of a segment."""
    return (piece for piece in pieces(path, size) if isinstance(piece, Mark))


def bodies(path: Path, size: int | None = None) -> Iterator[bytes]:
    """The whole bodies of a segment, one at a time."""
    with path.open("rb") as file:
        for mark in marks(path, size):
            file.seek(mark.body)
            yield file.read(mark.length)
