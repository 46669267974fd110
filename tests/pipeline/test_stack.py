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

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port, port_is_free
from otel_pipeline.settings import Settings, load
from otel_pipeline.stack import Stack, record
from otel_pipeline.stack.ports import choose_ports
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
