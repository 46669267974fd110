"""``benchmarks.bombs`` as a child of the soak: its bombs come while the block runs."""

import json
import os
import subprocess
import sys
from datetime import datetime
from types import TracebackType
from typing import Any

from otel_pipeline import children
from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.settings import REPOSITORY, Settings

HONEST = "honest"
"""Service of the spans of the client beside the bombs."""

MOST_HONEST_MS = 250.0
"""For 99 of 100 of its acknowledgements."""

LAST_S = 120
"""A bomb that has begun is thrown to its end."""


class Bombs:
    """A bomb of each kind every two minutes, and an honest client beside them, for the length of a block."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.otel_pipeline_home
        self._environment = os.environ | settings.environment()
        self.said: dict[str, Any] = {}

    def __enter__(self) -> "Bombs":
        command = [sys.executable, "-m", "benchmarks.bombs", "--home", str(self._home)]
        with (self._home / "logs" / "bombs.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return self

    def stop(self) -> None:
        """Let it end, and keep what it says.

        :raises UserError: it ended by itself, or does not end.
        """
        try:
            answer, _ = self._process.communicate(timeout=LAST_S)
            self.said = json.loads(answer)
        except (subprocess.TimeoutExpired, ValueError):
            raise UserError(f"the bombs ended early; their log is {self._home / 'logs' / 'bombs.log'}") from None

    def stored(self, db: Database, since: datetime) -> int:
        """Spans of the honest client that are stored."""
        return db.one("soak__honest", since=since, service=HONEST)["Spans"]

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        children.end(self._process, 0)


def complaints(said: dict[str, Any]) -> list[str]:
    """What the honest client could complain of."""
    honest, found = said["honest"], []
    if honest["p99_ms"] > MOST_HONEST_MS:
        found.append(f"an honest acknowledgement took {honest['p99_ms']:.0f} ms (p99)")
    if honest["refused"]:
        found.append(f"{honest['refused']} honest bodies were refused")
    if honest["acknowledged"] > honest["stored"]:
        found.append(f"{honest['acknowledged']} honest spans were acknowledged, {honest['stored']} are stored")
    return found
