"""Seasonality: trouble that comes every day at the same time is the day's course, such as a nightly batch.

What is compared is the same window on the days before, a quarter of an hour either side included, and traces that point
at the same service. It takes two days to
show a habit; a day with traffic but without the trouble in two is none. Stronger than ever is news again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import HOUR, Window

DAYS = 7
LEAST_DAYS = 2
USUAL_SHARE = 0.5  # of the days with traffic at that time
AS_MUCH = 0.5  # as many anomalous traces as this part of today's
STRONGER = 1.5  # times the highest score of the days before


def habitual(db: Database, window: Window, operations: Sequence[tuple[str, str]]) -> bool:
    """Whether the days before show the same trouble of the same operations at the same time of day."""
    row = db.one(
        "incidents__season",
        start=window.start,
        end=window.end,
        operations=list(operations),
        hours=_hours(window),
        days=DAYS,
    )
    return shown(row["Today"], row["Score"], row["Before"])


def shown(anomalous: int, score: float, before: Sequence[tuple[int, float]]) -> bool:
    """Whether days with (anomalous traces, highest score) show a habit that covers today's."""
    alike = [peak for count, peak in before if count >= max(1, AS_MUCH * anomalous)]
    enough = len(alike) >= max(LEAST_DAYS, USUAL_SHARE * len(before))
    return enough and score <= STRONGER * max(alike)


def _hours(window: Window) -> list[datetime]:
    """Hours that the window, and the same on the days before, may touch."""
    wide = Window(window.start - timedelta(minutes=15), window.end + timedelta(minutes=15))
    return [hour - day * 24 * HOUR for hour in wide.hours() for day in range(DAYS + 1)]
