"""Watches the table of scores from outside, as a person would: when did each anomalous trace first stand in it?"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings

PERIOD_SECONDS = 1.0


@dataclass(frozen=True)
class Sighting:
    """An anomalous trace, and when its row was first seen."""

    trace_id: str
    started: datetime
    ended: datetime
    seen: datetime

    @property
    def delay_s(self) -> float:
        """Seconds from the trace's end to its row."""
        return (self.seen - self.ended).total_seconds()


class Watch:
    """Polls ``anomaly_scores`` once a second in a thread of its own. Use as a context manager.

    :param settings: where ClickHouse is.
    :param since: traces that began earlier are not watched.
    """

    def __init__(self, settings: Settings, since: datetime) -> None:
        self.settings = settings
        self.since = since
        self._seen: dict[str, Sighting] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def sightings(self, start: datetime, end: datetime) -> list[Sighting]:
        """Anomalous traces that began in the window, in the order of their first sighting."""
        return sorted((s for s in list(self._seen.values()) if start <= s.started < end), key=lambda s: s.seen)

    def look(self) -> None:
        """One look at the table."""
        with Database(self.settings, role="reader") as db:
            rows = db.rows("demo__first_scored", since=self.since)
        now = datetime.now(UTC)
        for row in rows:
            if row["TraceId"] not in self._seen:
                started, ended = (row[c].replace(tzinfo=UTC) for c in ("Started", "Ended"))
                self._seen[row["TraceId"]] = Sighting(row["TraceId"], started, ended, now)

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_SECONDS):
            try:
                self.look()
            except UserError:
                continue  # the server restarts; the next look will tell

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
