"""Browser customers as child processes of the load: a browser needs a process, and an event loop, of its own."""

import os
import subprocess
import sys
from collections.abc import Callable

from load import browser_user
from otel_pipeline import children
from otel_pipeline.settings import REPOSITORY, Settings
from otel_pipeline.stack.process import LEASH

PAUSE_S = 20.0
"""Mean pause between two visits. A visit takes about ten seconds and some CPU seconds."""

STOP_SECONDS = 5


class Browsers:
    """The browser customers of one load.

    :param say: told whether there are any; where not, why.
    """

    def __init__(self, settings: Settings, host: str, say: Callable[[str], None]) -> None:
        self._settings, self._host, self._say = settings, host, say
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Begin, where there is a browser."""
        wanted = self._settings.load_browser_users
        if wanted and (why := browser_user.missing()):
            self._say(f"no customers with a browser: {why}")
            return
        for number in range(wanted):
            visits = ["-m", "load.browser_user", "--sessions", "0", "--host", self._host, "--pause", str(PAUSE_S)]
            seed = ["--seed", f"{self._settings.load_seed}/browser/{number}"]
            tied = [sys.executable, "-S", "-E", str(LEASH), str(os.getpid())]
            command = [*tied, sys.executable, *visits, *seed]
            self._processes.append(subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL))
        self._say(f"customers with a browser: {wanted}")

    def stop(self) -> None:
        """End all."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            children.end(process, STOP_SECONDS)
        self._processes.clear()
