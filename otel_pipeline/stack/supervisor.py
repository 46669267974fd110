"""Start services in order, start again what dies or hangs, end all in reverse order.

A process waits for those it needs, is probed until it is ready, and is asked from then on whether it still moves. One
that dies, or neither answers nor uses the processor, is started again with growing pauses; one that keeps failing is
left down, and takes nobody with it. Why this is our own, and no supervisor that others keep: ``docs/supervision.md``.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import port_is_free
from otel_pipeline.stack.process import Child, Service

State = Literal["waiting", "starting", "ready", "stalled", "pause", "failed", "ended"]
Event = Callable[[str, State, str], None]
Taken = Callable[[Service], "dict[str, Service]"]

TICK_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # one that was ready for so long has recovered: pauses and counts begin anew
MOST_QUICK_DEATHS = 5
MOST_FAILED_STARTS = 2  # never became ready: mostly a reason that stays, such as a missing model
LATER_SECONDS = 300.0  # one that did its work once is tried again so much later: a full disk is emptied some time

PROBE_SECONDS = 3.0
STALLED_SECONDS = 10.0  # without an answer it is called stalled
BUSY_SECONDS = 300.0  # one that uses the processor may be silent for longer than one that does not
BUSY_SHARE = 0.02
ASLEEP_SECONDS = 5.0  # we ourselves were stopped, or the machine slept: nobody else is to blame


def no_echo(_name: str, _line: str) -> None:
    """Drop a line of a process's output."""


def no_other(_service: Service) -> dict[str, Service]:
    """There are no other ports to have; what starts will say so."""
    return {}


def no_event(_name: str, _state: State, _detail: str) -> None:
    """Drop an event."""


@dataclass
class Member:
    """A service and what became of it so far."""

    service: Service
    state: State = "waiting"
    child: Child | None = None
    prepared: bool = False
    restarts: int = 0
    quick_deaths: int = 0
    failed_starts: int = 0
    ready_at: float = 0.0
    was_ready: bool = False
    next_start: float = 0.0
    reason: str = ""


