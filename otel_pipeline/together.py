"""Things that wait for the server, side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def together(*tasks: Callable[[], Any]) -> list[Any]:
    """Run tasks that only read, each in a thread of its own; their results, in order.

    One connection will do: its queries belong to no session.
    """
    with ThreadPoolExecutor(max(1, len(tasks))) as pool:
        return [done.result() for done in [pool.submit(task) for task in tasks]]
