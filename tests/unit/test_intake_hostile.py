"""Bodies and spool files that somebody made to cost much, or to lose what others sent."""

import asyncio
import gzip
import json
import os
import random
import shutil
import stat
import time
import zlib
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_pipeline.intake import spool as spool_module
from otel_pipeline.intake import workers as workers_module
from otel_pipeline.intake.dead_letters import DeadLetters
from otel_pipeline.intake.doors import INLINE_BYTES
from otel_pipeline.intake.horizon import Horizon
from otel_pipeline.intake.protocol import (
    JSON,
    MEMBERS,
    MOST_OBJECTS,
    MOST_RECORDS,
    MOST_WALKED,
    PROTOBUF,
    BadBody,
    accept,
    decompress,
)
from otel_pipeline.intake.segments import MARK, Damage, Mark, mark_of, pieces, seed_of
from otel_pipeline.intake.spool import Spool
from otel_pipeline.intake.workers import Overloaded, Packed, Worker, Workers

LIMIT = 16 << 20
NOW = 1_795_775_400 * 10**9
DAY, HOUR = 86_400 * 10**9, 3600 * 10**9
BOUNDS = Horizon(NOW - 30 * DAY, NOW + HOUR, NOW)
EMPTY_ZSTD = zstandard.compress(b"")


# Compressed bodies.


@pytest.mark.parametrize(
    ("encoding", "member"),
    [
        ("zstd", EMPTY_ZSTD),
        ("gzip", gzip.compress(b"")),
        ("deflate", zlib.compress(b"")),
        ("zstd", b"\x50\x2a\x4d\x18\0\0\0\0"),
    ],
    ids=["zstd", "gzip", "deflate", "skippable"],
)
def test_many_empty_members_are_refused_at_once(encoding: str, member: bytes) -> None:
    body = member * (2_000_000 // len(member))
    began = time.process_time()
    with pytest.raises(BadBody):
        decompress(body, encoding, LIMIT)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(("encoding", "pack"), [("zstd", zstandard.compress), ("gzip", gzip.compress)])
def test_some_members_are_honest(encoding: str, pack) -> None:
    assert decompress(b"".join(pack(b"x" * 1000) for _ in range(MEMBERS)), encoding, LIMIT) == b"x" * 1000 * MEMBERS


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(bytes(200 << 20), 9)),
        ("deflate", zlib.compress(bytes(200 << 20), 9)),
        ("zstd", zstandard.compress(bytes(200 << 20))),
        # A stream of blocks that hold nothing.
        ("deflate", b"\x78\x9c" + b"\x00\x00\x00\xff\xff" * 400_000),
        ("zstd", b"\x28\xb5\x2f\xfd\x00\x58" + b"\x00\x00\x00" * 700_000),
    ],
    ids=["gzip", "deflate", "zstd", "empty deflate blocks", "empty zstd blocks"],
)
def test_bombs_cost_little(encoding: str, body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(BadBody):
        decompress(body, encoding, LIMIT)
    assert time.process_time() - began < 1.5


@pytest.mark.parametrize(("encoding", "pack"), [("zstd", zstandard.compress), ("deflate", zlib.compress)])
def test_what_a_bomb_costs_follows_from_what_is_allowed(encoding: str, pack) -> None:
    """The door unpacks this far itself, beside its answers to others."""
    body, took = pack(bytes(64 << 20)), []
    for _ in range(7):
        began = time.process_time()
        with pytest.raises(BadBody):
            decompress(body, encoding, INLINE_BYTES)
        took.append(time.process_time() - began)
    assert min(took) < 0.004


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.sampled_from(["gzip", "deflate", "zstd"]), st.binary(max_size=400), st.integers(0, 60), st.data())
def test_a_compressed_body_that_was_tampered_with_is_read_or_refused(
    encoding: str, plain: bytes, flips: int, data
) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding]
    body = bytearray(pack(plain) * data.draw(st.integers(1, 3)))
    for _ in range(flips):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(decompress(bytes(body), encoding, 2000)) <= 2000
    except BadBody as error:
        assert error.status in (400, 413)


# What a body costs once it is parsed.


def wrapped(tag: int, inner: bytes) -> bytes:
    """A length-delimited field."""
    size, number = b"", len(inner)
    while number > 127:
        size, number = size + bytes([number & 127 | 128]), number >> 7
    return bytes([tag]) + size + bytes([number]) + inner


