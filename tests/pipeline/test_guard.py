"""The guarded read-only SQL, against hostile statements, on the real engine, and the reader account behind it."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.localdb import sandbox
from otel_pipeline.settings import Settings
from otel_pipeline.tools import guard, readonly
from otel_pipeline.tools.tokens import Refused
from tests.pipeline.test_local_clickhouse import ask
from tests.support import hostile

SECRET = "canary-4711-secret"


class Listener:
    """A port on the loopback interface that counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.visitors = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.visitors += 1
            visitor.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, which closing does not
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


@pytest.fixture
def reader(settings: Settings) -> Iterator[Database]:
    with Database(settings, role="reader") as db:
        yield db


@pytest.fixture
def state(database: Database) -> list[object]:
    """Some rows; and all that must stay as it is."""
    database.insert("otel_logs", [["payment", "ERROR", "card refused"]], ["ServiceName", "SeverityText", "Body"])
    database.client.query(f"SELECT '{SECRET}'")
    database.client.command("SYSTEM FLUSH LOGS")
    return snapshot(database)


def snapshot(database: Database) -> list[object]:
    tables = "SELECT name, create_table_query, total_rows FROM system.tables WHERE database = currentDatabase()"
    functions = "SELECT name FROM system.functions WHERE origin != 'System' ORDER BY name"
    users = "SELECT name FROM system.users ORDER BY name"
    return [database.client.query(sql).result_rows for sql in (f"{tables} ORDER BY name", functions, users)]


def test_hostile_statements_are_refused_before_the_engine_sees_them(
    reader: Database, database: Database, state: list[object], listener: Listener, tmp_path: Path
) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(SECRET)
    statements = hostile.statements(listener.port, str(canary))
    assert len(statements) == len(set(statements)) >= 400
    passed = []
    for sql in statements:
        try:
            passed.append((sql, readonly.run(reader, sql)))
        except Refused as refusal:
            assert "\n" not in str(refusal)
            assert len(str(refusal)) < 300
    assert passed == []
    assert snapshot(database) == state
    assert listener.visitors == 0


def test_the_reader_account_cannot_do_it_either(
    settings: Settings, database: Database, state: list[object], listener: Listener, tmp_path: Path
) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(SECRET)
    told = []
    for sql in hostile.plainly(listener.port, str(canary)):
        answer = ask(settings, sql, settings.clickhouse_reader_user)
        if SECRET in answer and (sandbox.available() or "file" not in sql.lower()):
            told.append((sql, answer[:300]))
    assert told == []
    assert ask(settings, "SELECT 1", settings.clickhouse_reader_user) == "1\n"
    assert snapshot(database) == state
    assert listener.visitors == 0
    assert not list(Path("/tmp").glob("hostile*"))


@pytest.mark.skipif(not sandbox.available(), reason="this kernel has no Landlock")
def test_no_password_can_be_read_through_the_server(settings: Settings) -> None:
    reader = settings.clickhouse_reader_user
    seen = f"SELECT file('data/metadata/{settings.database}.sql') != ''"
    assert ask(settings, seen, reader) == "1\n"  # so that a refusal below is one
    for path in ("users.xml", "config.xml", "../local.env", "/proc/self/environ", "/etc/passwd", "/proc/1/environ"):
        answer = ask(settings, f"SELECT file('{path}')", reader)
        assert settings.clickhouse_password not in answer
        assert "root:" not in answer
        assert "Exception" in answer or not path.startswith(("..", "/etc", "/proc/1"))
    assert "Exception" in ask(settings, "SELECT count() FROM file('/etc/passwd', 'LineAsString')", reader)


