"""What each hour was processed with, so that nothing is lost and nothing done twice for no reason."""

from collections.abc import Sequence
from datetime import UTC, datetime
from string import Template
from typing import Any

from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc

# Derived table, and the columns that say when a row was written rather than what it says.
TABLES = {
    "log_templates": "UpdatedAt",
    "log_template_counts": "",
    "log_template_masks": "CreatedAt",
    "trace_summaries": "",
    "embeddings": "CreatedAt",
    "normal_centroids": "WrittenAt",
    "normal_conduct": "",
    "anomaly_scores": "WrittenAt",
    "incidents": "WrittenAt, DetectedAt",
    "error_patterns": "UpdatedAt",
}
REPLACING = ("log_templates", "log_template_masks", "embeddings", "error_patterns")


def arrived(db: Database, hour: datetime) -> list[dict[str, Any]]:
    """Raw rows that have arrived for the hour and the minutes beside it. Ask before processing begins."""
    return db.rows("lineage__arrived", hour=hour)


def record(db: Database, hour: datetime, rows: Sequence[dict[str, Any]], code_version: str) -> None:
    """Note that the hour has been processed with these arrivals. Call when its last step has ended."""
    db.insert(
        "lineage_state",
        [[hour, row["Source"], row["Minute"], row["Rows"], code_version] for row in rows],
        ["Hour", "Source", "Minute", "Rows", "CodeVersion"],
    )


def begin(db: Database, hour: datetime, run: str) -> None:
    """Note what has arrived for the hour. Call before its first step, where first and last step are called apart.

    :param run: who processes, the same in :func:`finish`.
    """
    db.run("lineage__begin", hour=hour, run=run)


def finish(db: Database, hour: datetime, run: str, code_version: str) -> None:
    """Note that the hour has been processed with what :func:`begin` saw. Without that, nothing is noted."""
    db.run("lineage__finish", hour=hour, run=run, code_version=code_version)


def dirty_hours(db: Database, window: Window, now: datetime | None = None) -> list[datetime]:
    """Hours of the window whose raw rows are not what they were last processed with, oldest first."""
    rows = db.rows("lineage__dirty_hours", since=window.start, until=window.end, now=now or datetime.now(UTC))
    return [utc(row["Hour"]) for row in rows]


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