def empty_spans(count: int) -> bytes:
    return wrapped(0x0A, wrapped(0x12, b"\x12\x00" * count))


def test_more_records_than_anybody_sends_are_refused() -> None:
    for body in (empty_spans(MOST_RECORDS + 1), b"\x0a\x00" * (MOST_RECORDS + 1)):
        with pytest.raises(BadBody) as caught:
            accept("traces", body, PROTOBUF, BOUNDS)
        assert caught.value.status == 413


def empty_attributes(count: int) -> bytes:
    """An unknown field beside them, so that they must be walked."""
    return b"\xf8\x7f\x01" + wrapped(0x0A, wrapped(0x0A, b"\x0a\x00" * count))


def nested_values(count: int) -> bytes:
    """Members of an object within an object of a log line."""
    values = b"\x0a\x00" * count
    for tag in (0x2A, 0x0A, 0x2A, 0x2A, 0x12, 0x12, 0x0A):
        values = wrapped(tag, values)
    return values


@pytest.mark.parametrize("dense", [empty_attributes, nested_values])
@pytest.mark.parametrize("text", [b"", b"\x1a\x01\xff"], ids=["", "no UTF-8"])
def test_more_values_than_anybody_walks_are_refused_before_that(dense, text: bytes) -> None:
    """Walking them takes half a minute; parsing them does not."""
    body = dense(MOST_WALKED + 1) + (wrapped(0x0A, text) if text else b"")
    began = time.process_time()
    with pytest.raises(BadBody) as caught:
        accept("logs", body, PROTOBUF, None)
    assert caught.value.status == 413 and str(MOST_WALKED) in str(caught.value)
    assert time.process_time() - began < 2.0


def test_more_objects_than_anybody_walks_are_refused_before_that() -> None:
    began = time.process_time()
    for held in (b"{},", b"{ },", b'{"x":1},'):
        with pytest.raises(BadBody) as caught:
            accept("logs", b'{"resourceLogs":[' + held * MOST_OBJECTS + b"{}]}", JSON, None)
        assert caught.value.status == 413 and str(MOST_OBJECTS) in str(caught.value)
    assert time.process_time() - began < 1.0


def test_objects_in_a_text_are_no_objects_of_the_request() -> None:
    line = json.dumps([{"x": 1}] * (MOST_OBJECTS + 1), separators=(",", ":"))
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": line}}]}]}]}
    assert len(accept("logs", json.dumps(request).encode(), JSON, None).body) > len(line)


@pytest.mark.parametrize("dense", [empty_attributes, nested_values])
def test_a_body_that_takes_too_long_ends_its_worker_only(dense, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(seconds=0.5)
    try:
        worker.accept("logs", b"", PROTOBUF, None)
        monkeypatch.setattr(workers_module, "LEAST_SECONDS", 0.1)
        with pytest.raises(BadBody, match="needs more than") as caught:
            worker.accept("logs", dense(MOST_WALKED - 100), PROTOBUF, None)
        assert caught.value.status == 413
        monkeypatch.undo()
        assert worker.accept("logs", b"", PROTOBUF, None).body == b""
    finally:
        worker.stop()


def test_a_body_that_takes_too_much_memory_ends_its_worker_only() -> None:
    worker = Worker(seconds=60, memory=400 << 20)
    try:
        with pytest.raises(BadBody) as caught:
            worker.accept("traces", wrapped(0x0A, wrapped(0x0A, b"\x0a\x00" * (8 << 20))), PROTOBUF, None)
        assert caught.value.status == 413
        assert worker.accept("traces", b"", PROTOBUF, None).body == b""
    finally:
        worker.stop()


def test_a_worker_says_what_is_said_here() -> None:
    request = request_of_spans([NOW, NOW + 5 * DAY])
    body = request.SerializeToString()

    async def ask() -> None:
        workers = Workers(1)
        try:
            assert await workers.accept("traces", body, PROTOBUF, BOUNDS) == accept("traces", body, PROTOBUF, BOUNDS)
            text = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"n"}]}]}]}'
            assert await workers.accept("traces", text, JSON, None) == accept("traces", text, JSON)
            with pytest.raises(BadBody) as caught:
                await workers.accept("traces", b"hello", PROTOBUF, BOUNDS)
            assert caught.value.status == 400
            packed = Packed("gzip", LIMIT)
            given = await workers.accept("traces", gzip.compress(body), PROTOBUF, BOUNDS, packed)
            assert given == accept("traces", body, PROTOBUF, BOUNDS)
            for bad, status in ((b"hello", 400), (gzip.compress(bytes(LIMIT + 1)), 413)):
                with pytest.raises(BadBody) as caught:
                    await workers.accept("traces", bad, PROTOBUF, BOUNDS, packed)
                assert caught.value.status == status
        finally:
            workers.stop()

    asyncio.run(ask())


