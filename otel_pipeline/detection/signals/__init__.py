"""Trouble that traces do not show: in log lines, in silence, in metrics."""

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import Window


def find(db: Database, look: Window) -> list[Finding]:
    """All such trouble in a stretch of whole hours, the earliest first."""
    del db, look
    return []
