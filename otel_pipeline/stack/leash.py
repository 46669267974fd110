"""``python leash.py COMMAND…``: become COMMAND, and get SIGTERM when the parent dies, even by ``kill -9``.

A program of its own instead of ``preexec_fn``, which must not run Python between fork and exec of a process with
threads. It costs one interpreter start without site-packages, about 15 ms.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent (Linux only; elsewhere it just runs the command)."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the call above
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
