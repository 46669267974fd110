"""A running stack, seen from outside: ``stack.json`` and ``stack.lock`` in the home folder, and psutil."""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

import psutil

from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import writing_to

LEFTOVER_SECONDS = 12


def record_path(home: Path) -> Path:
    """Where a stack writes what it runs."""
    return home / "stack.json"


def take_lock(home: Path) -> int:
    """Hold the home folder for one stack; the descriptor to close in the end.

    :raises UserError: another stack runs there, or the folder cannot be written.
    """
    with writing_to(home):
        home.mkdir(parents=True, exist_ok=True)
        lock = os.open(home / "stack.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pid = os.pread(lock, 20, 0).decode(errors="replace").strip() or "?"
        os.close(lock)
        raise UserError(
            f"a stack is running already in {home} (pid {pid}); end it, or set OTEL_PIPELINE_HOME to another folder"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def is_running(home: Path) -> bool:
    """Whether a stack holds the home folder."""
    try:
        lock = os.open(home / "stack.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def read(home: Path) -> dict[str, Any]:
    """The record of the stack that runs, or ran last; empty when there is none."""
    try:
        document = json.loads(record_path(home).read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def write(home: Path, document: dict[str, Any]) -> None:
    """Replace the record; a full disk must not end a stack."""
    path = record_path(home)
    temporary = path.with_suffix(".tmp")
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(document))
        temporary.replace(path)


def end_leftovers(home: Path) -> None:
    """End what a stack that was killed may have left: processes of its record, known by pid and start time."""
    leftovers = []
    for entry in read(home).get("services", []):
        with contextlib.suppress(psutil.Error, KeyError, TypeError, ValueError):
            if not entry["pid"]:
                continue
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["created"]) < 1:
                leftovers += [process, *process.children(recursive=True)]
    _, alive = psutil.wait_procs(leftovers, LEFTOVER_SECONDS / 3)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(alive, LEFTOVER_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, LEFTOVER_SECONDS)


def memory_bytes(pid: int) -> int:
    """Resident memory of a process and of all that it started; shared pages count for each of them."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
    return total


def table(home: Path) -> list[dict[str, Any]]:
    """A row for the supervisor and for each process of the stack that runs in ``home``."""
    document = read(home)
    supervisor = {"name": "supervisor", "state": "ready", "pid": document.get("pid", 0), "restarts": 0}
    rows = []
    for entry in [supervisor, *document.get("services", [])]:
        try:
            if not entry["pid"]:
                raise psutil.NoSuchProcess(0)
            process = psutil.Process(entry["pid"])
            created = process.create_time()
            if abs(created - entry.get("created", created)) > 1:
                raise psutil.NoSuchProcess(entry["pid"])
            own = entry["name"] == "supervisor"
            memory = process.memory_info().rss if own else memory_bytes(entry["pid"])
            state, uptime = entry["state"], time.time() - created
        except psutil.Error:
            known = entry["state"] if entry["state"] in ("failed", "waiting", "pause") else "dead"
            state, uptime, memory = known, 0.0, 0
        rows.append(
            {
                "name": entry["name"],
                "state": state,
                "pid": entry["pid"],
                "port": entry.get("port"),
                "url": entry.get("url", ""),
                "memory_mb": round(memory / 1e6, 1),
                "uptime_s": round(uptime, 1),
                "restarts": entry["restarts"],
                "reason": entry.get("reason", ""),
            }
        )
    return rows
