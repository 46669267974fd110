"""The whole stack as ``otel-pipeline up`` starts it: all parts answer, what dies returns, nothing outlives a kill."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from otel_pipeline.stack import record
from tests.support.processes import environment, eventually, run, start

SHOP = {"storefront", "cart", "checkout", "payment", "inventory"}
PROCESSES = {"supervisor", "clickhouse", "intake", "embedder", *SHOP, "code", "webserver", "daemon"}
MOST_MEMORY_MB = 2500
START_SECONDS = 180


class Up:
    """A running ``otel-pipeline up``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = environment(home)
        self.process = start("up", "--quiet", env=self.env)

    def processes(self) -> dict[str, dict[str, Any]]:
        """The answer of ``status``, by name."""
        answer = run("status", "--json", env=self.env)
        assert answer.returncode == 0, answer.stderr
        return {row["name"]: row for row in json.loads(answer.stdout)["processes"]}

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.process.stdout and self.process.stdout.read()
        rows = {entry["name"]: entry["state"] for entry in record.read(self.home).get("services", [])}
        return set(rows) == PROCESSES - {"supervisor"} and set(rows.values()) == {"ready"}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    stack = Up(tmp_path_factory.mktemp("up"))
    try:
        eventually(stack.is_ready, START_SECONDS, "the whole stack is ready")
        yield stack
    finally:
        stack.process.terminate()
        stack.process.wait(60)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


@pytest.mark.timeout(START_SECONDS + 60)
def test_every_part_answers(up: Up) -> None:
    rows = up.processes()
    assert set(rows) == PROCESSES
    assert all(row["state"] == "ready" for row in rows.values())
    assert json.loads(get(f"{rows['storefront']['url']}/products"))
    assert json.loads(get(f"{rows['embedder']['url']}/models"))["data"]
    assert b"__ENV" in get(f"http://127.0.0.1:{rows['clickhouse']['port']}/__ENV.js")
    assert "dagster_version" in json.loads(get(f"{rows['webserver']['url']}/server_info"))


def test_memory_is_within_its_bound(up: Up) -> None:
    total = sum(row["memory_mb"] for row in up.processes().values())
    assert total < MOST_MEMORY_MB


@pytest.mark.parametrize("name", ["intake", "cart", "clickhouse"])
def test_what_is_killed_comes_back(up: Up, name: str) -> None:
    before = up.processes()[name]
    os.kill(before["pid"], signal.SIGKILL)
    eventually(lambda: any(e["name"] == name and e["restarts"] > before["restarts"] for e in entries(up)), 30)
    eventually(up.is_ready, 60)
    assert up.processes()[name]["pid"] != before["pid"]


def test_a_second_stack_is_refused(up: Up) -> None:
    answer = run("up", env=up.env)
    assert answer.returncode == 1
    assert answer.stderr.startswith("otel-pipeline: a stack is running already")


def test_nothing_outlives_a_kill(up: Up) -> None:
    family = psutil.Process(up.process.pid).children(recursive=True)
    assert len(family) >= len(PROCESSES) - 1
    up.process.kill()
    up.process.wait()
    _, alive = psutil.wait_procs(family, 30)
    assert not [subprocess.list2cmdline(process.cmdline())[:100] for process in alive]


def entries(up: Up) -> list[dict[str, Any]]:
    return record.read(up.home).get("services", [])
