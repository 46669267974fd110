"""What the engine worked for a stretch of a benchmark: processor seconds and the time of its queries, from query_log.

The clock of a machine that others use says little; processor seconds and ratios of them say more.
"""

import json
import uuid
from dataclasses import dataclass

from otel_pipeline.clickhouse import Database
from otel_pipeline.settings import Settings

ASKED = """
SELECT
    sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1e6 AS cpu_s,
    sum(query_duration_ms) / 1e3 AS query_s,
    max(memory_usage) / 1e6 AS memory_mb,
    count() AS queries
FROM system.query_log
WHERE type != 'QueryStart' AND log_comment = {comment:String}
"""


@dataclass(frozen=True)
class Work:
    """:param cpu_s: processor seconds, on all cores; query_s: sum of the queries' durations; memory_mb: the largest."""

    cpu_s: float
    query_s: float
    memory_mb: float
    queries: int


class Meter:
    """A connection whose queries can be told from others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._comment = {"benchmark": uuid.uuid4().hex}
        self.db = Database(settings, comment=self._comment)

    def __enter__(self) -> "Meter":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def work(self) -> Work:
        """What the queries of this connection have cost so far."""
        with Database(self._settings) as db:
            db.client.command("SYSTEM FLUSH LOGS")
            row = next(iter(db.client.query(ASKED, parameters={"comment": json.dumps(self._comment)}).named_results()))
        return Work(round(row["cpu_s"], 3), round(row["query_s"], 3), round(row["memory_mb"]), row["queries"])
