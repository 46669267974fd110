"""The stack around a real ClickHouse: one a home folder, ports, restarts, and what is left when it is killed."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.localdb import config
from otel_pipeline.localdb.launcher import free_port, port_is_free
from otel_pipeline.settings import Settings, load
from otel_pipeline.stack import Stack, record
from otel_pipeline.stack.ports import Reservations, choose_ports
from tests.support.processes import environment, eventually, is_alive, run, start

Up = Callable[..., "tuple[subprocess.Popen[str], dict[str, str]]"]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Settings of a home folder of the test's own, with free ports for ClickHouse."""
    return load(otel_pipeline_home=tmp_path, clickhouse_port=free_port(), clickhouse_native_port=free_port())


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """``otel-pipeline up --only clickhouse`` as a process, ready; ended after the test."""
    with ExitStack() as stack:

        def begin(**variables: object) -> tuple[subprocess.Popen[str], dict[str, str]]:
            env = environment(tmp_path, **variables)
            process = start("up", "--only", "clickhouse", env=env)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            assert process.stdout
            for line in process.stdout:
                if line.startswith("clickhouse  http"):
                    return process, env
            raise AssertionError("it ended")

        yield begin


def test_the_database_is_ready_and_its_server_comes_back(home: Settings) -> None:
    with Stack(home, only=["clickhouse"]) as stack:
        stack.wait_ready("clickhouse")
        with Database(stack.settings, role="reader") as db:
            assert db.client.query("SELECT count() FROM otel_logs").result_rows == [(0,)]
        before = stack.pids()["clickhouse"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda: stack.restarts()["clickhouse"] == 1)
        stack.wait_ready()
        assert stack.pids()["clickhouse"] != before
        with Database(stack.settings) as db:
            assert db.client.query("SELECT count() FROM otel_logs").result_rows == [(0,)]
        pid = stack.pids()["clickhouse"]
    assert not is_alive(pid)
    assert port_is_free(home.clickhouse_port)


def test_a_second_stack_in_the_same_home_is_refused(home: Settings) -> None:
    with Stack(home, only=["clickhouse"]) as stack:
        stack.wait_ready()
        with pytest.raises(UserError, match=r"a stack is running already in .*pid \d+"):
            Stack(home, only=["clickhouse"]).start()
        assert stack.pids()


def test_ports_that_are_taken_are_replaced_and_remembered(home: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.clickhouse_port))
        other.listen()
        with Stack(home, only=["clickhouse"]) as stack:
            stack.wait_ready()
            chosen = stack.settings.clickhouse_port
            assert chosen != home.clickhouse_port
            assert stack.settings.clickhouse_native_port == home.clickhouse_native_port
    assert load(otel_pipeline_home=home.otel_pipeline_home).clickhouse_port == chosen


