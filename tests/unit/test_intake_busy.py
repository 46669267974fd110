"""More bodies at once than there is memory for: 429 with Retry-After."""

import asyncio
import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_pipeline.intake.doors import (
    IN_FLIGHT_BYTES,
    INLINE_BYTES,
    RETRY_AFTER_BUSY,
    SMALL_IN_FLIGHT_BYTES,
    Arrival,
    Busy,
    Doors,
)
from otel_pipeline.intake.horizon import Horizon
from otel_pipeline.intake.http import HttpDoor
from otel_pipeline.intake.protocol import PROTOBUF, Accepted, BadBody, accept, decompress
from otel_pipeline.intake.spool import Spool
from otel_pipeline.intake.telemetry import Telemetry
from otel_pipeline.intake.workers import Packed, Workers
from otel_pipeline.settings import load


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    spool = Spool(tmp_path / "spool", 1 << 20)
    yield Doors(load(otel_pipeline_home=tmp_path), spool, Telemetry())
    spool.close()


async def _ready() -> dict[str, Any]:
    return {"ready": True}


def post(doors: Doors, body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of the answer to a POST of traces."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": "/v1/traces", "headers": [(b"content-type", PROTOBUF.encode())]}
    asyncio.run(HttpDoor(doors, _ready)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def filled(doors: Doors) -> list[Arrival]:
    """Small bodies for which all the memory is claimed that small ones have; large ones for the rest."""
    arrivals = [Arrival() for _ in range(SMALL_IN_FLIGHT_BYTES // INLINE_BYTES)]
    for arrival in arrivals:
        doors.enter(arrival, INLINE_BYTES)
    arrivals.append(Arrival())
    doors.enter(arrivals[-1], IN_FLIGHT_BYTES)
    return arrivals


def test_a_busy_intake_asks_clients_to_come_back_in_a_moment(doors: Doors) -> None:
    arrivals = filled(doors)
    status, headers, answer = post(doors, b"x")
    assert status == 429
    assert int(headers[b"retry-after"]) == RETRY_AFTER_BUSY
    assert "too many bodies" in Status.FromString(answer).message
    doors.leave(arrivals[0])
    assert post(doors, b"")[0] == 200


def test_what_was_claimed_is_given_back_whatever_the_answer(doors: Doors) -> None:
    for body in (b"hello", b"", bytes(300_000)):
        post(doors, body)
    filled(doors)
    with pytest.raises(Busy):
        doors.enter(Arrival(), 1)


def test_large_bodies_do_not_keep_small_ones_out(doors: Doors) -> None:
    doors.enter(Arrival(), IN_FLIGHT_BYTES)
    with pytest.raises(Busy):
        doors.enter(Arrival(), INLINE_BYTES + 1)
    assert post(doors, b"")[0] == 200


def test_a_body_that_stands_still_makes_room_for_others(doors: Doors) -> None:
    ended: list[str] = []
    still = [Arrival(end=lambda: ended.append("first")), Arrival(end=lambda: ended.append("second"))]
    for arrival in still:
        doors.enter(arrival, IN_FLIGHT_BYTES // 2)
    with pytest.raises(Busy):  # they have moved just now
        doors.enter(Arrival(), INLINE_BYTES + 1)
    still[0].moved -= 2.0
    still[1].moved -= 1.0
    doors.enter(Arrival(), INLINE_BYTES + 1)
    assert ended == ["first"]


def test_one_address_has_a_share(doors: Doors) -> None:
    doors.enter(Arrival(address="192.0.2.1"), IN_FLIGHT_BYTES // 2)
    with pytest.raises(Busy):
        doors.enter(Arrival(address="192.0.2.1"), INLINE_BYTES + 1)
    doors.enter(Arrival(address="192.0.2.2"), INLINE_BYTES + 1)


class Recording(Workers):
    """Workers that tell what they are asked, and do it here."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, Packed | None]] = []

    async def accept(
        self, signal: str, body: bytes, content_type: str, bounds: Horizon | None, packed: Packed | None = None
    ) -> Accepted:
        self.asked.append((len(body), packed))
        return accept(signal, decompress(body, packed.encoding, packed.limit) if packed else body, content_type, bounds)


@pytest.mark.parametrize("size", [100, INLINE_BYTES, INLINE_BYTES + 1, 2 << 20])
@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "zstd"])
def test_what_unpacks_to_a_lot_is_unpacked_elsewhere(tmp_path: Path, encoding: str, size: int) -> None:
    """Unpacked in a thread of the door it would keep the interpreter from answering the others."""
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}.get(encoding, bytes)
    body = spans_of(size)
    workers, spool = Recording(), Spool(tmp_path / "spool", 1 << 30)
    door = Doors(load(otel_pipeline_home=tmp_path), spool, Telemetry(), workers=workers)

    async def take() -> bytes:
        arrival = Arrival()
        packed = pack(body)
        door.enter(arrival, len(packed))
        async with door.taken("traces", packed, PROTOBUF, encoding, arrival=arrival) as accepted:
            assert arrival.size >= len(body)
            return accepted.body

    assert asyncio.run(take()) == body
    assert [packed.encoding if packed else "" for _, packed in workers.asked] == [encoding] * (len(body) > INLINE_BYTES)
    spool.close()


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_what_cannot_be_unpacked_is_refused_at_once(tmp_path: Path, encoding: str) -> None:
    workers, spool = Recording(), Spool(tmp_path / "spool", 1 << 30)
    door = Doors(load(otel_pipeline_home=tmp_path), spool, Telemetry(), workers=workers)

    async def take() -> None:
        async with door.taken("traces", b"hello", PROTOBUF, encoding):
            pass

    with pytest.raises(BadBody) as caught:
        asyncio.run(take())
    assert caught.value.status == (400 if encoding == "gzip" else 415) and not workers.asked
    spool.close()


def spans_of(size: int) -> bytes:
    """A request of spans, of exactly so many bytes."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(name="n", start_time_unix_nano=time.time_ns(), end_time_unix_nano=time.time_ns())
    )
    while len(request.SerializeToString()) < size:
        span.name += "n" * (size - len(request.SerializeToString()))
    while len(request.SerializeToString()) > size:
        span.name = span.name[:-1]
    return request.SerializeToString()
