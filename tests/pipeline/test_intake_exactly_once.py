"""Acknowledged means stored, once: through an absent ClickHouse, a killed intake, and a poisonous body."""

import json
import random
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_pipeline.clickhouse import Database
from otel_pipeline.intake.spool import Spool
from otel_pipeline.intake.statements import statements
from otel_pipeline.intake.writer import MAX_PARTITIONS, Sender, Writer
from otel_pipeline.localdb.launcher import LocalServer, free_port
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings, load
from tests.support.intake import IntakeProcess, count, intake, until

DAY = 86_400 * 10**9


def spans(number: int = 3, days: int = 0) -> bytes:
    """A request of spans; ``days`` spreads them over that many days from now on."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for place in range(max(number, days)):
        at = time.time_ns() + (place * DAY if days else place)
        scope.spans.add(name="s", trace_id=random.randbytes(16), span_id=random.randbytes(8), start_time_unix_nano=at)
    return request.SerializeToString()


def arrived(db: Database) -> int:
    """What the arrivals view has counted."""
    return db.client.query("SELECT sum(Rows) FROM raw_arrivals WHERE Source = 'traces'").result_rows[0][0]


def test_the_same_batch_again_changes_nothing(settings: Settings, database: Database) -> None:
    (statement,) = statements("traces")
    sender, body = Sender(settings), spans(5)
    for _ in range(3):
        sender.send(statement, "token", BytesIO(body), len(body))
    assert (count(database, "otel_traces"), count(database, "otel_traces_trace_id_ts"), arrived(database)) == (5, 5, 5)
    sender.send(statement, "another", BytesIO(body), len(body))
    assert (count(database, "otel_traces"), arrived(database)) == (10, 10)


def test_a_view_that_missed_a_batch_gets_it_from_the_repetition(settings: Settings, database: Database) -> None:
    """A server that dies inside an INSERT may have the rows in the table and not in its view."""
    (statement,) = statements("traces")
    sender, body = Sender(settings), spans(5)
    definition = database.client.command("SHOW CREATE TABLE raw_arrivals_traces_mv")
    database.client.command("DROP VIEW raw_arrivals_traces_mv SYNC")
    sender.send(statement, "token", BytesIO(body), len(body))
    assert arrived(database) == 0
    database.client.command(str(definition).replace("\\n", "\n").replace("\\'", "'"))
    sender.send(statement, "token", BytesIO(body), len(body))
    assert (count(database, "otel_traces"), count(database, "otel_traces_trace_id_ts"), arrived(database)) == (5, 5, 5)


def test_poison_is_found_and_the_rest_goes_in(settings: Settings, database: Database, tmp_path: Path) -> None:
    import asyncio

    spool = Spool(tmp_path / "spool", 1 << 30)
    # More days than one INSERT may touch: valid at the door, refused by the engine.
    poison = spans(days=MAX_PARTITIONS + 1)
    bodies = [spans() for _ in range(7)] + [poison] + [spans() for _ in range(6)]

    async def put() -> None:
        for body in bodies:
            async with spool.stored("traces", body):
                pass

    asyncio.run(put())
    writer = Writer(settings, spool, tmp_path / "dead", threads=1)
    writer.start()
    until(lambda: not list(spool.folder.iterdir()))
    writer.drain(10)
    assert count(database, "otel_traces") == 13 * 3 == arrived(database)
    (dead,) = (tmp_path / "dead").glob("*.pb")
    assert dead.read_bytes() == poison
    story = json.loads(dead.with_suffix(".json").read_text())
    assert story["kind"] == "traces"
    assert "partitions" in story["reason"]


def test_killed_before_anything_was_written(settings: Settings, database: Database, tmp_path: Path) -> None:
    """What was acknowledged while ClickHouse was away survives kill -9 and is stored by the next intake."""
    away = settings.model_copy(update={"clickhouse_port": free_port()})
    with intake(away, tmp_path) as first:
        assert [first.post("/v1/traces", spans())[0] for _ in range(20)] == [200] * 20
        status, story = first.get("/readyz")
        assert (status, story["accepting"]) == (503, True)
        assert "no answer from ClickHouse" in story["reason"]
        first.kill()
    with intake(settings, tmp_path) as second:
        until(lambda: count(database, "otel_traces") == 60)
        until(lambda: not any(second.spool.iterdir()))
        assert second.stop() == 0
    assert (count(database, "otel_traces"), arrived(database)) == (60, 60)


def test_an_orderly_end_leaves_nothing_behind(settings: Settings, database: Database, tmp_path: Path) -> None:
    with intake(settings, tmp_path) as process:
        assert process.post("/v1/traces", spans())[0] == 200
        assert process.stop() == 0
        assert not any(process.spool.iterdir())
    assert count(database, "otel_traces") == 3


def test_kills_of_both_under_load(tmp_path: Path) -> None:
    """The torture in small: kills of a ClickHouse of its own and of the intake, bad bodies, and a full disk."""
    command = [sys.executable, "-m", "benchmarks.torture_intake", "--kills", "5", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["acknowledged"] == result["stored"] > 0


def test_a_taken_port_is_a_clear_failure(settings: Settings, tmp_path: Path) -> None:
    with intake(settings, tmp_path / "a") as first:
        for taken in ("intake_http_port", "intake_grpc_port"):
            second = IntakeProcess(settings, tmp_path / "b")
            second.environment[taken.upper()] = str(getattr(first.settings, taken))
            command = [sys.executable, "-m", "otel_pipeline", "intake"]
            ended = subprocess.run(
                command, env=second.environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert ended.returncode == 1
            assert taken.upper() in ended.stderr
            assert "Traceback" not in ended.stderr


def test_it_starts_without_a_database_and_catches_up(tmp_path: Path) -> None:
    chosen = load(otel_pipeline_home=tmp_path / "db", clickhouse_port=free_port(), clickhouse_native_port=free_port())
    server = LocalServer(chosen)
    with intake(server.settings, tmp_path / "intake") as process:
        assert process.post("/v1/traces", spans())[0] == 200
        with server:
            assert "agentic_otel" in until(lambda: process.get("/readyz")[1].get("reason", ""))
            migrate(server.settings)
            with Database(server.settings) as db:
                until(lambda: count(db, "otel_traces") == 3)
            assert until(lambda: process.get("/readyz")[0] == 200)


def test_a_table_in_trouble_does_not_stop_the_others(settings: Settings, database: Database, tmp_path: Path) -> None:
    database.client.command("RENAME TABLE otel_logs TO otel_logs_away")
    with intake(settings, tmp_path) as process:
        records = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d"}]}]}]}' % time.time_ns()
        for _ in range(3):
            assert process.post("/v1/logs", records, content_type="application/json")[0] == 200
            assert process.post("/v1/traces", spans())[0] == 200
        until(lambda: count(database, "otel_traces") == 9)
        database.client.command("RENAME TABLE otel_logs_away TO otel_logs")
        until(lambda: count(database, "otel_logs") == 3)
