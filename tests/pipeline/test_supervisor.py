"""The supervisor, with small processes: order, restarts, giving up, and an end that leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port, port_is_free
from otel_pipeline.stack import supervisor as module
from otel_pipeline.stack.process import Service
from otel_pipeline.stack.supervisor import Supervisor
from tests.support.processes import eventually, is_alive

SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
Make = Callable[..., Supervisor]


def service(name: str, code: str = SLEEP, **fields: object) -> Service:
    return Service(name, [sys.executable, "-c", code], **fields)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes supervisors that are started, quick to restart, and ended after the test."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.05)
    with ExitStack() as stack:

        def start(*services: Service, **options: object) -> Supervisor:
            return stack.enter_context(Supervisor(services, tmp_path / "logs", **options))  # pyright: ignore[reportArgumentType]

        yield start


def test_order_of_start_and_end(make: Make, tmp_path: Path) -> None:
    events: list[tuple[str, str]] = []
    supervisor = make(
        service("last", after=("middle",)),
        service("middle", after=("first",)),
        service("first"),
        on_event=lambda name, state, _: events.append((name, state)),
    )
    supervisor.wait_ready(timeout=20)
    pids = supervisor.pids()
    assert set(pids) == {"first", "middle", "last"}
    supervisor.stop()
    assert [name for name, state in events if state == "ready"] == ["first", "middle", "last"]
    assert [name for name, state in events if state == "ended"] == ["last", "middle", "first"]
    assert not any(is_alive(pid) for pid in pids.values())
    supervisor.stop()  # twice does no harm


def test_what_dies_is_started_again(make: Make) -> None:
    supervisor = make(service("one"), service("other"))
    supervisor.wait_ready(timeout=20)
    before = supervisor.pids()
    os.kill(before["one"], signal.SIGKILL)
    eventually(lambda: supervisor.restarts()["one"] == 1)
    supervisor.wait_ready(timeout=20)
    assert supervisor.pids()["one"] != before["one"]
    assert supervisor.pids()["other"] == before["other"]
    assert supervisor.restarts() == {"one": 1, "other": 0}


def test_it_gives_up_and_says_why(make: Make) -> None:
    supervisor = make(
        service("broken", "print('otel-pipeline: the model is missing'); raise SystemExit(1)", ready=lambda: False)
    )
    with pytest.raises(UserError, match=r"broken ended 2 times .*exit status 1.*the model is missing.*broken\.log"):
        supervisor.wait_ready(timeout=20)
    with pytest.raises(UserError):
        supervisor.check()
    assert "the model is missing" in (supervisor._logs / "broken.log").read_text()


def test_quick_deaths_after_being_ready_are_counted(make: Make) -> None:
    supervisor = make(service("weak", "import time; time.sleep(0.3)"))
    with pytest.raises(UserError, match="ended 5 times in succession"):
        for _ in range(1000):
            supervisor.check()
            time.sleep(0.02)
    assert supervisor.restarts()["weak"] == 4


def test_one_that_never_becomes_ready_is_ended(make: Make) -> None:
    supervisor = make(service("slow", ready=lambda: False, ready_seconds=0.3))
    eventually(supervisor.pids)
    pid = supervisor.pids()["slow"]
    with pytest.raises(UserError, match="not ready after 0 s"):
        supervisor.wait_ready(timeout=20)
    assert not is_alive(pid)


def test_time_out_names_who_is_late(make: Make) -> None:
    supervisor = make(service("quick"), service("late", ready=lambda: False))
    with pytest.raises(UserError, match=r"not ready after 1 s: late;"):
        supervisor.wait_ready(timeout=1)
    supervisor.wait_ready("quick", timeout=20)


def test_a_failure_before_the_start_is_raised_where_one_waits(make: Make) -> None:
    def refuse() -> None:
        raise UserError("the port is taken")

    supervisor = make(service("one", prepare=refuse), service("other"))
    with pytest.raises(UserError, match="the port is taken"):
        supervisor.wait_ready(timeout=20)


def test_stop_during_start(make: Make) -> None:
    supervisor = make(service("one", ready=lambda: False), service("other", after=("one",)))
    eventually(supervisor.pids)
    pid = supervisor.pids()["one"]
    supervisor.stop()
    assert not is_alive(pid)


def test_a_stubborn_process_and_its_children_are_killed(make: Make) -> None:
    parent = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}])
print(child.pid, flush=True)
child.wait()
"""
    lines: list[str] = []
    supervisor = make(service("parent", parent, stop_seconds=0.5), echo=lambda _, line: lines.append(line))
    eventually(lambda: "up" in lines)
    child = int(next(line for line in lines if line.isdigit()))
    supervisor.stop()
    eventually(lambda: not is_alive(child), 5)


def test_output_goes_to_the_log_and_to_the_echo(make: Make) -> None:
    lines: list[tuple[str, str]] = []
    supervisor = make(service("talker", "print('hello', flush=True); " + SLEEP), echo=lambda *line: lines.append(line))
    eventually(lambda: ("talker", "hello") in lines)
    assert (supervisor._logs / "talker.log").read_text() == "hello\n"


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from otel_pipeline.stack.process import Service
from otel_pipeline.stack.supervisor import Supervisor
with Supervisor([Service(n, [sys.executable, "-c", {SLEEP!r}]) for n in "ab"], Path({str(tmp_path)!r})) as s:
    s.wait_ready()
    print(*s.pids().values(), flush=True)
    time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2 and all(is_alive(pid) for pid in pids)
    parent.kill()
    parent.wait()
    eventually(lambda: not any(is_alive(pid) for pid in pids), 5)


