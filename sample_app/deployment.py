"""Deployments: a service replaces itself by another version of itself, without closing its port."""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

RELEASE = "SHOP_RELEASE"
"""Environment variable with the version to run, where it is not the one of the settings."""

LISTENER = "SHOP_LISTENER_FD"
"""Environment variable by which a process hands on its listening socket: connections wait in it meanwhile."""

ANSWER_FIRST_S = 0.2
"""Time for the admin API to answer before the process stops serving."""


class Deployment:
    """The version of this process, and the one to follow it. A switch: on is the next release, off the present one.

    :param version: the version that runs.
    :param released: the version that runs ordinarily.
    """

    def __init__(self, version: str, released: str) -> None:
        self.version, self._released = version, released
        self.follow_up = ""
        self.stop_serving: Callable[[], None] = lambda: None

    @property
    def changed(self) -> bool:
        """Whether another version than the ordinary one runs."""
        return self.version != self._released

    def start(self, version: str = "1.5.0") -> dict[str, Any]:
        """Roll out a version."""
        self._roll_out(version)
        return {"version": version}

    def stop(self) -> None:
        """Roll back."""
        if self.changed:
            self._roll_out(self._released)

    def _roll_out(self, version: str) -> None:
        self.follow_up = version
        threading.Timer(ANSWER_FIRST_S, self.stop_serving).start()


def replace_process(service: str, version: str, listener: socket.socket, hand_on: Mapping[str, str]) -> None:
    """Become another version of the service. Does not return.

    :param hand_on: further environment variables.
    """
    os.set_inheritable(listener.fileno(), True)
    environment = {**os.environ, **hand_on, RELEASE: version, LISTENER: str(listener.fileno())}
    os.execve(sys.executable, [sys.executable, "-m", "sample_app", service], environment)


def inherited_listener() -> socket.socket | None:
    """The listening socket of the version before, if there was one."""
    number = os.environ.pop(LISTENER, "")
    return socket.socket(fileno=int(number)) if number else None


def carried(counts: Mapping[str, Any]) -> str:
    """Counts of telemetry as text for the next process."""
    return json.dumps({name: counts[name] for name in ("spans", "logs", "instances")})
