"""One OTLP body, from the wire to what the spool keeps: decompressed, validated, as protobuf.

A body that the engine's message definitions (``otlp.proto``) can hold goes through as the client sent it: parsed once
in C to validate it (twice where a value is an array or an object), never walked in Python. Only the rare rest is walked
and written anew: values nested more than once become the text that is stored of them, fields of newer protocols are
dropped, U+FFFD stands for bytes that are no text, records with times that cannot be stored are taken out.
"""

import base64
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

import zstandard
from google.protobuf import json_format
from google.protobuf.message import DecodeError, EncodeError, Message

from otel_pipeline.intake import messages
from otel_pipeline.intake.horizon import Horizon, in_time, take_outside
from otel_pipeline.intake.segments import PLAIN
from otel_pipeline.intake.values import flatten

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SESSION_MARK = b"rr-web.event"
ZSTD_WINDOW = 8 << 20
ZSTD_STEP = 64
SLICE = 64 << 10
# No client compresses a body in so many pieces, or puts so many records into one.
MEMBERS = 64
MOST_RECORDS = 250_000
# What is walked in Python costs time by the message, not by the byte. An attribute is two; 16 MiB hold no more, unless
# somebody sends nothing, again and again.
MOST_WALKED = 2_000_000
MOST_OBJECTS = 1_000_000

# An empty array or object leaves no trace in the engine's columns. These bytes betray one, as the value of an attribute
# (field 2) or as the body of a log record (field 5).
EMPTY_COLLECTIONS = re.compile(rb"[\x12\x2a]\x02[\x2a\x32]\x00")

