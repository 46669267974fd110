"""Dagster's own processes, on an instance of their own: for tests of what only they do."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.request import Request, urlopen

from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import REPOSITORY, Settings
from tests.support.processes import eventually

WORKSPACE = str(REPOSITORY / "workspace.yaml")


@dataclass(frozen=True)
class Dagster:
    """A webserver that answers."""

    url: str
    home: Path

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", data=body, headers={"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]


@contextmanager
def dagster(settings: Settings, daemon: bool = False) -> Iterator[Dagster]:
    """The webserver, and with ``daemon`` what runs sensors, queue and backfills; ended afterwards, children too.

    :param settings: of a ClickHouse that runs. Nobody listens where the embedder should be.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(REPOSITORY / "dagster.yaml", home / "dagster.yaml")
    ours = settings.model_copy(update={"embedder_port": free_port()})
    environment = {**os.environ, **ours.environment(), "DAGSTER_HOME": str(home)}
    port = free_port()
    commands = [["otel_pipeline.dagster_web", "-p", str(port), "-w", WORKSPACE]]
    if daemon:
        commands.append(["dagster._daemon", "run", "-w", WORKSPACE])
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (home / f"{command[0]}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *command],
                        cwd=REPOSITORY,
                        env=environment,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
            # One after the other: both make the instance's SQLite files.
            eventually(lambda: answers(f"http://127.0.0.1:{port}/server_info"), 90, "the webserver answers")
        yield Dagster(f"http://127.0.0.1:{port}", home)
    finally:
        for process in reversed(processes):
            end(process)


def start(command: list[str], environment: dict[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """A module as a process, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=REPOSITORY,
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def answers(url: str) -> bool:
    """Whether a GET of the address is answered."""
    try:
        with urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its children: they are its session."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
