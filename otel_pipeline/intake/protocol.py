"""One OTLP body, from the wire to what the spool keeps: decompressed, validated, as protobuf.

A body that the engine's message definitions (``otlp.proto``) can hold goes through as the client sent it: parsed once
in C to validate it (twice where a value is an array or an object), never walked in Python. Only the rare rest is walked
and written anew: values nested more than once become the text that is stored of them, fields of newer protocols are
dropped, records with broken text are rejected.
"""

import base64
import re
import zlib
from dataclasses import dataclass

import zstandard
from google.protobuf import json_format
from google.protobuf.message import DecodeError, EncodeError, Message

from otel_pipeline.intake import messages
from otel_pipeline.intake.segments import PLAIN
from otel_pipeline.intake.values import flatten

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SESSION_MARK = b"rr-web.event"
ZSTD_WINDOW = 8 << 20
ZSTD_STEP = 256

# An empty array or object leaves no trace in the engine's columns. These bytes betray one, as the value of an attribute
# (field 2) or as the body of a log record (field 5).
EMPTY_COLLECTIONS = re.compile(rb"[\x12\x2a]\x02[\x2a\x32]\x00")

# OTLP's JSON writes ids as hex where protobuf's JSON has base64. A quote inside a JSON string is escaped, so this
# matches member names only.
JSON_IDS = re.compile(r'"(traceId|spanId|parentSpanId|trace_id|span_id|parent_span_id)"(\s*:\s*)"([^"\\]*)"')


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
    :param reason: why they are not.
    """

    kind: str
    body: bytes
    rejected: int = 0
    reason: str = ""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding; never unpacks much more than ``limit`` bytes.

    :raises BadBody: 415 for an unknown encoding, 400 for a damaged body, 413 for one larger than the limit.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
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
    plain = b""
    try:
        while body:
            stream = zlib.decompressobj(window)
            plain += stream.decompress(body, limit + 1 - len(plain))
            if len(plain) > limit:
                break
            if not stream.eof:
                raise BadBody(400, "truncated gzip body")
            body = stream.unused_data
    except zlib.error as error:
        raise BadBody(400, f"damaged gzip body: {error}") from None
    return plain


def _unpack_zstd(body: bytes, limit: int) -> bytes:
    plain = bytearray()
    unpacker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    try:
        while body:
            stream = unpacker.decompressobj()
            # In small steps: a few bytes can unpack to a block of 128 KiB.
            for start in range(0, len(body), ZSTD_STEP):
                plain += stream.decompress(body[start : start + ZSTD_STEP])
                if len(plain) > limit:
                    return bytes(plain)
                if stream.eof:
                    body = stream.unused_data + body[start + ZSTD_STEP :]
                    break
            else:
                raise BadBody(400, "truncated zstd body")
    except zstandard.ZstdError as error:
        raise BadBody(400, f"damaged zstd body: {error}") from None
    return bytes(plain)


def accept(signal: str, body: bytes, content_type: str) -> Accepted:
    """Validate a decompressed body of ``traces``, ``logs`` or ``metrics``.

    :raises BadBody: 400 when it is not such a request, 415 for another content type.
    """
    if content_type == JSON:
        body = _from_json(signal, body)
    elif content_type != PROTOBUF:
        raise BadBody(415, f"Content-Type {content_type[:60]!r} is not supported; use {PROTOBUF} or {JSON}")
    rejected, reason = 0, ""
    kind = PLAIN
    if not _fits(messages.plain(signal), body):
        if _fits(messages.flat(signal), body) and not _has_empty_collections(body):
            kind = ""
        else:
            body, rejected = _rewrite(signal, body)
            reason = f"{rejected} records hold text that is not UTF-8" if rejected else ""
    kind += "sessions" if signal == "logs" and SESSION_MARK in body else signal
    return Accepted(kind, body, rejected, reason)


def _fits(form: type[Message], body: bytes) -> bool:
    """Whether the form of a request holds everything that is in the body."""
    request = form()
    try:
        request.ParseFromString(body)
    except DecodeError:
        return False
    request.DiscardUnknownFields()
    # Of another size: unknown fields, deeper values, or an odd encoding of known ones.
    return request.ByteSize() == len(body)


def _has_empty_collections(body: bytes) -> bool:
    # Two searches for plain bytes are six times faster than the pattern.
    return (b"\x02\x2a\x00" in body or b"\x02\x32\x00" in body) and bool(EMPTY_COLLECTIONS.search(body))


def _rewrite(signal: str, body: bytes) -> tuple[bytes, int]:
    """The body as plain as the engine's message definitions want it, and how many records had to be left out."""
    request = messages.official(signal)()
    rejected = 0
    try:
        request.ParseFromString(body)
    except DecodeError:
        request, rejected = _salvage(signal, body)
    if body and not request.ListFields():
        raise BadBody(400, f"not an OTLP {signal} request: it has nothing that one has")
    if messages.has_wrong_types(request):
        raise BadBody(400, f"not an OTLP {signal} request: a field has the wrong type")
    flatten(request)
    request.DiscardUnknownFields()
    return request.SerializeToString(), rejected


def _salvage(signal: str, body: bytes) -> tuple[Message, int]:
    """The request without the records that hold broken text, and their number."""
    try:
        request, rejected = messages.without_broken_text(signal, body)
    except DecodeError as error:
        raise BadBody(400, f"not an OTLP {signal} request: {error}") from None
    if not messages.count(request):
        raise BadBody(400, f"not an OTLP {signal} request: text that is not UTF-8")
    return request, rejected


def _from_json(signal: str, body: bytes) -> bytes:
    try:
        text = JSON_IDS.sub(_id_to_base64, body.decode())
        if not text.lstrip().startswith("{"):
            raise ValueError("not a JSON object")
        request = json_format.Parse(text, messages.official(signal)(), ignore_unknown_fields=True)
        return request.SerializeToString()
    except (json_format.ParseError, ValueError, EncodeError, RecursionError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadBody(400, f"not an OTLP {signal} request in JSON: {reason[:200]}") from None


def _id_to_base64(match: re.Match[str]) -> str:
    name, colon, value = match.groups()
    return f'"{name}"{colon}"{base64.b64encode(bytes.fromhex(value)).decode()}"'
