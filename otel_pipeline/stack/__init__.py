"""The local stack: every process of the project on this machine, supervised."""

import contextlib
import os
import time
from collections.abc import Collection
from typing import Any

import psutil

from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port, with_passwords, with_shop_token
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings, load
from otel_pipeline.stack import record
from otel_pipeline.stack.ports import Reservations, choose_ports
from otel_pipeline.stack.process import Service
from otel_pipeline.stack.services import GROUPS, USERS, build, group_of, needed_groups
from otel_pipeline.stack.supervisor import Event, State, Supervisor, no_echo, no_event

__all__ = ["GROUPS", "Stack"]


class Stack:
    """The stack of one home folder. Use as a context manager; :meth:`wait_ready` then waits for one part or for all.

    :param settings: the home folder, and where things are. Ports that are taken are replaced by free ones, which are
        remembered; :attr:`settings` has them, and points every client at this stack.
    :param only: parts to start (of :data:`GROUPS`). :param without: parts to leave out.
    :param echo: gets every line of output: (name, line). :param on_event: gets every change: (name, state, detail).
    :raises UserError: another stack runs in this home folder; a port asked for by name is taken; no right to write.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        only: Collection[str] | None = None,
        without: Collection[str] = (),
        echo: Any = no_echo,
        on_event: Event = no_event,
    ) -> None:
        self.settings = settings or load()
        unknown = sorted(({*(only or ()), *without}) - set(GROUPS))
        if unknown:
            raise UserError(f"no such part of the stack: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
        self.groups = needed_groups(self.settings, only, without)
        self._home = self.settings.otel_pipeline_home
        self._on_event = on_event
        self._echo = echo
        self._lock: int | None = None
        self._reservations = Reservations()
        self._code_port = 0
        self._supervisor: Supervisor | None = None

    def start(self) -> None:
        """Begin to start everything; returns at once."""
        self._lock = record.take_lock(self._home)
        try:
            record.end_leftovers(self._home)
            if "clickhouse" in self.groups:
                self.settings = with_passwords(self.settings)
            if "shop" in self.groups:
                self.settings = with_shop_token(self.settings)
            self.settings = choose_ports(self.settings, self.groups, self._reservations)
            self._code_port = free_port()
            if "clickhouse" not in self.groups:
                migrate(self.settings)
            services = build(self.settings, self.groups, self._code_port)
            self._supervisor = Supervisor(services, self._home / "logs", self._echo, self._changed, self._choose_others)
            self._supervisor.start()
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, name: str | None = None, timeout: float = 180) -> None:
        """Wait until a service, or every one, is ready.

        :raises UserError: one gave up, or the time is over.
        """
        self._running.wait_ready(name, timeout)

    def settle(self, timeout: float = 180) -> list[str]:
        """Wait until every service is ready or left down; the reasons of the latter.

        :raises UserError: one gave up for which others wait, or the time is over.
        """
        return self._running.settle(timeout)

    def check_any(self) -> None:
        """Raise why nothing of the stack runs any more, if so. One part that was left down ends no other.

        :raises UserError: every service gave up.
        """
        self._running.check_any()

    def check(self) -> None:
        """Raise why the stack cannot go on, if so.

        :raises UserError: a service gave up.
        """
        self._running.check()

    def addresses(self) -> dict[str, str]:
        """The URL of each service that has one."""
        return {n: m.service.url for n, m in self._running.members.items() if m.service.url}

    def pids(self) -> dict[str, int]:
        """Process id of each service that runs."""
        return self._running.pids()

    def restarts(self) -> dict[str, int]:
        """How often each service was started again."""
        return self._running.restarts()

    def stop(self) -> None:
        """End everything, in reverse order. Safe at any time, and twice."""
        try:
            if self._supervisor:
                self._supervisor.stop()
                record.record_path(self._home).unlink(missing_ok=True)
        finally:
            self._reservations.release()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _running(self) -> Supervisor:
        if not self._supervisor:
            raise UserError("the stack was not started")
        return self._supervisor

    def _choose_others(self, service: Service) -> dict[str, Service]:
        """Services with other ports, because somebody has one that a service was about to bind.

        :raises UserError: the environment asks for that port by name.
        """
        group = group_of(service.name)
        before, self.settings = self.settings, choose_ports(self.settings, [group], self._reservations)
        if self.settings == before:
            return {}
        users = [name for name in USERS[group] if name in self.groups]
        return {new.name: new for new in build(self.settings, users, self._code_port)}

    def _changed(self, name: str, state: State, detail: str) -> None:
        self._write_record()
        self._on_event(name, state, detail)

    def _write_record(self) -> None:
        services = []
        for member in self._running.members.values():
            child = member.child
            if member.state == "ended":
                continue
            created = child.started if child else 0.0
            with contextlib.suppress(psutil.Error):
                created = psutil.Process(child.pid).create_time() if child else 0.0
            services.append(
                {
                    "name": member.service.name,
                    "state": member.state,
                    "pid": child.pid if child else 0,
                    "created": created,
                    "reason": member.reason if member.state == "failed" else "",
                    "port": member.service.port,
                    "url": member.service.url,
                    "restarts": member.restarts,
                }
            )
        record.write(self._home, {"pid": os.getpid(), "written": time.time(), "services": services})
