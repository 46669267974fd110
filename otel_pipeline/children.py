"""The end of a child process, in one place: asked first, then made sure of."""

import contextlib
import os
import signal
import subprocess
from typing import Any


def end(process: "subprocess.Popen[Any]", seconds: float) -> None:
    """End a child process, and what is left of its group where it leads one.

    :param seconds: how long it has to end by itself after SIGTERM.
    """
    if process.poll() is not None:
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    # Started with start_new_session, it leads the group of all that it started; else the group is ours too.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.pid != os.getpgrp():
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()
