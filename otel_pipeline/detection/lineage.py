"""What each hour was processed with, so that nothing is lost and nothing done twice for no reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from typing import Any

from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import HOUR, Window, utc
from otel_pipeline.detection.version import CODE_VERSION

# Derived table, and the columns that say when a row was written rather than what it says.
TABLES = {
    "log_templates": "UpdatedAt",
    "log_template_minutes": "",
    "log_template_counts": "",
    "log_template_masks": "CreatedAt",
    "trace_summaries": "WrittenAt",
    "embeddings": "CreatedAt",
    "normal_centroids": "WrittenAt",
    "normal_times": "",
    "normal_behavior": "",
    "anomaly_scores": "WrittenAt",
    "behavior_windows": "WrittenAt",
    "incidents": "WrittenAt, DetectedAt, Matched",
    "error_patterns": "UpdatedAt",
}
REPLACING = ("log_templates", "log_template_masks", "embeddings", "error_patterns")


@dataclass(frozen=True)
class Changes:
    """What has arrived for an hour, and 15 minutes beside it, since it was last processed.

    :param whole: nothing is known of an earlier time: everything must be done anew.
    :param spans: minutes for which spans have arrived; lines: minutes for which log lines have.
    """

    whole: bool
    spans: list[datetime]
    lines: list[datetime]

    def lines_within(self, hour: datetime) -> list[datetime]:
        """Minutes of the hour itself for which lines have arrived."""
        return [minute for minute in self.lines if hour <= minute < hour + HOUR]


def changes(db: Database, hour: datetime, *, whole: bool = False) -> Changes:
    """What a step has to do for the hour: at least what :func:`begin` saw that :func:`finish` has not noted yet.

    A run that is killed has noted nothing: the next one does its work again, and more.

    :param whole: do everything anew, whatever was done before.
    """
    rows = [] if whole else db.rows("lineage__changes", hour=hour, code_version=CODE_VERSION)
    minutes = {source: [utc(row["Minute"]) for row in rows if row["Source"] == source] for source in ("traces", "logs")}
    return Changes(whole or not all(row["Known"] for row in rows), minutes["traces"], minutes["logs"])


def arrived(db: Database, hour: datetime) -> list[dict[str, Any]]:
    """Raw rows that have arrived for the hour and the minutes beside it. Ask before processing begins."""
    return db.rows("lineage__arrived", hour=hour)


def record(db: Database, hour: datetime, rows: Sequence[dict[str, Any]]) -> None:
    """Note that the hour has been processed with these arrivals. Call when its last step has ended."""
    db.insert(
        "lineage_state",
        [[hour, row["Source"], row["Minute"], row["Rows"], CODE_VERSION] for row in rows],
        ["Hour", "Source", "Minute", "Rows", "CodeVersion"],
    )


def begin(db: Database, hour: datetime, run: str) -> None:
    """Note what has arrived for the hour. Call before its first step, where first and last step are called apart.

    :param run: who processes, the same in :func:`finish`.
    """
    db.run("lineage__begin", hour=hour, run=run)


def finish(db: Database, hour: datetime, run: str) -> None:
    """Note that the hour has been processed with what :func:`begin` saw. Without that, nothing is noted."""
    db.run("lineage__finish", hour=hour, run=run, code_version=CODE_VERSION)


def dirty_hours(db: Database, window: Window, now: datetime | None = None) -> list[datetime]:
    """Hours of the window whose raw rows are not what they were last processed with, oldest first."""
    return list(dirt(db, window, now))


def dirt(db: Database, window: Window, now: datetime | None = None) -> dict[datetime, bool]:
    """The dirty hours, oldest first, and whether so little of each is new that it can wait."""
    rows = db.rows("lineage__dirty_hours", since=window.start, until=window.end, now=now or datetime.now(UTC))
    return {utc(row["Hour"]): bool(row["Little"]) for row in rows}


def raw_hours(db: Database, window: Window) -> list[datetime]:
    """Hours of the window that hold raw rows."""
    return [utc(row["Hour"]) for row in db.rows("lineage__raw_hours", start=window.start, end=window.end)]


def checksums(db: Database) -> list[dict[str, Any]]:
    """Rows and a checksum of each derived table, whatever the order and the time of writing."""
    found = []
    for table, written in TABLES.items():
        text = sqlfiles.query("lineage__checksum")
        statement = Template(text).substitute(
            table=table, but=f"EXCEPT ({written})" if written else "", final="FINAL" if table in REPLACING else ""
        )
        ((rows, checksum),) = db.client.query(statement).result_rows
        found.append({"table": table, "rows": rows, "checksum": checksum})
    return found