def test_a_port_asked_for_by_name_is_not_replaced(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("INTAKE_HTTP_PORT", str(other.getsockname()[1]))
        with pytest.raises(UserError, match="is taken; choose another with INTAKE_HTTP_PORT"):
            choose_ports(load(otel_pipeline_home=home.otel_pipeline_home), ["intake"])


def test_parts_that_listen_next_to_each_other_do_not_meet(home: Settings) -> None:
    first = free_port()
    clash = home.model_copy(update={"shop_port": first, "intake_http_port": first + 2, "dagster_port": first + 2})
    chosen = choose_ports(clash, ["intake", "shop", "dagster"])
    shop = range(chosen.shop_port, chosen.shop_port + 5)
    assert chosen.intake_http_port not in shop
    assert chosen.dagster_port not in shop
    assert len({chosen.intake_http_port, chosen.intake_grpc_port, chosen.dagster_port}) == 3


def test_servers_elsewhere_are_used_and_not_started(server: Settings, tmp_path: Path) -> None:
    elsewhere = server.model_copy(
        update={
            "otel_pipeline_home": tmp_path,
            "clickhouse_host": "127.0.0.1",
            "clickhouse_database": f"{server.clickhouse_database}_elsewhere",
            "embedding_base_url": "http://127.0.0.1:1/v1",
        }
    )
    with Stack(elsewhere, only=["clickhouse", "embedder"]) as stack:
        stack.wait_ready()
        assert stack.pids() == {}
        with Database(stack.settings) as db:
            assert db.client.query("SELECT count() FROM otel_logs").result_rows == [(0,)]
            db.client.command(f"DROP DATABASE {elsewhere.clickhouse_database} SYNC")
    assert not (tmp_path / "clickhouse").exists()


def test_no_such_part(home: Settings) -> None:
    with pytest.raises(UserError, match="no such part of the stack: kitchen"):
        Stack(home, without=["kitchen"])


def test_status_shows_processes_and_memory(up: Up) -> None:
    process, env = up()
    answer = run("status", "--json", env=env)
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    names = {row["name"]: row for row in document["processes"]}
    assert set(names) == {"supervisor", "clickhouse"}
    assert names["supervisor"]["pid"] == process.pid
    assert names["clickhouse"]["state"] == "ready"
    assert names["clickhouse"]["port"] == int(env["CLICKHOUSE_PORT"])
    assert 50 < names["clickhouse"]["memory_mb"] < 2000
    assert document["total_memory_mb"] == pytest.approx(sum(row["memory_mb"] for row in names.values()), abs=0.2)
    assert "clickhouse" in run("status", env=env).stdout


def test_status_without_a_stack(tmp_path: Path) -> None:
    answer = run("status", env=environment(tmp_path))
    assert answer.returncode == 1
    assert answer.stderr.startswith("otel-pipeline: no stack runs in")


def test_a_killed_stack_leaves_nothing_and_starts_again(up: Up, tmp_path: Path) -> None:
    process, _ = up()
    pids = [entry["pid"] for entry in record.read(tmp_path)["services"]]
    assert pids
    process.kill()
    process.wait()
    eventually(lambda: not any(is_alive(pid) for pid in pids), 10)
    up()


def test_what_a_killed_stack_left_is_ended_by_the_next(tmp_path: Path) -> None:
    leftover = subprocess.Popen(["sleep", "600"])
    created = psutil.Process(leftover.pid).create_time()
    record.write(tmp_path, {"pid": 1, "services": [{"pid": leftover.pid, "created": created}]})
    record.end_leftovers(tmp_path)
    assert not is_alive(leftover.pid)


def test_two_stacks_at_once_do_not_choose_the_same_ports(tmp_path: Path) -> None:
    """Two homes, the same settings, within a moment: neither listens yet when the other chooses."""
    ports = {"clickhouse_port": free_port(), "clickhouse_native_port": free_port(), "intake_http_port": free_port()}
    first, second = Reservations(), Reservations()
    try:
        one = choose_ports(load(otel_pipeline_home=tmp_path / "a", **ports), ["clickhouse", "intake"], first)
        two = choose_ports(load(otel_pipeline_home=tmp_path / "b", **ports), ["clickhouse", "intake"], second)
    finally:
        first.release()
        second.release()
    fields = ("clickhouse_port", "clickhouse_native_port", "intake_http_port")
    assert [getattr(one, field) for field in fields] == [ports[field] for field in fields]
    assert not {getattr(one, field) for field in fields} & {getattr(two, field) for field in fields}


def test_the_database_moves_when_its_port_is_taken_while_it_is_down(home: Settings) -> None:
    with Stack(home, only=["clickhouse"]) as stack:
        stack.wait_ready()
        before = stack.settings.clickhouse_port
        os.killpg(stack.pids()["clickhouse"], signal.SIGKILL)
        other = eventually(lambda: _listen(before), 5)
        with other:
            eventually(lambda: stack.settings.clickhouse_port != before, 20)
            eventually(
                lambda: stack.addresses()["clickhouse"].startswith(f"http://127.0.0.1:{stack.settings.clickhouse_port}")
            )
            stack.wait_ready()
            with Database(stack.settings) as db:
                assert db.client.query("SELECT count() FROM otel_logs").result_rows == [(0,)]


def _listen(port: int) -> socket.socket | None:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return None


def test_another_clickhouse_on_the_port_is_named(server: Settings, tmp_path: Path) -> None:
    config.write(
        tmp_path / "clickhouse",
        load(otel_pipeline_home=tmp_path, clickhouse_password="mine", clickhouse_reader_password="x"),
    )
    env = environment(tmp_path, CLICKHOUSE_PORT=server.clickhouse_port, CLICKHOUSE_PASSWORD="mine")
    answer = run("migrate", env=env)
    assert answer.returncode == 1
    assert f"another ClickHouse than that of {tmp_path}" in answer.stderr
    assert "CLICKHOUSE_PORT" in answer.stderr


def test_a_stopped_database_is_stalled_in_the_status(up: Up, tmp_path: Path) -> None:
    _, env = up()
    pid = next(entry["pid"] for entry in record.read(tmp_path)["services"] if entry["name"] == "clickhouse")
    os.kill(pid, signal.SIGSTOP)

    def state() -> str:
        rows = json.loads(run("status", "--json", env=env).stdout)["processes"]
        return next(row["state"] for row in rows if row["name"] == "clickhouse")

    eventually(lambda: state() == "stalled", 40)
    eventually(lambda: state() == "ready", 90)  # another process
    assert not is_alive(pid)


def test_the_engines_log_holds_errors_not_chatter(server: Settings) -> None:
    log = server.otel_pipeline_home / "clickhouse" / "log" / "server.err.log"
    assert "Temporarily pause scheduling" not in log.read_text(errors="replace")
    with Database(server) as db, pytest.raises(ClickHouseError):
        db.client.query("SELECT throwIf(1, 'a real error of the test')")
    eventually(lambda: "a real error of the test" in log.read_text(errors="replace"))
