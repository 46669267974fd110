"""Helpers for tests that start processes: bounded polling, and our command line as a process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import REPOSITORY


def eventually(check: Callable[[], Any], seconds: float = 60, message: str = "") -> Any:
    """The first true answer of ``check``, asked again and again.

    :raises AssertionError: none within the time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := check():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {message or check}")


def environment(home: Path, **variables: object) -> dict[str, str]:
    """The environment of an installation of its own in ``home``, with free ports for ClickHouse."""
    ports = {"CLICKHOUSE_PORT": free_port(), "CLICKHOUSE_NATIVE_PORT": free_port()}
    given = {"OTEL_PIPELINE_HOME": home, **ports, **variables}
    return {**os.environ, "PYTHONUNBUFFERED": "1", **{name: str(value) for name, value in given.items()}}


def start(*arguments: str, env: dict[str, str]) -> "subprocess.Popen[str]":
    """``otel-pipeline ARGUMENTS`` as a process, output and errors in one pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "otel_pipeline", *arguments],
        cwd=REPOSITORY,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(*arguments: str, env: dict[str, str], seconds: float = 60) -> "subprocess.CompletedProcess[str]":
    """``otel-pipeline ARGUMENTS`` to its end."""
    command = [sys.executable, "-m", "otel_pipeline", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=seconds, check=False
    )


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")