def test_nobody_waits_long_for_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "WAIT_SECONDS", 0.1)

    async def ask() -> None:
        workers = Workers(1, seconds=3)
        try:
            await workers.accept("logs", b"", PROTOBUF, None)
            slow = asyncio.create_task(workers.accept("logs", empty_attributes(300_000), PROTOBUF, None))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await workers.accept("logs", b"", PROTOBUF, None)
            with suppress(BadBody):
                await slow
            assert (await workers.accept("logs", b"", PROTOBUF, None)).body == b""
        finally:
            workers.stop()

    asyncio.run(ask())


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.sampled_from(["traces", "logs", "metrics"]), st.sampled_from([PROTOBUF, JSON]), st.data())
def test_a_body_that_was_tampered_with_is_taken_or_refused(signal: str, content_type: str, data) -> None:
    good = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"intValue":"2"}}]}]}]}'
    if content_type == PROTOBUF:
        good = {
            "traces": request_of_spans([NOW, 0, 2 * NOW]).SerializeToString(),
            "logs": request_of_lines([(NOW, 0), (0, NOW), (0, 0), (1, NOW)]).SerializeToString(),
            "metrics": request_of_points([NOW, 0, 5]).SerializeToString(),
        }[signal]
    body = bytearray(good)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        body = body or bytearray(b"\x00")
    try:
        accepted = accept(signal, bytes(body), content_type, BOUNDS)
    except BadBody as error:
        assert error.status in (400, 413)
    else:
        # What is stored can be read, and read again it is taken as it is.
        again = accept(signal, accepted.body, PROTOBUF, BOUNDS)
        assert again.body == accepted.body and not again.rejected


# Times.


