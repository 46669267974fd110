"""More bodies at once than there is memory for: 429 with Retry-After."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status

from otel_pipeline.intake.doors import IN_FLIGHT_BYTES, RETRY_AFTER_BUSY, Busy, Doors
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


def test_a_busy_intake_asks_clients_to_come_back_in_a_moment(doors: Doors) -> None:
    doors.enter(IN_FLIGHT_BYTES)
    status, headers, answer = post(doors, b"x")
    assert status == 429
    assert int(headers[b"retry-after"]) == RETRY_AFTER_BUSY
    assert "too many bodies" in Status.FromString(answer).message
    doors.leave(IN_FLIGHT_BYTES)
    assert post(doors, b"")[0] == 200


def test_what_was_claimed_is_given_back_whatever_the_answer(doors: Doors) -> None:
    for body in (b"hello", b""):
        post(doors, body)
    doors.enter(IN_FLIGHT_BYTES)
    with pytest.raises(Busy):
        doors.enter(1)
