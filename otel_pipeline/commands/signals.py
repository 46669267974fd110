"""Ending a long-running command: SIGTERM like Ctrl-C, both in order."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def until_interrupted() -> Iterator[None]:
    """Leave the block quietly on Ctrl-C or SIGTERM; the exit code of everything inside still runs."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
