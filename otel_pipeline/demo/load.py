"""Locust as a child process, headless, with no faults of its own: the demo switches them one at a time."""

import os
import subprocess
import sys
from types import TracebackType

from load import browser_user
from otel_pipeline import children
from otel_pipeline.errors import UserError
from otel_pipeline.settings import REPOSITORY, Settings
from otel_pipeline.stack.process import LEASH

STOP_SECONDS = 15


class Load:
    """Customers of the shop, for the length of a block.

    :param users: customers at the same time.
    :raises UserError: from :meth:`check`, when Locust has ended by itself.
    """

    def __init__(self, settings: Settings, users: int) -> None:
        self.settings = settings
        self.users = users
        self.log = settings.otel_pipeline_home / "logs" / "load.log"

    def __enter__(self) -> "Load":
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # Tied to us: should we be killed, the customers go too.
        command = ["-S", "-E", str(LEASH), str(os.getpid()), sys.executable, "-m", "locust"]
        command += ["-f", str(REPOSITORY / "load" / "locustfile.py"), "--headless", "--only-summary"]
        command += ["-u", str(self.users), "-r", "5", "--host", f"http://127.0.0.1:{self.settings.shop_port}"]
        environment = os.environ | self.settings.environment() | {"LOAD_FAULTS": "0", "LOAD_SHAPE": "steady"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=REPOSITORY,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self

    @property
    def described(self) -> str:
        """Who is shopping, in words; where nobody has a browser, why."""
        browsers, why = self.settings.load_browser_users, browser_user.missing()
        if not browsers or why:
            return f"{self.users} customers, none with a browser: {why or 'LOAD_BROWSER_USERS is 0'}"
        return f"{self.users} customers and {browsers} with a browser"

    def check(self) -> None:
        """See that the load still runs."""
        if self.process.poll() is not None:
            raise UserError(f"the load generator ended by itself; its log is {self.log}")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        children.end(self.process, STOP_SECONDS)
