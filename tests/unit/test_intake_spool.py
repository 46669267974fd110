"""The spool: durable before acknowledged, whole after a crash, never larger than its limit."""

import asyncio
import shutil
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_pipeline.errors import UserError
from otel_pipeline.intake import spool as spool_module
from otel_pipeline.intake.segments import MARK, Segment, marks
from otel_pipeline.intake.spool import Spool, SpoolFull

LIMIT = 1 << 20


def put(spool: Spool, *bodies: bytes, kind: str = "traces") -> None:
    """Store bodies at the same time."""

    async def store(body: bytes) -> None:
        async with spool.stored(kind, body):
            pass

    async def store_all() -> None:
        await asyncio.gather(*map(store, bodies))

    asyncio.run(store_all())


def contents(segment: Segment) -> list[bytes]:
    """The bodies of a segment."""
    raw = segment.path.read_bytes()
    return [raw[mark.start + MARK.size : mark.end] for mark in marks(segment.path)]


def take_all(spool: Spool) -> list[bytes]:
    """Everything that the spool gives out, and is done with."""
    bodies = []
    while segment := spool.take(2 * spool_module.LINGER_SECONDS):
        bodies += contents(segment)
        spool.done(segment)
    return bodies


@pytest.fixture(autouse=True)
def no_lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "LINGER_SECONDS", 0.01)


def test_bodies_come_out_as_they_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", LIMIT)
    put(spool, b"one", b"two")
    put(spool, b"three")
    assert spool.bytes == 11 + 3 * MARK.size
    assert take_all(spool) == [b"one", b"two", b"three"]
    assert spool.bytes == 0
    assert list(spool.folder.iterdir()) == []


def test_kinds_have_segments_of_their_own(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", LIMIT)
    put(spool, b"span")
    put(spool, b"record", kind="logs")
    segments = [spool.take(1), spool.take(1)]
    assert {(segment.kind, *contents(segment)) for segment in segments if segment} == {
        ("traces", b"span"),
        ("logs", b"record"),
    }


def test_a_segment_is_one_valid_request(tmp_path: Path) -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name="a")
    spool = Spool(tmp_path / "spool", LIMIT)
    put(spool, request.SerializeToString(), request.SerializeToString())
    segment = spool.take(1)
    assert segment
    whole = ExportTraceServiceRequest.FromString(segment.path.read_bytes())
    whole.DiscardUnknownFields()
    assert whole.SerializeToString() == request.SerializeToString() * 2