class Supervisor:
    """Keeps services running, from a thread of its own. Use as a context manager, or call start() and stop().

    :param services: each after those it needs.
    :param logs: folder of one log file a service.
    :param echo: gets every line of output: (name, line). :param on_event: gets every change: (name, state, detail).
    :param on_taken: called where somebody else listens on a port of a service that is about to start; the services with
        other ports, by name.
    """

    def __init__(
        self,
        services: Iterable[Service],
        logs: Path,
        echo: Callable[[str, str], None] = no_echo,
        on_event: Event = no_event,
        on_taken: Taken = no_other,
    ) -> None:
        self.members = {service.name: Member(service) for service in services}
        self._logs = logs
        self._echo = echo
        self._on_event = on_event
        self._on_taken = on_taken
        self._ticked = time.monotonic()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Begin; returns at once. See :meth:`wait_ready`."""
        # All children are started by this one thread: the signal that ties them to us is sent when *it* ends.
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()
        for member in self.members.values():
            threading.Thread(
                target=self._probe, args=(member,), name=f"probe-{member.service.name}", daemon=True
            ).start()

    def wait_ready(self, name: str | None = None, timeout: float = 120) -> None:
        """Wait until one service, or all of them, are ready.

        :raises UserError: one gave up (with the last line that it wrote), or the time is over.
        """
        wanted = [self.members[name]] if name else list(self.members.values())
        deadline = time.monotonic() + timeout
        with self._changed:
            while not all(member.state == "ready" for member in wanted):
                self.check()
                left = deadline - time.monotonic()
                if left <= 0:
                    late = ", ".join(m.service.name for m in wanted if m.state != "ready")
                    raise UserError(f"not ready after {timeout:.0f} s: {late}; see the logs in {self._logs}")
                self._changed.wait(min(left, 1.0))

    def settle(self, timeout: float = 180) -> list[str]:
        """Wait until every service is ready or has been given up; why those were that nobody waits for.

        :raises UserError: one gave up for which others wait, so that they cannot start; or the time is over.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                if self._error:
                    raise self._error
                failed = [member for member in self.members.values() if member.state == "failed"]
                needed = {name for member in self.members.values() for name in member.service.after}
                if fatal := [m for m in failed if not m.was_ready and m.service.name in needed]:
                    raise UserError(fatal[0].reason)
                if len(failed) == len(self.members) > 0:
                    raise UserError(failed[0].reason)
                late = [n for n, m in self.members.items() if m.state not in ("ready", "stalled", "failed")]
                if not late:
                    return [member.reason for member in failed]
                left = deadline - time.monotonic()
                if left <= 0:
                    raise UserError(f"not ready after {timeout:.0f} s: {', '.join(late)}; see the logs in {self._logs}")
                self._changed.wait(min(left, 1.0))

    def check_any(self) -> None:
        """Raise why nothing is left to supervise, if so.

        :raises UserError: every service gave up.
        """
        if self._error:
            raise self._error
        if self.members and all(member.state == "failed" for member in self.members.values()):
            raise UserError(next(iter(self.members.values())).reason)

    def check(self) -> None:
        """Raise what ended the supervision, if anything did.

        :raises UserError: a service gave up.
        """
        if self._error:
            raise self._error
        for member in self.members.values():
            if member.state == "failed":
                raise UserError(member.reason)

    def pids(self) -> dict[str, int]:
        """Process id of each service that runs."""
        return {n: m.child.pid for n, m in self.members.items() if m.child and m.child.status() is None}

    def restarts(self) -> dict[str, int]:
        """How often each service was started again."""
        return {name: member.restarts for name, member in self.members.items()}

    def stop(self) -> None:
        """End every service, those that need others first. Safe at any time, and twice; a second Ctrl-C kills."""
        self._stopping.set()
        try:
            if self._thread:
                self._thread.join()
        except KeyboardInterrupt:
            for member in self.members.values():
                if member.child:
                    member.child.end(0)
            raise
        finally:
            for member in self.members.values():
                if member.prepared and member.service.release:
                    member.service.release()
                    member.prepared = False

    def __enter__(self) -> "Supervisor":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._forgive_sleep()
                for member in self.members.values():
                    if self._stopping.is_set():
                        break
                    self._advance(member)
                self._stopping.wait(TICK_SECONDS)
        except BaseException as error:  # to be raised where somebody waits
            self._error = error
            with self._changed:
                self._changed.notify_all()
        # Children end when the thread that started them does; it stays until they have ended in order.
        self._stopping.wait()
        self._end_all()

    def _forgive_sleep(self) -> None:
        """Begin to count anew after we ourselves have not run."""
        now = time.monotonic()
        if now - self._ticked > ASLEEP_SECONDS:
            for member in self.members.values():
                if member.child:
                    member.child.answered = now
        self._ticked = now

    def _probe(self, member: Member) -> None:
        """Ask one service again and again whether it still moves, from a thread of its own: a probe may take long."""
        while not self._stopping.wait(PROBE_SECONDS):
            child = member.child
            if child is None or member.state not in ("ready", "stalled"):
                continue
            probe = child.service.alive
            if not child.is_stopped() and (probe is None or probe()):
                child.cpu_when_answered = child.cpu_seconds()
                child.answered = time.monotonic()

    def _advance(self, member: Member) -> None:
        """Take one service one step further."""
        now = time.monotonic()
        if member.state in ("waiting", "pause") or (member.state == "failed" and member.was_ready):
            if now >= member.next_start and all(
                self.members[name].state in ("ready", "stalled")
                for name in member.service.after
                if name in self.members
            ):
                self._try_to_start(member)
            return
        if member.child is None or member.state == "failed":
            return
        status = member.child.status()
        if status is not None:
            self._died(member, f"exit status {status}" if status >= 0 else f"signal {-status}")
        elif member.state == "starting":
            self._see_whether_ready(member, now)
        else:
            self._see_whether_alive(member, now)

    def _see_whether_ready(self, member: Member, now: float) -> None:
        assert member.child is not None
        if member.service.ready():
            try:
                if member.service.on_ready:
                    member.service.on_ready()
            except (UserError, OSError) as error:
                self._died(member, str(error))
                return
            member.ready_at = member.child.answered = now
            member.was_ready = True
            self._set(member, "ready", f"{time.time() - member.child.started:.1f} s")
        elif time.time() - member.child.started > member.service.ready_seconds:
            self._died(member, f"not ready after {member.service.ready_seconds:.0f} s")

    def _see_whether_alive(self, member: Member, now: float) -> None:
        child = member.child
        assert child is not None
        silent = now - child.answered
        if silent <= STALLED_SECONDS:
            if member.state == "stalled":
                self._set(member, "ready", "answers again")
            return
        if member.state == "ready":
            self._set(member, "stalled", f"no answer for {silent:.0f} s")
        if silent > member.service.hung_seconds:
            is_busy = child.cpu_seconds() - child.cpu_when_answered > BUSY_SHARE * silent and not child.is_stopped()
            if not is_busy or silent > BUSY_SECONDS:
                self._died(member, f"hung, no answer for {silent:.0f} s")

    def _try_to_start(self, member: Member) -> None:
        """Start a service; one that cannot even be prepared is given up, and the others go on."""
        try:
            self._start(member)
        except (UserError, OSError) as error:
            member.reason = str(error)
            member.next_start = time.monotonic() + LATER_SECONDS
            self._set(member, "failed", member.reason)

    def _start(self, member: Member) -> None:
        if any(not port_is_free(port) for port in member.service.ports):
            self._replace(self._on_taken(member.service))
        service = member.service
        if service.prepare and not member.prepared:
            service.prepare()
        member.prepared = True
        member.child = Child(service, self._logs / f"{service.name}.log", self._echo)
        self._set(member, "starting", f"pid {member.child.pid}")

    def _replace(self, services: "dict[str, Service]") -> None:
        """Take other definitions; those among the running ones that differ are started again."""
        for name, service in services.items():
            member = self.members[name]
            if member.prepared and member.service.release:
                member.service.release()
            member.prepared, member.service = False, service
            if member.child and member.state in ("starting", "ready", "stalled"):
                member.child.terminate()
                member.child.end(service.stop_seconds)
                member.next_start = 0.0
                self._set(member, "pause", "other ports; starting it again")

    def _died(self, member: Member, how: str) -> None:
        """Plan the next start, or give up."""
        child = member.child
        assert child is not None
        child.end(0)
        was_ready = member.state in ("ready", "stalled")
        now = time.monotonic()
        if was_ready and now - member.ready_at > STEADY_SECONDS:
            member.quick_deaths = 0
        member.quick_deaths += 1
        member.failed_starts = 0 if was_ready else member.failed_starts + 1
        name = member.service.name
        if member.quick_deaths >= MOST_QUICK_DEATHS or member.failed_starts >= MOST_FAILED_STARTS:
            times = f"{member.quick_deaths} times in succession" if member.quick_deaths > 1 else "once"
            log = self._logs / f"{name}.log"
            member.reason = f"{name} ended {times} ({how}): {child.last_words()}; its log is {log}"
            member.next_start = now + LATER_SECONDS
            self._set(member, "failed", member.reason)
            return
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (member.quick_deaths - 1), LONGEST_PAUSE_SECONDS)
        member.next_start = now + pause
        member.restarts += 1
        self._set(member, "pause", f"{how}: {child.last_words()}; starting it again in {pause:.1f} s")

    def _set(self, member: Member, state: State, detail: str) -> None:
        with self._changed:
            member.state = state
            self._changed.notify_all()
        self._on_event(member.service.name, state, detail)

    def _end_all(self) -> None:
        """End in waves: each service once those that need it are gone."""
        left = {name: m for name, m in self.members.items() if m.state in ("starting", "ready", "stalled")}
        while left:
            needed = {name for m in left.values() for name in m.service.after}
            wave = [m for name, m in left.items() if name not in needed]
            for member in wave:
                assert member.child is not None
                member.child.terminate()
            began = time.monotonic()
            for member in wave:
                assert member.child is not None
                member.child.end(member.service.stop_seconds - (time.monotonic() - began))
                self._set(member, "ended", "")
                del left[member.service.name]