STOPPED = {"hung_seconds": 1.0, "ready": lambda: True}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(module, "STALLED_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
def test_what_is_stopped_is_told_and_started_again(make: Make) -> None:
    events: list[tuple[str, str]] = []
    supervisor = make(
        service("one", **STOPPED),
        service("other", **STOPPED),
        on_event=lambda name, state, _: events.append((name, state)),
    )
    supervisor.wait_ready(timeout=20)
    before = supervisor.pids()
    os.kill(before["one"], signal.SIGSTOP)
    eventually(lambda: supervisor.restarts()["one"] == 1)
    supervisor.wait_ready(timeout=20)
    assert ("one", "stalled") in events
    assert not is_alive(before["one"])
    assert supervisor.pids()["other"] == before["other"]


@pytest.mark.usefixtures("impatient")
def test_what_does_not_answer_and_does_nothing_is_started_again(make: Make) -> None:
    supervisor = make(service("one", alive=lambda: False, hung_seconds=1.0))
    supervisor.wait_ready(timeout=20)
    eventually(lambda: supervisor.restarts()["one"] >= 1)


@pytest.mark.usefixtures("impatient")
def test_what_is_busy_may_be_silent_for_longer(make: Make) -> None:
    supervisor = make(service("busy", "while True: pass", alive=lambda: False, hung_seconds=0.7))
    supervisor.wait_ready(timeout=20)
    eventually(lambda: supervisor.members["busy"].state == "stalled")
    time.sleep(2)
    assert supervisor.restarts()["busy"] == 0


@pytest.mark.usefixtures("impatient")
def test_one_that_answers_again_is_ready_again(make: Make) -> None:
    answers = [False]
    supervisor = make(service("one", alive=lambda: answers[0], hung_seconds=60))
    supervisor.wait_ready(timeout=20)
    eventually(lambda: supervisor.members["one"].state == "stalled")
    answers[0] = True
    supervisor.wait_ready(timeout=20)
    assert supervisor.restarts()["one"] == 0


def test_one_that_keeps_failing_is_left_down_and_ends_no_other(make: Make) -> None:
    supervisor = make(service("weak", "raise SystemExit('no model')", ready=lambda: False), service("other"))
    (reason,) = supervisor.settle(timeout=30)
    assert "no model" in reason
    supervisor.check_any()
    assert supervisor.members["weak"].state == "failed"
    assert is_alive(supervisor.pids()["other"])


def test_one_that_others_need_ends_the_start(make: Make) -> None:
    supervisor = make(
        service("base", "raise SystemExit('no disk')", ready=lambda: False), service("above", after=("base",))
    )
    with pytest.raises(UserError, match="no disk"):
        supervisor.settle(timeout=30)


def test_one_that_cannot_be_prepared_ends_no_other(make: Make) -> None:
    def refuse() -> None:
        raise UserError("the folder is in use")

    supervisor = make(service("one", prepare=refuse), service("other"))
    assert supervisor.settle(timeout=20) == ["the folder is in use"]
    assert is_alive(supervisor.pids()["other"])


def test_one_that_worked_once_is_tried_again_later(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "LATER_SECONDS", 1.0)
    monkeypatch.setattr(module, "MOST_QUICK_DEATHS", 1)
    flag = tmp_path / "broken"
    code = f"import os, sys, time\nif os.path.exists({str(flag)!r}): sys.exit('disk full')\n{SLEEP}"
    supervisor = make(service("one", code, ready=lambda: True))
    supervisor.wait_ready(timeout=20)
    flag.touch()
    os.kill(supervisor.pids()["one"], signal.SIGKILL)
    eventually(lambda: supervisor.members["one"].state == "failed")
    flag.unlink()
    eventually(lambda: supervisor.members["one"].state == "ready", 20)


def test_we_ourselves_were_asleep(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that slept: nobody could answer, nobody is ended for it."""
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.1)
    supervisor = make(service("one", hung_seconds=3.0))
    supervisor.wait_ready(timeout=20)
    real, shift = time.monotonic, [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: real() + shift[0])
    shift[0] = 100.0
    time.sleep(1)
    assert supervisor.restarts()["one"] == 0


LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"


def test_a_port_that_is_taken_at_the_last_moment_is_chosen_again(make: Make) -> None:
    def at(port: int) -> Service:
        return Service("one", [sys.executable, "-c", LISTEN, str(port)], ports=(port,), port=port)

    with socket.create_server(("127.0.0.1", 0)) as other:
        other_port = other.getsockname()[1]
        free = free_port()
        supervisor = make(at(other_port), on_taken=lambda _: {"one": at(free)})
        supervisor.wait_ready(timeout=20)
        assert supervisor.members["one"].service.port == free
        eventually(lambda: not port_is_free(free))
