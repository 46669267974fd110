"""What is odd about one trace, in words: what, where, observed, expected."""

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame
from otel_pipeline.detection.model import Window


def odd(db: Database, trace_id: str, window: Window) -> list[str]:
    """The trace's own reasons, the most surprising first; empty where nothing is odd about it.

    :param window: when it began lies in it.
    """
    rows = db.rows("investigate__reasons", trace=trace_id, start=window.start, end=window.end)
    return [f"{row['Service']}: {blame.words(row)}" for row in rows]