def request_of_spans(starts: list[int]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add()
    part.resource.attributes.add(key="service.name").value.string_value = "clocks"
    scope = part.scope_spans.add()
    for number, start in enumerate(starts):
        scope.spans.add(
            trace_id=bytes([number + 1] * 16),
            span_id=bytes([1] * 8),
            name=f"span {number}",
            start_time_unix_nano=start,
            end_time_unix_nano=start + 5_000_000,
        )
    return request


def request_of_lines(times: list[tuple[int, int]]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for time_, observed in times:
        scope.log_records.add(time_unix_nano=time_, observed_time_unix_nano=observed)
    return request


def request_of_points(times: list[int]) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for time_ in times:
        metric.gauge.data_points.add(time_unix_nano=time_, as_int=1)
    return request


@pytest.mark.parametrize(
    ("start", "is_kept"),
    [
        (NOW, True),
        (NOW + HOUR - 10**8, True),
        (NOW + HOUR + 1, False),
        (NOW - 30 * DAY, True),
        (NOW - 30 * DAY - 1, False),
        (4_300_000_000 * 10**9, False),
        (9_300_000_000 * 10**9, False),
        (1, False),
    ],
    ids=["now", "nearly an hour ahead", "an hour ahead", "kept", "no longer kept", "2106", "beyond 2262", "1970"],
)
def test_spans_outside_of_what_can_be_stored(start: int, is_kept: bool) -> None:
    accepted = accept("traces", request_of_spans([NOW, start, NOW]).SerializeToString(), PROTOBUF, BOUNDS)
    kept = ExportTraceServiceRequest.FromString(accepted.body).resource_spans[0].scope_spans[0].spans
    assert (len(kept), accepted.rejected) == ((3, 0) if is_kept else (2, 1))
    if not is_kept:
        assert "cannot be stored" in accepted.reason
        dead = ExportTraceServiceRequest.FromString(accepted.dead)
        assert [span.name for span in dead.resource_spans[0].scope_spans[0].spans] == ["span 1"]
        assert dead.resource_spans[0].resource.attributes[0].value.string_value == "clocks"


def test_a_span_that_ends_beyond_the_horizon_is_a_dead_letter() -> None:
    request = request_of_spans([NOW])
    request.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = 2**64 - 1
    accepted = accept("traces", request.SerializeToString(), PROTOBUF, BOUNDS)
    assert (accepted.rejected, accepted.body) == (1, b"")


def test_a_span_without_a_start_begins_when_it_ends_or_was_received() -> None:
    request = request_of_spans([0, 0])
    request.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = NOW - 7
    request.resource_spans[0].scope_spans[0].spans[1].end_time_unix_nano = 0
    accepted = accept("traces", request.SerializeToString(), PROTOBUF, BOUNDS)
    spans = ExportTraceServiceRequest.FromString(accepted.body).resource_spans[0].scope_spans[0].spans
    assert [span.start_time_unix_nano for span in spans] == [NOW - 7, NOW]
    assert accepted.rejected == 0


def test_a_line_without_a_time_has_that_of_its_receipt() -> None:
    lines = [(NOW - 3, 0), (0, NOW - 2), (0, 0), (1, NOW), (NOW, 1)]
    accepted = accept("logs", request_of_lines(lines).SerializeToString(), PROTOBUF, BOUNDS)
    kept = ExportLogsServiceRequest.FromString(accepted.body).resource_logs[0].scope_logs[0].log_records
    assert [line.time_unix_nano or line.observed_time_unix_nano for line in kept] == [NOW - 3, NOW - 2, NOW, NOW]
    assert accepted.rejected == 1


def test_points_of_a_metric_are_judged_one_by_one() -> None:
    accepted = accept("metrics", request_of_points([NOW, 5, 0]).SerializeToString(), PROTOBUF, BOUNDS)
    kept = ExportMetricsServiceRequest.FromString(accepted.body).resource_metrics[0].scope_metrics[0].metrics
    assert [point.time_unix_nano for point in kept[0].gauge.data_points] == [NOW, NOW]
    dead = ExportMetricsServiceRequest.FromString(accepted.dead).resource_metrics[0].scope_metrics[0].metrics
    assert dead[0].name == "m"
    assert accepted.rejected == 1


# The spool.


def filled(folder: Path, count: int) -> tuple[Path, list[bytes]]:
    """A spool's folder as a crash leaves it, and the bodies in it."""
    spool = Spool(folder / "first" / "spool", 1 << 30)
    bodies = [random.Random(number).randbytes(300) + bytes([number]) for number in range(count)]

    async def put() -> None:
        for body in bodies:
            async with spool.stored("traces", body):
                pass

    asyncio.run(put())
    shutil.copytree(folder / "first", folder / "crashed")
    spool.close()
    return folder / "crashed" / "spool", bodies


def read(folder: Path, letters: DeadLetters) -> list[bytes]:
    """What the next intake finds."""
    spool = Spool(
        folder, 1 << 30, lambda name, kind, reason, data: letters.keep(name, kind, reason, data, suffix=".broken")
    )
    found = []
    for segment in spool.recovered.segments:
        raw = segment.path.read_bytes()
        found += [raw[piece.body : piece.end] for piece in pieces(segment.path) if isinstance(piece, Mark)]
        assert not any(isinstance(piece, Damage) for piece in pieces(segment.path))
    spool.close()
    return found


@pytest.mark.parametrize("place", [0, 10, 31, 200, 1500, 1700, 3000])
def test_flipped_bytes_cost_the_body_they_hit(tmp_path: Path, place: int) -> None:
    folder, bodies = filled(tmp_path, 10)
    (file,) = folder.glob("*.open")
    raw = bytearray(file.read_bytes())
    for offset in range(place, min(place + 40, len(raw))):
        raw[offset] ^= 0x55
    file.write_bytes(raw)
    letters = DeadLetters(tmp_path / "dead")
    found = read(folder, letters)
    assert set(found) < set(bodies)
    assert len(bodies) - len(found) <= 2
    stories = list((tmp_path / "dead").glob("*.json"))
    assert stories and all("checksum" in story.read_text() for story in stories)
    size = len(bodies[0]) + MARK.size
    lost = sum(path.stat().st_size for path in (tmp_path / "dead").glob("*.broken"))
    assert lost == (len(bodies) - len(found)) * size


@hypothesis_settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_broken_the_rest_is_read_on(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    seed, path = seed_of("0" * 20 + "ab" * 8), folder / f"traces-{'0' * 20 + 'ab' * 8}-000000000001.open"
    bodies = [random.Random(number).randbytes(1 + number * 7) for number in range(12)]
    places, raw = [], bytearray()
    for number, body in enumerate(bodies, 1):
        places.append(len(raw))
        raw += mark_of(body, number, 0, seed) + body
    hit: set[int] = set()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw) - 1))
        for offset in range(start, min(len(raw), start + data.draw(st.integers(1, 40)))):
            raw[offset] ^= data.draw(st.integers(1, 255))
            hit.add(max(number for number, place in enumerate(places) if place <= offset))
    path.write_bytes(raw)
    found = [piece for piece in pieces(path) if isinstance(piece, Mark)]
    assert {piece.number - 1 for piece in found} >= set(range(12)) - hit
    covered = sorted((piece.start, piece.end) for piece in pieces(path))
    assert covered[0][0] == 0 and covered[-1][1] == len(raw)
    assert all(before[1] == after[0] for before, after in pairwise(covered))


