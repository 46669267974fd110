"""The local server: who may do what, whose server it is, and how it ends."""

import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.localdb import config
from otel_pipeline.localdb.launcher import LocalServer, free_port
from otel_pipeline.settings import Settings, load
from tests.support.processes import eventually, is_alive


def ask(settings: Settings, sql: str, user: str) -> str:
    """The server's answer over HTTP, an error's text included."""
    passwords = {
        settings.clickhouse_user: settings.clickhouse_password,
        settings.clickhouse_reader_user: settings.clickhouse_reader_password,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.clickhouse_port}/?database={settings.clickhouse_database}&wait_end_of_query=1",
        data=sql.encode(),
        headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": passwords.get(user, "")},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalServer]:
    """A server that a test may kill; started by the test."""
    home = load(otel_pipeline_home=tmp_path, clickhouse_port=free_port(), clickhouse_native_port=free_port())
    server = LocalServer(home)
    yield server
    server.stop()


READER_REFUSED = [
    "INSERT INTO otel_logs (Body) VALUES ('x')",
    "CREATE TABLE t (x Int8) ENGINE = Memory",
    "DROP TABLE otel_logs",
    "ALTER TABLE otel_logs DELETE WHERE 1",
    "SYSTEM FLUSH LOGS",
    "CREATE FUNCTION f AS (x) -> x",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM executable('x', 'TSV', 'a Int8')",
    "SELECT * FROM Python(x)",
    "SELECT * FROM Python(x) SETTINGS allow_python_table_function = 1",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT 1 SETTINGS max_execution_time = 3600",
    "SELECT 1 SETTINGS max_memory_usage = 0",
    "SELECT 1 SETTINGS max_result_rows = 0",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
]


@pytest.mark.parametrize("sql", READER_REFUSED)
def test_reader_is_refused(settings: Settings, sql: str) -> None:
    assert "DB::Exception" in ask(settings, sql, settings.clickhouse_reader_user)
    assert ask(settings, "SELECT 1", settings.clickhouse_reader_user) == "1\n"


def test_reader_reads_our_tables_and_no_others(settings: Settings, database: Database) -> None:
    reader = settings.clickhouse_reader_user
    assert ask(settings, "SELECT count() FROM otel_logs", reader) == "0\n"
    assert ask(settings, "SELECT currentUser() SETTINGS max_execution_time = 5", reader) == f"{reader}\n"
    granted = ask(settings, "SHOW GRANTS", reader)
    assert sorted(set(re.findall(r" ON (\S+)", granted))) == ["agentic_otel*.*", "system.*"], granted


def test_reader_has_limits(settings: Settings) -> None:
    reader = settings.clickhouse_reader_user
    assert "TOO_MANY_ROWS_OR_BYTES" in ask(settings, "SELECT number FROM numbers(1000001) FORMAT JSON", reader)
    assert "MEMORY_LIMIT_EXCEEDED" in ask(settings, "SELECT groupArray(number) FROM numbers(400000000)", reader)
    slow = "SELECT sleepEachRow(0.2) FROM numbers(15) SETTINGS max_execution_time = 1, max_block_size = 1"
    assert "TIMEOUT_EXCEEDED" in ask(settings, slow, reader)


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT 1 SETTINGS max_sessions_for_user = 0", "SYSTEM SHUTDOWN"])
def test_nobody_logs_in_without_a_password(settings: Settings, sql: str) -> None:
    assert "USER_SESSION_LIMIT_EXCEEDED" in ask(settings, sql, "default")
    assert "AUTHENTICATION_FAILED" in ask(settings.model_copy(update={"clickhouse_password": "x"}), sql, "pipeline")


def test_writer_stays_in_its_databases(settings: Settings) -> None:
    writer = settings.clickhouse_user
    assert "ACCESS_DENIED" in ask(settings, "CREATE DATABASE other", writer)
    assert "ACCESS_DENIED" in ask(settings, "SELECT * FROM file('/etc/passwd', 'LineAsString')", writer)
    assert "FUNCTION_NOT_ALLOWED" in ask(settings, "SELECT * FROM Python(x)", writer)
    assert ask(settings, "CREATE TEMPORARY TABLE t (x Int8)", writer) == ""