def test_a_crash_leaves_every_durable_body(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a", LIMIT)
    put(spool, b"one", b"two")
    # A crash, as the next process sees it: the files, the last body torn.
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (left,) = (tmp_path / "b").glob("*.open")
    with left.open("ab") as file:
        file.write(left.read_bytes()[: MARK.size + 1])
    again = Spool(tmp_path / "b", LIMIT)
    assert again.bytes == 6 + 2 * MARK.size
    assert take_all(again) == [b"one", b"two"]


def test_a_segment_keeps_its_name_through_a_crash(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a", LIMIT)
    put(spool, b"one")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    before, after = spool.take(1), Spool(tmp_path / "b", LIMIT).take(1)
    assert before and after
    assert before.token == after.token


def test_a_file_is_written_over_and_a_crash_leaves_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SPARE_BYTES", 1)
    spool = Spool(tmp_path / "a" / "spool", LIMIT)
    put(spool, b"old 1", b"old 2", b"old 3")  # as long as the new ones, so that their marks stand where new ones would
    (old,) = spool.folder.glob("*.open")
    inode = old.stat().st_ino
    assert take_all(spool) == [b"old 1", b"old 2", b"old 3"]
    put(spool, b"new 1")
    (reused,) = spool.folder.glob("*.open")
    assert reused.stat().st_ino == inode
    assert b"old 3" in reused.read_bytes()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = Spool(tmp_path / "b" / "spool", LIMIT)
    assert again.bytes == 5 + MARK.size
    assert take_all(again) == [b"new 1"]
    put(spool, b"new 2")
    assert take_all(spool) == [b"new 1", b"new 2"]
    spool.close()
    assert not list(spool.folder.iterdir())
    assert not list((tmp_path / "a" / "spool.spares").iterdir())


def test_a_file_that_was_to_be_written_over_is_empty_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SPARE_BYTES", 1)
    spool = Spool(tmp_path / "a" / "spool", LIMIT)
    put(spool, b"old")
    assert take_all(spool) == [b"old"]

    def die(*_: object) -> int:
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        raise OSError(5, "the end")

    monkeypatch.setattr(spool_module.os, "pwritev", die)
    with pytest.raises(SpoolFull):
        put(spool, b"never written")
    assert take_all(Spool(tmp_path / "b" / "spool", LIMIT)) == []


def test_a_body_that_was_durable_but_not_answered_is_not_stored_twice(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a", LIMIT)
    put(spool, b"answered")

    async def die_before_the_answer() -> None:
        async with spool.stored("traces", b"unanswered"):
            shutil.copytree(tmp_path / "a", tmp_path / "b")

    asyncio.run(die_before_the_answer())
    again = Spool(tmp_path / "b", LIMIT)
    put(again, b"unanswered")  # the client repeats what it had no answer to
    put(again, b"unanswered")  # and sends, much later, another one that happens to be the same
    put(again, b"answered")
    assert sorted(take_all(again)) == [b"answered", b"answered", b"unanswered", b"unanswered"]


def test_what_was_not_answered_is_remembered_through_two_crashes(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a" / "spool", LIMIT)

    async def die_before_the_answer() -> None:
        async with spool.stored("traces", b"unanswered"):
            shutil.copytree(tmp_path / "a", tmp_path / "b")

    asyncio.run(die_before_the_answer())
    second = Spool(tmp_path / "b" / "spool", LIMIT)
    assert take_all(second) == [b"unanswered"]
    put(second, b"of somebody else")
    shutil.copytree(tmp_path / "b", tmp_path / "c")  # the second dies before the client comes back
    third = Spool(tmp_path / "c" / "spool", LIMIT)
    put(third, b"unanswered")
    assert take_all(third) == [b"of somebody else"]


def test_a_full_spool_takes_nothing_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 100)
    put(spool, b"x" * 60)
    with pytest.raises(SpoolFull):
        put(spool, b"y" * 60)
    assert take_all(spool) == [b"x" * 60]
    put(spool, b"y" * 60)


def test_answers_slow_down_while_the_writer_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "PATIENCE_SECONDS", -9.0)  # late by nine seconds, whenever something waits
    monkeypatch.setattr(spool_module, "BATCH_BYTES", 50)
    spool = Spool(tmp_path / "spool", LIMIT)
    put(spool, b"one")
    segment = spool.take(1)
    assert segment
    assert not spool.late()  # next to nothing waits behind it
    put(spool, b"x" * 50)
    assert spool.late()
    paces = []

    async def nap(seconds: float) -> None:
        paces.append(seconds)
        spool.done(segment)

    with monkeypatch.context() as patched:
        patched.setattr(spool_module.asyncio, "sleep", nap)
        put(spool, b"two")  # waits, until the writer has caught up
    assert len(paces) == 1
    assert not spool.late()
    assert take_all(spool) == [b"x" * 50, b"two"]


def test_nobody_waits_while_a_writer_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "PATIENCE_SECONDS", -9.0)
    monkeypatch.setattr(spool_module, "BATCH_BYTES", 1)
    spool = Spool(tmp_path / "spool", LIMIT)
    spool.writers = 2
    put(spool, b"one")
    first = spool.take(1)
    put(spool, b"two")
    put(spool, b"session", kind="sessions")
    assert first
    assert not spool.late()  # the other writer will take the next one
    second = spool.take(1)
    assert second
    assert spool.late()
    spool.done(first)
    assert not spool.late()


def test_nobody_waits_for_an_engine_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "PATIENCE_SECONDS", -9.0)
    monkeypatch.setattr(spool_module, "BATCH_BYTES", 1)
    spool = Spool(tmp_path / "spool", LIMIT)
    put(spool, b"one")
    segment = spool.take(1)
    assert segment
    put(spool, b"another")
    assert spool.late()
    spool.put_back(segment)
    assert not spool.late()
    put(spool, b"two")
    assert sorted(take_all(spool)) == [b"another", b"one", b"two"]


def test_a_full_disk_takes_nothing_and_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "spool", LIMIT)
    put(spool, b"kept")
    write = spool_module.os.pwritev
    cut = lambda descriptor, parts, place: write(descriptor, [b"".join(parts)[:5]], place)  # noqa: E731
    monkeypatch.setattr(spool_module.os, "pwritev", cut)
    with pytest.raises(SpoolFull):
        put(spool, b"does not fit")
    monkeypatch.undo()
    put(spool, b"fits again")
    assert take_all(spool) == [b"kept", b"fits again"]


def test_a_full_disk_does_not_keep_the_spool_from_being_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "a" / "spool", LIMIT)
    put(spool, b"one")
    shutil.copytree(tmp_path / "a", tmp_path / "b")

    def full(*_: object) -> None:
        raise OSError(28, "no space left on the disk")

    monkeypatch.setattr(Path, "write_text", full)
    assert take_all(Spool(tmp_path / "b" / "spool", LIMIT)) == [b"one"]


def test_one_process_has_a_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", LIMIT)
    with pytest.raises(UserError, match="in use by another intake"):
        Spool(tmp_path / "spool", LIMIT)
    spool.close()
    Spool(tmp_path / "spool", LIMIT).close()


def test_a_folder_that_cannot_be_made_is_a_clear_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot use the spool"):
        Spool(tmp_path / "file" / "spool", LIMIT)