def test_heavy_statements_end_and_hurt_nobody(
    reader: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(readonly.LIMITS, "max_execution_time", 1)
    for sql in hostile.HEAVY:
        try:
            answer = readonly.run(reader, sql)
            assert answer["truncated"], sql
            assert len(answer["rows"]) <= 100
            assert len(str(answer["rows"])) < 2 * readonly.MOST_CHARACTERS
        except UserError as error:
            assert "the engine says" in str(error), sql
        assert ask(settings, "SELECT 1", settings.clickhouse_reader_user) == "1\n"


def test_good_statements_work(reader: Database, settings: Settings, state: list[object]) -> None:
    failed = []
    for sql in [text.replace("{database}", settings.clickhouse_database) for text in hostile.GOOD]:
        try:
            answer = readonly.run(reader, sql)
            assert set(answer) == {"sql", "columns", "rows", "row_count", "truncated", "notes"}
            assert all(len(row) == len(answer["columns"]) for row in answer["rows"])
        except UserError as error:
            failed.append((sql, str(error)))
    assert failed == []


def test_the_plans_queries_pass_as_they_stand(reader: Database) -> None:
    given = {"embedding_model": "m", "query_embedding": [1.0, 0.0]}
    for name in ("plan__anomalous_traces", "plan__match_pattern"):
        assert readonly.run(reader, sqlfiles.query(name), parameters=given)["notes"] == ["no rows"]
    given = {"embedding_model": "m", "current_trace_id": "none"}
    with pytest.raises(UserError, match="Scalar subquery returned empty result"):
        readonly.run(reader, sqlfiles.query("plan__similar_errors"), parameters=given)
    answer = readonly.run(reader, "SELECT {n:UInt8} + 1, {s:String}", parameters={"n": 4, "s": "'; DROP TABLE x; --"})
    assert answer["rows"] == [[5, "'; DROP TABLE x; --"]]


def test_answers_are_cut_and_say_so(reader: Database) -> None:
    many = readonly.run(reader, "SELECT number FROM numbers(500)", rows=20)
    assert (many["row_count"], many["truncated"]) == (20, True)
    assert many["rows"][-1] == [19]
    assert "first 20 rows" in many["notes"][0]
    wide = readonly.run(reader, "SELECT repeat('x', 5000), range(5000)")
    assert wide["truncated"]
    assert len(wide["rows"][0][0]) < 2100
    assert "2 values were cut" in wide["notes"][0]
    long = readonly.run(reader, "SELECT repeat('x', 1900) FROM numbers(900)", rows=900)
    assert 40 < long["row_count"] < 60
    assert "rows fit into" in long["notes"][0]
    assert readonly.run(reader, "SELECT 1 WHERE 0")["notes"] == ["no rows"]
    all_there = readonly.run(reader, "SELECT number FROM numbers(5)", rows=5)
    assert (all_there["truncated"], all_there["notes"]) == (False, [])


def test_values_are_plain(reader: Database) -> None:
    sql = "SELECT toDateTime64('2026-01-31 08:15:00.5', 3, 'Asia/Seoul'), toDate('2026-01-31'), nan, NULL, map('a', 1),"
    row = readonly.run(reader, f"{sql} toUUID('00000000-0000-0000-0000-000000000001'), toIPv4('1.2.3.4')")["rows"][0]
    assert row[:5] == ["2026-01-30T23:15:00.500000Z", "2026-01-31", "nan", None, {"a": 1}]
    assert row[5:] == ["00000000-0000-0000-0000-000000000001", "1.2.3.4"]


def test_mistakes_are_explained_on_one_line(reader: Database) -> None:
    for sql, message in {
        "SELECT nope FROM otel_logs": "nope",
        "SELECT * FROM nope": "nope",
        "SELEC 1": "reading only",
        "SELECT FROM WHERE": "engine says",
    }.items():
        with pytest.raises(UserError, match=message) as raised:
            readonly.run(reader, sql)
        assert "\n" not in str(raised.value)
        assert "http" not in str(raised.value)


def test_the_engines_reading_is_held_against_the_same_lists(reader: Database) -> None:
    """By-pass our tokens: the second reading alone refuses what matters."""

    def agree(sql: str) -> None:
        guard.agree(reader.client.raw_query(f"EXPLAIN AST {sql}").decode(), reader.settings.clickhouse_database)

    for sql in (
        "SELECT * FROM Python(x)",
        "SELECT 1 FROM numbers(1) AS n, url('http://127.0.0.1:1/')",
        "SELECT file('x')",
        "SELECT 1 WHERE 1 IN url('x')",
        "SELECT * FROM system.query_log",
        "SELECT * FROM other.t",
        "SELECT 1 SETTINGS max_threads = 1",
        "SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)",
        "DROP TABLE otel_logs",
        "DESCRIBE url('x')",
        "SELECT * FROM somethingNew('x')",
    ):
        with pytest.raises(Refused):
            agree(sql)
    agree("SELECT * FROM numbers(3) WHERE number IN (1, 2)")


def test_without_a_reader_account_nothing_is_run(settings: Settings):
    with (
        Database(settings) as writer,
        pytest.raises(UserError, match="set CLICKHOUSE_READER_USER and CLICKHOUSE_READER"),
    ):
        readonly.run(writer, "SELECT 1")
