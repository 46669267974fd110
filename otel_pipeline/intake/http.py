"""OTLP over HTTP: ``POST /v1/{traces,logs,metrics}`` in protobuf or JSON, ``GET /healthz``, ``GET /readyz``.

Answers follow the OTLP specification: 200, perhaps with a partial success; 400, 401, 408, 413, 415 (final); 429 and
503 with Retry-After. An error body is a ``google.rpc.Status`` in the client's own encoding.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_pipeline.intake.doors import RETRY_AFTER_BUSY, RETRY_AFTER_FULL, Arrival, Busy, Doors
from otel_pipeline.intake.protocol import JSON, PROTOBUF, Accepted, BadBody
from otel_pipeline.intake.spool import SpoolFull
from otel_pipeline.web_body import TOO_SLOW, Body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Probe = Callable[[], Awaitable[dict[str, Any]]]

SIGNALS = {"/v1/traces": "traces", "/v1/logs": "logs", "/v1/metrics": "metrics"}
CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-max-age", b"86400"),
]
# google.rpc.Code by HTTP status.
CODES = {400: 3, 401: 16, 404: 5, 405: 12, 408: 4, 413: 3, 415: 3, 429: 8, 503: 14}


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, reason: str, retry_after: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after


def partial_success(signal: str, accepted: Accepted) -> Message:
    """The answer to an accepted body, with what was left out of it."""
    if signal == "traces":
        answer = ExportTraceServiceResponse()
        if accepted.rejected:
            answer.partial_success.rejected_spans = accepted.rejected
    elif signal == "logs":
        answer = ExportLogsServiceResponse()
        if accepted.rejected:
            answer.partial_success.rejected_log_records = accepted.rejected
    else:
        answer = ExportMetricsServiceResponse()
        if accepted.rejected:
            answer.partial_success.rejected_data_points = accepted.rejected
    if accepted.reason:
        answer.partial_success.error_message = accepted.reason
    return answer


class HttpDoor:
    """The ASGI application.

    :param doors: takes the bodies.
    :param probe: the document that ``/readyz`` answers with; its ``ready`` decides between 200 and 503.
    """

    def __init__(self, doors: Doors, probe: Probe) -> None:
        self.doors = doors
        self.probe = probe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        content_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        body = Body(receive)
        try:
            if method == "GET" and path == "/healthz":
                await _answer(send, 200, b'{"status":"ok"}\n', JSON)
            elif method == "GET" and path == "/readyz":
                story = await self.probe()
                await _answer(send, 200 if story["ready"] else 503, json.dumps(story).encode() + b"\n", JSON)
            elif path not in SIGNALS:
                raise Refusal(404, f"no such path: {path[:80]}; OTLP goes to /v1/traces, /v1/logs, /v1/metrics")
            elif method == "OPTIONS":
                asked = headers.get(b"access-control-request-headers", "content-type")
                await _answer(send, 204, b"", "", [(b"access-control-allow-headers", asked.encode("latin-1"))])
            elif method != "POST":
                raise Refusal(405, "OTLP is sent with POST")
            else:
                address = (scope.get("client") or ("",))[0]
                await self._export(SIGNALS[path], content_type, headers, body, send, address)
        except Refusal as refusal:
            with suppress(ConnectionError):
                if refusal.status != 408:
                    await body.discard()
                await _refuse(body.closing(send), refusal, content_type)
        except ConnectionError:
            return

    async def _export(  # noqa: PLR0917
        self, signal: str, content_type: str, headers: dict[bytes, str], request: Body, send: Send, address: str
    ) -> None:
        if not self.doors.allows(headers.get(b"authorization", "")):
            raise Refusal(401, "wrong or missing token; send it as `Authorization: Bearer <token>`")
        if content_type not in (PROTOBUF, JSON):
            raise Refusal(415, f"Content-Type {content_type[:60]!r} is not supported; use {PROTOBUF} or {JSON}")
        request.pace = arrival = Arrival(address=address)
        try:
            length = headers.get(b"content-length", "")
            if len(length) > 18 or (length.isdigit() and int(length) > self.doors.limit):
                raise Refusal(413, f"the body is larger than {self.doors.limit} bytes")
            body = await self._receive(request, arrival)
            encoding = headers.get(b"content-encoding", "")
            async with self.doors.taken(signal, body, content_type, encoding, arrival=arrival) as accepted:
                answer = partial_success(signal, accepted)
                await _answer(send, 200, _encode(answer, content_type), content_type)
        except BadBody as error:
            raise Refusal(error.status, str(error)) from None
        except Busy as error:
            raise Refusal(429, str(error), RETRY_AFTER_BUSY) from None
        except SpoolFull as error:
            raise Refusal(503, str(error), RETRY_AFTER_FULL) from None
        finally:
            self.doors.leave(arrival)

    async def _receive(self, request: Body, arrival: Arrival) -> bytes:
        """The whole body, if it comes fast enough."""
        chunks: list[bytes] = []
        arrival.end = request.end
        try:
            while request.more:
                chunk = await request.chunk()
                self.doors.enter(arrival, len(chunk))
                if arrival.size > self.doors.limit:
                    raise Refusal(413, f"the body is larger than {self.doors.limit} bytes")
                chunks.append(chunk)
        except TimeoutError:
            chunks.clear()
            raise Refusal(408, TOO_SLOW) from None
        arrival.end = None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _encode(message: Message, content_type: str) -> bytes:
    if content_type == JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()


async def _refuse(send: Send, refusal: Refusal, content_type: str) -> None:
    status = Status(code=CODES[refusal.status], message=str(refusal))
    extra = [(b"retry-after", str(refusal.retry_after).encode())] if refusal.retry_after else []
    encoding = PROTOBUF if content_type == PROTOBUF else JSON
    await _answer(send, refusal.status, _encode(status, encoding), encoding, extra)


async def _answer(
    send: Send, status: int, body: bytes, content_type: str, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [*CORS, *(extra or []), (b"content-length", str(len(body)).encode())]
    if content_type:
        headers.append((b"content-type", content_type.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
