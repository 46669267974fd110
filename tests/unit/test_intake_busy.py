"""More bodies at once than there is memory for: 429 with Retry-After."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status

from otel_pipeline.intake.doors import (
    IN_FLIGHT_BYTES,
    INLINE_BYTES,
    RETRY_AFTER_BUSY,
    SMALL_IN_FLIGHT_BYTES,
    Arrival,
    Busy,
    Doors,
)
from otel_pipeline.intake.http import HttpDoor
from otel_pipeline.intake.protocol import PROTOBUF
from otel_pipeline.intake.spool import Spool
from otel_pipeline.intake.telemetry import Telemetry
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
