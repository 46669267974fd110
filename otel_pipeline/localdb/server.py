"""The server process: ``python -m otel_pipeline.localdb.server`` in a folder that holds ``config.xml``.

The engine's own ``LocalServer`` is reached through the extension module of the wheel, loaded without the package
``chdb``: importing the package starts the embedded engine, which cannot listen.

It serves until SIGTERM, SIGINT, or the end of its standard input: whoever starts it holds the other end of that pipe,
so that the server ends with its parent, even one that was killed. Of the machine's files it reaches only those of its
data (:mod:`otel_pipeline.localdb.sandbox`).
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import signal
import socket
import sys
import sysconfig
import threading
from pathlib import Path

from otel_pipeline.localdb import deduplication, sandbox

EXTENSION = Path("chdb") / "_chdb.abi3.so"
END_SECONDS = 8  # the engine gives running queries 5 seconds


def load_engine():
    """The engine's extension module.

    :raises FileNotFoundError: the wheel is not installed, or is another build.
    """
    for folder in dict.fromkeys([sysconfig.get_path("platlib"), sysconfig.get_path("purelib"), *sys.path]):
        path = Path(folder) / EXTENSION
        if path.is_file():
            spec = importlib.util.spec_from_file_location("_chdb", path)
            if spec and spec.loader:
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    raise FileNotFoundError(f"{EXTENSION} is not installed")


def close_idle_connections() -> None:
    """End the reading side of every accepted connection.

    The engine waits for clients that keep an idle connection alive, up to its time-out; an end of input ends them at
    once. A query that runs still sends its answer.
    """
    for path in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as connection:
            if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getpeername():
                connection.shutdown(socket.SHUT_RD)


def main() -> int:
    """Serve until told to end; 0 after an orderly end, 1 when the engine gave up."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    deduplication.forget_uncommitted(Path("data"))
    engine = load_engine()
    here = Path.cwd()
    for name in (*sandbox.DATA, sandbox.LOGS):
        (here / name).mkdir(mode=0o700, exist_ok=True)
    os.umask(0o077)
    files = [here / name for name in sandbox.FILES]
    sandbox.enter([here / name for name in sandbox.DATA], here / sandbox.LOGS, files)
    read_end, write_end = os.pipe()

    def serve() -> None:
        # The second query blocks on a pipe, and the server lives as long as it does.
        engine.query(
            f"SYSTEM START LISTEN QUERIES ALL; SELECT * FROM file('/dev/fd/{read_end}', 'LineAsString') FORMAT Null",
            "TabSeparated",  # the server's default output format, as of any ClickHouse
            path=str(Path("data").absolute()),
        )

    def watch_parent() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        stopping.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    threading.Thread(target=watch_parent, daemon=True).start()
    while thread.is_alive() and not stopping.wait(0.2):
        pass
    if not stopping.is_set():
        return 1
    os.close(write_end)
    waited = 0.0
    while thread.is_alive() and waited < END_SECONDS:
        close_idle_connections()
        thread.join(0.1)
        waited += 0.1
    # Every acknowledged insert is in the files already; what may hang in the engine now is no reason to hang with it.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