def test_a_body_cannot_pass_for_the_mark_of_another(tmp_path: Path) -> None:
    """A client that knows the form, not the run's name."""
    forged = mark_of(b"forged", 2**60, 0, 0) + b"forged"
    spool = Spool(tmp_path / "a" / "spool", 1 << 30)

    async def put() -> None:
        for body in (forged * 3, b"honest"):
            async with spool.stored("traces", body):
                pass

    asyncio.run(put())
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (file,) = (tmp_path / "b" / "spool").glob("*.open")
    raw = bytearray(file.read_bytes())
    raw[0] ^= 1  # the mark of the forger's body
    file.write_bytes(raw)
    assert read(tmp_path / "b" / "spool", DeadLetters(tmp_path / "dead")) == [b"honest"]


@pytest.mark.parametrize("strange", ["a file", "a folder", "no rights", "a link", "two of a name"])
def test_strange_files_are_left_alone_and_named(tmp_path: Path, strange: str, caplog: pytest.LogCaptureFixture) -> None:
    folder, bodies = filled(tmp_path, 3)
    (left,) = folder.glob("*.open")
    path = folder / "stray.ready"
    match strange:
        case "a file":
            path.write_text("hello")
            (folder / "notes.txt").write_text("mine")
        case "a folder":
            path = folder / left.name.replace("traces", "logs")
            path.mkdir()
        case "no rights":
            path = folder / left.name.replace("traces", "logs")
            path.write_text("x")
            path.chmod(0)
            if os.geteuid() == 0:
                path.unlink()
                path.symlink_to("/nowhere/at/all")
        case "a link":
            path = folder / left.name.replace("traces", "logs")
            path.symlink_to("/etc/passwd")
        case "two of a name":
            path = left.with_suffix(".ready")
            shutil.copy(left, path)
            path = left
    assert read(folder, DeadLetters(tmp_path / "dead")) == bodies
    assert os.path.lexists(path)
    assert str(path) in caplog.text


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder, _ = filled(tmp_path, 3)
    folder.chmod(0o755)
    letters = DeadLetters(tmp_path / "dead")
    before = os.umask(0)
    try:
        spool = Spool(folder, 1 << 30)
        letters.keep("name", "traces", "why", b"body")
    finally:
        os.umask(before)
    mode = lambda path: stat.S_IMODE(path.stat().st_mode)  # noqa: E731
    assert mode(folder) == mode(folder.with_suffix(".spares")) == mode(letters.folder) == 0o700
    files = [*letters.folder.iterdir(), *folder.iterdir(), folder.with_suffix(".repeats")]
    assert {mode(path) for path in files} == {0o600}
    spool.close()


def test_dead_letters_have_a_bound(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead", limit=10_000)
    kept = [letters.keep(f"told-{number}", "traces", "too early", bytes(1000), told=True) for number in range(30)]
    assert 5 <= sum(kept) <= 9
    assert letters.dropped == 30 - sum(kept)
    assert letters.keep("acknowledged", "traces", "refused by the engine", bytes(1000))
    assert sum(path.stat().st_size for path in letters.folder.iterdir()) <= 20_000


def test_what_a_client_may_repeat_survives_a_file_of_nonsense(tmp_path: Path) -> None:
    folder, bodies = filled(tmp_path, 3)
    for nonsense in ("[1, 2]", "null", '{"a": "b"}', '{"a": [1]}', "\0"):
        folder.with_suffix(".repeats").write_text(nonsense)
        assert read(folder, DeadLetters(tmp_path / "dead")) == bodies


@pytest.fixture(autouse=True)
def no_lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "LINGER_SECONDS", 0.01)
