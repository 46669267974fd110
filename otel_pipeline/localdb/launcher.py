"""Start, watch and end the local server."""

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

from otel_pipeline import children
from otel_pipeline.errors import UserError
from otel_pipeline.localdb import config
from otel_pipeline.settings import REPOSITORY, Settings, load

READY_SECONDS = 30
STOP_SECONDS = 15


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def port_is_free(port: int) -> bool:
    """Whether nobody listens on the loopback port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Say in one line that a folder cannot be written, or that its disk is full."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; free some space, or set OTEL_PIPELINE_HOME to another folder"
        ) from None


def remember(settings: Settings, **values: object) -> Settings:
    """Write variables into ``$OTEL_PIPELINE_HOME/local.env`` (owner alone can read it); the settings with them."""
    path = settings.local_env
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text() if path.exists() else ""
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        lines.update({key.upper(): str(value) for key, value in values.items()})
        temporary = path.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_text("".join(f"{key}={value}\n" for key, value in sorted(lines.items())))
        temporary.replace(path)
    return load(**{**settings.model_dump(include={"otel_pipeline_home"}), **values})


class LocalServer:
    """The local ClickHouse as a child process. Use as a context manager.

    The folder's lock is held by this process and by the server, so that it stays taken until both are gone. The server
    ends when this process does, however that ends: it watches a pipe of which this process holds the other end.

    :param settings: home folder and ports. Passwords that are missing are made up and remembered.
    :raises UserError: port taken, folder in use, or the server did not come up.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = with_passwords(settings)
        self.folder: Path = self.settings.otel_pipeline_home / "clickhouse"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._identity = ""

    @property
    def url(self) -> str:
        """Base URL of the HTTP interface."""
        return f"http://127.0.0.1:{self.settings.clickhouse_port}"

    @property
    def log(self) -> Path:
        """The engine's log of errors."""
        return self.folder / config.LOGS / "server.log"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.prepare()
        try:
            self.spawn()
            self.wait()
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> None:
        """Take the folder, see that the ports are free, write the configuration.

        :raises UserError: one of them cannot be had.
        """
        self._take_folder()
        try:
            self.check_ports()
            with writing_to(self.folder):
                self._identity = config.write(self.folder, self.settings)
        except BaseException:
            self._release_folder()
            raise

    def check_ports(self) -> None:
        """Refuse ports on which somebody listens.

        :raises UserError: naming the port and its variable.
        """
        for field in ("clickhouse_port", "clickhouse_native_port"):
            port = getattr(self.settings, field)
            if not port_is_free(port):
                raise UserError(f"port {port} is taken; choose another with {field.upper()}")

    def spawn(self, output: int | IO[bytes] | None = None) -> "subprocess.Popen[bytes]":
        """Start the process (again) without waiting; its output goes to ``output``, or else to ``stdout.log``."""
        assert self._lock is not None, "prepare() comes first"
        if not (self.folder / config.FILES[0]).exists():  # an earlier process has read it
            self._identity = config.write(self.folder, self.settings)
        with contextlib.ExitStack() as stack:
            if output is None:
                output = stack.enter_context((self.folder / "stdout.log").open("wb"))
            self.process = subprocess.Popen(
                [sys.executable, "-m", "otel_pipeline.localdb.server"],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(self._lock,),
                start_new_session=True,  # SYSTEM SHUTDOWN signals the whole process group
            )
        return self.process

    def wait(self) -> None:
        """Wait until the server answers.

        :raises UserError: it ended, or was not ready within 30 seconds; the end of its log says why.
        """
        assert self.process is not None, "spawn() comes first"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.answers():
                return
            time.sleep(0.05)
        raise UserError(f"the local ClickHouse did not come up: {self.last_words()}")

    def answers(self, seconds: float = 2) -> bool:
        """Whether this server, and not another one on its port, answers now."""
        try:
            with urlopen(f"{self.url}{config.IDENTITY_PATH}", timeout=seconds) as answer:
                ours = answer.read().decode() == self._identity
        except (OSError, HTTPException):
            return False
        if ours:
            config.forget(self.folder)
        return ours

    def last_words(self) -> str:
        """The last error of the engine's logs in one line, and where to read more."""
        for path in (self.folder / "stdout.log", self.log):
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            for line in reversed(lines):
                if "DB::Exception" in line or "Error" in line:
                    return f"{line[:300]} ({path})"
        return f"its logs in {self.folder} name no reason"

    def stop(self) -> None:
        """End the server and release its folder. Safe to call twice, and at any time."""
        if self.process:
            children.end(self.process, STOP_SECONDS)
            if self.process.stdin:
                self.process.stdin.close()
        self._release_folder()

    def __enter__(self) -> "LocalServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _take_folder(self) -> None:
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._release_folder()
            raise UserError(
                f"{self.folder} is in use by another ClickHouse; end that one, or set OTEL_PIPELINE_HOME"
            ) from None

    def _release_folder(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _environment() -> dict[str, str]:
    """The server's environment: what programs need, and no secrets, since its users can read /proc/self/environ."""
    kept = ("PATH", "HOME", "USER", "TZ", "TMPDIR", "VIRTUAL_ENV")
    plain = {
        name: value for name, value in os.environ.items() if name in kept or name.startswith(("LC_", "LANG", "LD_"))
    }
    return plain | {"PYTHONPATH": str(REPOSITORY)}


def with_passwords(settings: Settings) -> Settings:
    """The settings with the passwords of this installation, made up and remembered where there are none yet."""
    missing = [f for f in ("clickhouse_password", "clickhouse_reader_password") if not getattr(settings, f)]
    if not missing:
        return settings
    made_up = {field: config.new_password() for field in missing}
    remember(settings, **made_up)
    return settings.model_copy(update=made_up)


def with_shop_token(settings: Settings) -> Settings:
    """The settings with the token of the shop's admin API, made up and remembered where there is none yet."""
    if settings.shop_admin_token:
        return settings
    made_up = {"shop_admin_token": config.new_password()}
    remember(settings, **made_up)
    return settings.model_copy(update=made_up)


@contextlib.contextmanager
def temporary_server(home: Path, **overrides: Any) -> Iterator[Settings]:
    """A server of its own in ``home`` on free ports, gone afterwards: for tests and evaluations.

    :param overrides: further settings.
    :returns: settings that point at it, database migrated.
    """
    from otel_pipeline.migrate import migrate

    settings = load(
        otel_pipeline_home=home,
        clickhouse_host="",
        clickhouse_port=free_port(),
        clickhouse_native_port=free_port(),
        clickhouse_user="pipeline",
        clickhouse_password=config.new_password(),
        clickhouse_reader_user="reader",
        clickhouse_reader_password=config.new_password(),
        clickhouse_cluster="",
        **overrides,
    )
    with LocalServer(settings) as server:
        migrate(server.settings)
        yield server.settings