def test_queries_are_logged_with_who_asked(settings: Settings) -> None:
    with Database(settings, comment={"command": "a test"}) as db:
        db.client.query("SELECT 'find me'")
        db.client.command("SYSTEM FLUSH LOGS")
        found = db.client.query(
            "SELECT log_comment FROM system.query_log WHERE query LIKE '%find me%' AND log_comment != '' LIMIT 1"
        )
    assert found.result_rows == [('{"command": "a test"}',)]


def test_it_listens_on_loopback_alone(server: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells which address this machine has
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no other address")
    for port in (server.clickhouse_port, server.clickhouse_native_port):
        with socket.socket() as sock:
            sock.settimeout(2)
            assert sock.connect_ex((address, port)) != 0


def test_passwords_are_for_the_owner_alone(server: Settings) -> None:
    folder = server.otel_pipeline_home / "clickhouse"
    assert folder.stat().st_mode & 0o077 == 0
    assert not [name for name in config.FILES if (folder / name).exists()]
    config.write(folder / "other", server)
    for name in config.FILES:
        assert (folder / "other" / name).stat().st_mode & 0o077 == 0


def test_it_ends_at_once_with_idle_connections_open(own: LocalServer) -> None:
    own.start()
    with Database(own.settings, database="") as db:
        db.client.query("SELECT 1")
        began = time.monotonic()
        own.stop()
    assert time.monotonic() - began < 2
    assert own.process and own.process.returncode == 0


def test_acknowledged_rows_survive_a_kill(own: LocalServer) -> None:
    own.start()
    writer = own.settings.clickhouse_user
    settings = own.settings.model_copy(update={"clickhouse_database": "default"})
    database = own.settings.clickhouse_database
    ask(settings, f"CREATE DATABASE {database}", writer)
    ask(settings, f"CREATE TABLE {database}.t (x Int64) ENGINE = MergeTree ORDER BY x", writer)
    assert ask(settings, f"INSERT INTO {database}.t SELECT number FROM numbers(1000)", writer) == ""
    assert own.process
    own.process.kill()
    own.process.wait()
    own.spawn()
    own.wait()
    assert ask(settings, f"SELECT sum(x) FROM {database}.t", writer) == "499500\n"


def test_a_folder_in_use_is_refused(own: LocalServer) -> None:
    own.start()
    ports = {"clickhouse_port": free_port(), "clickhouse_native_port": free_port()}
    second = LocalServer(own.settings.model_copy(update=ports))
    with pytest.raises(UserError, match="in use by another ClickHouse"):
        second.start()
    assert own.answers()


@pytest.mark.parametrize("field", ["clickhouse_port", "clickhouse_native_port"])
def test_a_port_that_is_taken_is_refused(own: LocalServer, field: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", getattr(own.settings, field)))
        other.listen()
        with pytest.raises(UserError, match=f"is taken; choose another with {field.upper()}"):
            own.start()
    own.start()  # nothing was left behind


def test_another_server_on_the_port_is_not_ours(own: LocalServer, server: Settings, tmp_path: Path) -> None:
    imposter = LocalServer(server)
    imposter._identity = config.new_password()
    assert not imposter.answers()


@pytest.mark.parametrize("name", ["a b", "default", "x;y", ""])
def test_names_that_the_configuration_cannot_carry_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="is no name for the local ClickHouse"):
        config.write(tmp_path, load(otel_pipeline_home=tmp_path).model_copy(update={"clickhouse_database": name}))


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "from otel_pipeline.localdb.launcher import *; import pathlib, time\n"
        f"s = LocalServer(load(otel_pipeline_home=pathlib.Path({str(tmp_path)!r}), clickhouse_port=free_port(),"
        " clickhouse_native_port=free_port())); s.start(); print(s.process.pid, flush=True); time.sleep(100)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    eventually(lambda: not is_alive(pid), 5)
