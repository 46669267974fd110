"""The deadline of a query: PostgreSQL keeps it itself, in SQLite a handler stops what is late."""

import math
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

INSTRUCTIONS = 20_000
"""Steps of SQLite's virtual machine between two looks at the clock: some tenths of a millisecond."""

LOCK_WAIT_S = 10


def connect_args(url: str, seconds: float) -> dict[str, Any]:
    """Arguments of the driver for connections to ``url`` with a deadline."""
    if url.startswith("sqlite"):
        return {"check_same_thread": False, "timeout": LOCK_WAIT_S}
    return {"options": f"-c statement_timeout={round(seconds * 1000)}"}


def watch(engine: Engine, seconds: float) -> None:
    """Stop queries of a SQLite engine that take longer. What writes is left to finish: nobody waits for an index."""

    def connected(connection: Any, record: Any) -> None:
        connection.set_progress_handler(lambda: time.monotonic() > record.info.get("deadline", math.inf), INSTRUCTIONS)

    def begins(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        reads = statement.startswith("SELECT")
        connection.info["deadline"] = time.monotonic() + seconds if reads else math.inf

    event.listen(engine, "connect", connected)
    event.listen(engine, "before_cursor_execute", begins)


def passed(error: OperationalError) -> bool:
    """Whether the error is a query that was given up at its deadline."""
    return str(error.orig) == "interrupted" or type(error.orig).__name__ == "QueryCanceled"
