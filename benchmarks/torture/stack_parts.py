"""The stack: parts that hang, die again and again, or find their port taken."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.torture import case
from benchmarks.torture.bench import Bench, until
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import REPOSITORY, Settings, load
from otel_pipeline.stack import Stack, record
from otel_pipeline.stack import supervisor as module
from otel_pipeline.stack.process import Service
from otel_pipeline.stack.supervisor import Supervisor

LISTENER = "stack"
SLEEP = "import time; time.sleep(600)"


def home(bench: Bench) -> Settings:
    """Settings of a stack of its own."""
    ports = ("clickhouse_port", "clickhouse_native_port", "intake_http_port", "intake_grpc_port")
    return load(otel_pipeline_home=bench.home(), clickhouse_host="", **{port: free_port() for port in ports})


@contextmanager
def supervised(bench: Bench, *services: Service) -> Iterator[Supervisor]:
    """Small processes under supervision."""
    with Supervisor(services, bench.home() / "logs") as supervisor:
        yield supervisor


def service(name: str, code: str = SLEEP, **fields: object) -> Service:
    """A small process."""
    return Service(name, [sys.executable, "-c", code], **fields)  # pyright: ignore[reportArgumentType]


@case(LISTENER, "SIGSTOP of the intake", "stalled, then restarted; ClickHouse untouched", slow=True)
def _(bench: Bench) -> str:
    settings = home(bench)
    with Stack(settings, only=["clickhouse", "intake"]) as stack:
        stack.settle()
        before = stack.pids()
        os.kill(before["intake"], signal.SIGSTOP)
        state = lambda: {row["name"]: row["state"] for row in record.table(settings.otel_pipeline_home)}["intake"]  # noqa: E731
        stalled = until(lambda: state() == "stalled", 30)
        back = until(lambda: stack.pids().get("intake") not in (None, before["intake"]) and state() == "ready", 90)
        untouched = stack.pids()["clickhouse"] == before["clickhouse"]
        if stalled and back and untouched:
            return "stalled, then restarted; ClickHouse untouched"
        return f"stalled {stalled}, back {back}, ClickHouse untouched {untouched}"


@case(LISTENER, "SIGSTOP of a part for a moment only", "not restarted")
def _(bench: Bench) -> str:
    with supervised(bench, service("one")) as supervisor:
        supervisor.wait_ready(timeout=20)
        pid = supervisor.pids()["one"]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(module.STALLED_SECONDS + 2)
        os.kill(pid, signal.SIGCONT)
        back = until(lambda: supervisor.members["one"].state == "ready", 20)
        return "not restarted" if back and supervisor.restarts()["one"] == 0 else "restarted"


@case(LISTENER, "a part that ends again and again", "left down and told; the other goes on")
def _(bench: Bench) -> str:
    with supervised(bench, service("weak", "raise SystemExit('no model')", ready=lambda: False), service("other")) as s:
        reasons = s.settle(timeout=60)
        s.check_any()
        good = len(reasons) == 1 and "no model" in reasons[0] and "other" in s.pids()
        return "left down and told; the other goes on" if good else f"{reasons}"


@case(LISTENER, "a part that floods its output", "its log is bounded")
def _(bench: Bench) -> str:
    code = "import sys\nwhile True: sys.stdout.write('x' * 1000 + '\\n')"
    with supervised(bench, service("loud", code)) as supervisor:
        supervisor.wait_ready(timeout=20)
        time.sleep(4)
        size = sum(path.stat().st_size for path in supervisor._logs.iterdir())
        return "its log is bounded" if size < 25_000_000 else f"{size} bytes"


@case(LISTENER, "a part that writes lines without end, and no text", "its log is bounded")
def _(bench: Bench) -> str:
    code = "import sys\nwhile True: sys.stdout.buffer.write(b'\\xff\\0' * 500_000)"
    with supervised(bench, service("loud", code)) as supervisor:
        supervisor.wait_ready(timeout=20)
        before = _rss()
        time.sleep(4)
        size = sum(path.stat().st_size for path in supervisor._logs.iterdir())
        grown = _rss() - before
        return "its log is bounded" if size < 25_000_000 and grown < 100 else f"{size} bytes, {grown:.0f} MB more"


def _rss() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@case(LISTENER, "another program on the port of the database", "other ports, remembered")
def _(bench: Bench) -> str:
    settings = home(bench)
    with socket.create_server(("127.0.0.1", settings.clickhouse_port)):
        with Stack(settings, only=["clickhouse"]) as stack:
            stack.settle()
            moved = stack.settings.clickhouse_port != settings.clickhouse_port
            again = load(otel_pipeline_home=settings.otel_pipeline_home).clickhouse_port
            return "other ports, remembered" if moved and again == stack.settings.clickhouse_port else "not moved"


@case(LISTENER, "up twice within a moment", "the second ends with one line that names the first")
def _(bench: Bench) -> str:
    settings = home(bench)
    with Stack(settings, only=["clickhouse"]) as stack:
        second = Stack(settings, only=["clickhouse"])
        try:
            second.start()
        except UserError as error:
            stack.settle()
            named = f"(pid {os.getpid()})" in str(error)
            return "the second ends with one line that names the first" if named else str(error)
        second.stop()
        return "both run"


@case(LISTENER, "a record of nonsense, and of processes of others", "it starts, and ends nobody")
def _(bench: Bench) -> str:
    settings = home(bench)
    settings.otel_pipeline_home.mkdir(parents=True)
    mine = subprocess.Popen(["sleep", "60"])
    for text in (
        "[1, 2]",
        "\0",
        json.dumps({"services": [{"pid": "x"}, {}, {"pid": mine.pid, "created": 1.0}]}),
    ):
        record.record_path(settings.otel_pipeline_home).write_text(text)
        with Stack(settings, only=["clickhouse"]) as stack:
            stack.settle()
    alive = mine.poll() is None
    mine.kill()
    mine.wait()
    return "it starts, and ends nobody" if alive else "somebody else's process was ended"


@case(LISTENER, "kill -9 of up, and up again", "nothing is left; it starts")
def _(bench: Bench) -> str:
    settings = home(bench)
    environment = {**os.environ, **settings.environment(), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "otel_pipeline", "up", "--only", "clickhouse"]
    first = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    entries = until(
        lambda: [e for e in record.read(settings.otel_pipeline_home).get("services", []) if e["state"] == "ready"], 60
    )
    first.kill()
    first.wait()
    gone = until(lambda: not Path(f"/proc/{entries[0]['pid']}").exists(), 15) if entries else False
    with Stack(settings, only=["clickhouse"]) as stack:
        stack.settle()
    return "nothing is left; it starts" if gone else "ClickHouse went on"