# OTLP's JSON writes ids as hex where protobuf's JSON has base64. A quote inside a JSON string is escaped, so this
# matches member names only.
JSON_IDS = re.compile(r'"(traceId|spanId|parentSpanId|trace_id|span_id|parent_span_id)"(\s*:\s*)"([^"\\]*)"')
HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class BadBody(Exception):
    """The client's fault, and final: it shall not send this again.

    :param status: HTTP status: 400, 413 or 415.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Accepted:
    """What to do with a body.

    :param kind: kind of segment to spool it in: the signal, or ``sessions``; plain where no value is a collection.
    :param body: an export request as protobuf; empty when there is nothing to store.
    :param rejected: records of it that are not stored.
    :param reason: why they are not, or what else the client should know.
    :param dead: these records, as a request, for the dead letters.
    """

    kind: str
    body: bytes
    rejected: int = 0
    reason: str = ""
    dead: bytes = b""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding; never unpacks much more than ``limit`` bytes.

    :raises BadBody: 415 for an unknown encoding, 400 for a damaged body, 413 for one larger than the limit.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or (not body and encoding in ("gzip", "deflate", "zstd")):
        plain = body
    elif encoding in ("gzip", "deflate"):
        plain = _inflate(body, 31 if encoding == "gzip" else 15, limit)
    elif encoding == "zstd":
        plain = _unpack_zstd(body, limit)
    else:
        raise BadBody(415, f"Content-Encoding {encoding[:40]!r} is not supported; use gzip, zstd or none")
    if len(plain) > limit:
        raise BadBody(413, f"the body is larger than {limit} bytes")
    return plain


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    plain = bytearray()
    stream, members = zlib.decompressobj(window), 1
    view = memoryview(body)
    place = 0
    try:
        # In slices, so that what a member leaves unread is never more than one of them.
        while place < len(body):
            part: bytes | memoryview = view[place : place + SLICE]
            plain += stream.decompress(part, limit + 1 - len(plain))
            if len(plain) > limit:
                break
            place += len(part) - len(stream.unused_data) - len(stream.unconsumed_tail)
            if stream.eof and place < len(body):
                members = _one_more(members)
                stream = zlib.decompressobj(window)
    except zlib.error as error:
        raise BadBody(400, f"damaged gzip body: {error}") from None
    if len(plain) <= limit and not stream.eof:
        raise BadBody(400, "truncated gzip body")
    return bytes(plain)


def _unpack_zstd(body: bytes, limit: int) -> bytes:
    plain = bytearray()
    unpacker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    stream, members = unpacker.decompressobj(), 1
    view = memoryview(body)
    place = 0
    try:
        # In small steps: four bytes can unpack to a block of 128 KiB, so one step to 2 MiB.
        while place < len(body):
            part = view[place : place + ZSTD_STEP]
            plain += stream.decompress(part)
            if len(plain) > limit:
                return bytes(plain)
            place += len(part)
            if stream.eof:
                place -= len(stream.unused_data)
                if place < len(body):
                    members = _one_more(members)
                    stream = unpacker.decompressobj()
    except zstandard.ZstdError as error:
        raise BadBody(400, f"damaged zstd body: {error}") from None
    if not stream.eof:
        raise BadBody(400, "truncated zstd body")
    return bytes(plain)


def _one_more(members: int) -> int:
    if members >= MEMBERS:
        raise BadBody(400, f"the compressed body has more than {MEMBERS} members")
    return members + 1


def accept(signal: str, body: bytes, content_type: str, bounds: Horizon | None = None) -> Accepted:
    """Validate a decompressed body of ``traces``, ``logs`` or ``metrics``.

    :param bounds: times that can be stored; else any.
    :raises BadBody: 400 when it is not such a request, 413 when it has too many records, 415 for another content type.
    """
    if content_type == JSON:
        body = _from_json(signal, body)
    elif content_type != PROTOBUF:
        raise BadBody(415, f"Content-Type {content_type[:60]!r} is not supported; use {PROTOBUF} or {JSON}")
    return accept_untouched(signal, body, bounds) or _accept_rewritten(signal, body, bounds)


def accept_untouched(signal: str, body: bytes, bounds: Horizon | None = None) -> Accepted | None:
    """Validate a protobuf body that can be stored as it is; None where it is another, or must be rewritten.

    :raises BadBody: 413 when it has too many records.
    """
    kind = f"{PLAIN}{_stored_in(signal, body)}"
    request = _fitting(messages.plain(signal), body)
    if request is None:
        kind = kind.removeprefix(PLAIN)
        request = _fitting(messages.flat(signal), body)
        if request is None or _has_empty_collections(body):
            return None
    _bound(signal, request)
    return Accepted(kind, body) if bounds is None or in_time(signal, request, bounds) else None


def _accept_rewritten(signal: str, body: bytes, bounds: Horizon | None) -> Accepted:
    """What remains of a body when what cannot be stored of it is left out, and the rest is made plain."""
    try:
        return _rewritten(signal, body, bounds)
    except messages.TooMany:
        raise BadBody(413, f"more than {MOST_WALKED} values in one body; send them in several") from None


def _rewritten(signal: str, body: bytes, bounds: Horizon | None) -> Accepted:
    request, replaced = _official(signal, body)
    if body and not request.ListFields():
        raise BadBody(400, f"not an OTLP {signal} request: it has nothing that one has")
    _bound(signal, request)
    if messages.has_wrong_types(request, messages.Room(MOST_WALKED)):
        raise BadBody(400, f"not an OTLP {signal} request: a field has the wrong type")
    outside = take_outside(signal, request, bounds) if bounds else None
    flatten(request)
    request.DiscardUnknownFields()
    reasons = [f"{replaced} texts were not UTF-8; U+FFFD stands for what could not be read"] if replaced else []
    dead = b""
    if outside:
        reasons.append(outside.reason)
        dead = outside.request.SerializeToString()
    stored = b"" if outside and not messages.count(request) else request.SerializeToString()
    kind = PLAIN + _stored_in(signal, stored)
    return Accepted(kind, stored, outside.records if outside else 0, "; ".join(reasons), dead)


def _stored_in(signal: str, body: bytes) -> str:
    return "sessions" if signal == "logs" and SESSION_MARK in body else signal


def _fitting(form: type[Message], body: bytes) -> Message | None:
    """The request, if the form of one holds everything that is in the body."""
    request = form()
    try:
        request.ParseFromString(body)
    except DecodeError:
        return None
    request.DiscardUnknownFields()
    # Of another size: unknown fields, deeper values, or an odd encoding of known ones.
    return request if request.ByteSize() == len(body) else None


def _bound(signal: str, request: Message) -> None:
    """Refuse what would be very many rows: a few bytes, well compressed, could be millions.

    :raises BadBody: 413.
    """
    if messages.records(signal, request, MOST_RECORDS) > MOST_RECORDS:
        raise BadBody(413, f"more than {MOST_RECORDS} records in one body; send them in several")


def _has_empty_collections(body: bytes) -> bool:
    # Two searches for plain bytes are six times faster than the pattern.
    return (b"\x02\x2a\x00" in body or b"\x02\x32\x00" in body) and bool(EMPTY_COLLECTIONS.search(body))


def _official(signal: str, body: bytes) -> tuple[Any, int]:
    """The request as published, and how many texts in it had to be repaired."""
    request = messages.official(signal)()
    try:
        request.ParseFromString(body)
        return request, 0
    except DecodeError:
        pass
    try:
        return messages.with_readable_text(signal, body, messages.Room(MOST_WALKED))
    except DecodeError as error:
        raise BadBody(400, f"not an OTLP {signal} request: {error}") from None


def _from_json(signal: str, body: bytes) -> bytes:
    # Braces within a text are followed by an escaped quote.
    if body.count(b"{") - body.count(b'{\\"') > MOST_OBJECTS:
        raise BadBody(413, f"more than {MOST_OBJECTS} objects in one body; send them in several")
    try:
        text = JSON_IDS.sub(_id_to_base64, body.decode(errors="replace"))
        if not text.lstrip().startswith("{"):
            raise ValueError("not a JSON object")
        try:
            request = _parse_json(signal, text)
        except (json_format.ParseError, ValueError):
            if not HALF_PAIR.search(text):
                raise
            # JSON can write half of a surrogate pair, UTF-8 cannot.
            whole = json.dumps(json.loads(text), ensure_ascii=False)
            request = _parse_json(signal, whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        return request.SerializeToString()
    except (
        *(json_format.ParseError, ValueError, EncodeError, RecursionError),
        *(TypeError, AttributeError, OverflowError),
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadBody(400, f"not an OTLP {signal} request in JSON: {reason[:200]}") from None


def _parse_json(signal: str, text: str) -> Message:
    return json_format.Parse(text, messages.official(signal)(), ignore_unknown_fields=True)


def _id_to_base64(match: re.Match[str]) -> str:
    name, colon, value = match.groups()
    return f'"{name}"{colon}"{base64.b64encode(bytes.fromhex(value)).decode()}"'
