"""What an operator gets wrong, or a machine: one clear line, exit status 1, nothing left behind."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import LocalServer, free_port
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings, load
from tests.support.processes import environment, eventually, run, start


def one_line(answer: "subprocess.CompletedProcess[str]") -> str:
    """The single line that a failed command wrote."""
    assert answer.returncode == 1, answer.stdout + answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line.startswith("otel-pipeline: ")]
    assert len(lines) == 1 and "Traceback" not in answer.stderr, answer.stderr
    return lines[0]


def processes_of(home: Path) -> list[int]:
    """Processes that work in, or were told of, a home folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and (
                str(home) in process.cwd() or process.environ().get("OTEL_PIPELINE_HOME") == str(home)
            ):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_no_clickhouse(tmp_path: Path) -> None:
    message = one_line(run("migrate", env=environment(tmp_path)))
    assert "no ClickHouse at http://127.0.0.1:" in message
    assert "otel-pipeline up" in message


def test_no_clickhouse_elsewhere(tmp_path: Path) -> None:
    env = environment(tmp_path, CLICKHOUSE_HOST="no-such-host.invalid")
    assert "no ClickHouse at http://no-such-host.invalid" in one_line(run("migrate", env=env))


def test_wrong_password(server: Settings, tmp_path: Path) -> None:
    env = environment(tmp_path, CLICKHOUSE_PORT=server.clickhouse_port, CLICKHOUSE_PASSWORD="wrong")
    assert "refuses user pipeline; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD" in one_line(run("migrate", env=env))


def test_a_database_that_is_not_there(server: Settings) -> None:
    missing = server.model_copy(update={"clickhouse_database": f"{server.clickhouse_database}_nowhere"})
    with pytest.raises(UserError, match=r"does not exist at .*; run `otel-pipeline migrate`"), Database(missing) as db:
        db.rows("migrate__list")


def test_settings_that_make_no_sense_are_named_together(tmp_path: Path) -> None:
    message = one_line(run("migrate", env=environment(tmp_path, CLICKHOUSE_PORT="many", RAW_TTL_DAYS=0)))
    assert "CLICKHOUSE_PORT" in message and "RAW_TTL_DAYS" in message


@pytest.mark.parametrize("command", [["clickhouse"], ["up", "--only", "clickhouse"]])
def test_port_taken(tmp_path: Path, command: list[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        env = environment(tmp_path, CLICKHOUSE_PORT=port)
        assert f"port {port} is taken; choose another with CLICKHOUSE_PORT" in one_line(run(*command, env=env))
    assert not processes_of(tmp_path)


def test_home_in_use(tmp_path: Path) -> None:
    server = LocalServer(
        load(otel_pipeline_home=tmp_path, clickhouse_port=free_port(), clickhouse_native_port=free_port())
    )
    with server:
        assert "in use by another ClickHouse" in one_line(run("clickhouse", env=environment(tmp_path)))


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in (["clickhouse"], ["up"]):
        message = one_line(run(*command, env=environment(tmp_path / "file" / "home")))
        assert "OTEL_PIPELINE_HOME" in message


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [["clickhouse"], ["up", "--only", "clickhouse"]])
@pytest.mark.parametrize("moment", ["at once", "starting", "ready"])
def test_interrupted(tmp_path: Path, command: list[str], moment: str, sent: signal.Signals) -> None:
    process = start(*command, env=environment(tmp_path))
    assert process.stdout
    seen = ""
    if moment == "at once":
        eventually((tmp_path / "local.env").exists, message="the first thing that it does")
    while moment != "at once":
        line = process.stdout.readline()
        assert line, seen
        seen += line
        if moment in line:
            break
    began = time.monotonic()
    process.send_signal(sent)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode in (0, 1), seen + rest
    assert "Traceback" not in seen + rest, seen + rest
    assert time.monotonic() - began < 10
    assert not processes_of(tmp_path)


def test_model_missing(tmp_path: Path) -> None:
    env = environment(tmp_path, EMBEDDER_PORT=free_port(), EMBEDDING_MODEL="no-such-model")
    assert "no-such-model" in one_line(run("embedder", env=env))


HOUR = ["--from", "2026-01-01T00:00:00", "--to", "2026-01-01T01:00:00"]
FUTURE = ["--from", "2126-01-01T00:00:00", "--to", "2126-01-01T01:00:00"]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["materialize", *HOUR], 1),
        (["materialize", *FUTURE], 1),
        (["anomalies", *HOUR], 0),
        (["anomalies", *FUTURE], 0),
        (["investigate", *HOUR], 0),
        (["investigate", *FUTURE], 0),
        (["search", "timeout"], 0),
        (["similar", "4bf92f3577b34da6a3ce929d0e0e4736"], 1),
        (["patterns", "list"], 0),
        (["import", "--traces", "/etc/passwd"], 1),
        (["anomalies", *HOUR[2:], *HOUR[:2], "--from", "2026-01-01T02:00:00"], 2),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else None,
)
def test_an_empty_database_is_an_answer(settings: Settings, tmp_path: Path, command: list[str], status: int) -> None:
    own = settings.model_dump(include=set(settings.model_fields_set)) | {"otel_pipeline_home": tmp_path}
    env = {**os.environ, **{name.upper(): str(value) for name, value in own.items()}, "EMBEDDER_PORT": "1"}
    answer = run(*command, env=env)
    assert "Traceback" not in answer.stderr, answer.stderr
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert answer.stdout or answer.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 120 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_disk_full(small_disk: Path) -> None:
    ports = {"clickhouse_port": free_port(), "clickhouse_native_port": free_port()}
    with LocalServer(load(otel_pipeline_home=small_disk, **ports)) as server:
        migrate(server.settings)
        (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - 3_000_000))
        rows = "SELECT now64(9), randomPrintableASCII(1000) FROM numbers(20000)"
        with Database(server.settings) as db:
            with pytest.raises(UserError, match=r"the disk of ClickHouse at .* is full; free some space"):
                with db._explained():
                    db.client.command(f"INSERT INTO otel_logs (Timestamp, Body) {rows}")
            (small_disk / "ballast").unlink()
            assert db.client.query("SELECT count() FROM otel_logs").result_rows == [(0,)]
            db.client.command("INSERT INTO otel_logs (Timestamp, Body) SELECT now64(9), 'after'")
            assert db.client.query("SELECT count() FROM otel_logs").result_rows == [(1,)]


def test_disk_full_at_the_start(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    message = one_line(run("clickhouse", env=environment(small_disk)))
    assert "No space left on device; free some space" in message
