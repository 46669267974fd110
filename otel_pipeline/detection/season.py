"""Seasonality: trouble that comes every day, or every week on the same day, at the same time is the course of things,
such as a nightly batch or a weekly report.

What is compared is the same window on the days before, a quarter of an hour either side included, and traces that point
at the same service. It takes two days, or two weeks, to show a habit; a time with traffic but without the trouble in
two is none. Stronger than ever is news again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import HOUR, Window

DAYS, WEEKS = 7, 6  # looked back; as far as anomaly_scores is retained
BACK = (*range(1, DAYS + 1), *(7 * week for week in range(2, WEEKS + 1)))
LEAST = 2  # days, or weeks, that must show it
USUAL_SHARE = 0.5  # of the days, or weeks, with traffic at that time
AS_MUCH = 0.5  # as many anomalous traces as this part of today's
STRONGER = 1.5  # times the highest score of the days before
NEVER = 99.0  # an unusual surprise that no trace reaches: only anomalous traces count

Shown = tuple[int, float]
"""Anomalous traces of a day, and their highest score."""


def habitual(
    db: Database, window: Window, operations: Sequence[tuple[str, str]], *, unusual: float | None = None
) -> bool:
    """Whether the days or weeks before show the same trouble of the same operations at the same time of day.

    :param unusual: the trouble is a shift, in which nearly all traces are unusual rather than some anomalous: traces
        with a surprise from here on count, whichever service they point at.
    """
    row = db.one(
        "incidents__season",
        start=window.start,
        end=window.end,
        operations=list(operations),
        hours=_hours(window),
        days=list(BACK),
        unusual=NEVER if unusual is None else unusual,
    )
    before = {day: (count, peak) for day, count, peak in row["Before"]}
    return shown(row["Today"], row["Score"], before)


def shown(anomalous: int, score: float, before: Mapping[int, Shown] | Sequence[Shown]) -> bool:
    """Whether a daily or a weekly habit covers today's trouble.

    :param before: of each day with traffic at that time, by how many days ago it was; or of days in any order, which
        can show a daily habit alone.
    """
    if not isinstance(before, Mapping):
        return _habit(anomalous, score, before)
    daily = [day for ago, day in before.items() if ago <= DAYS]
    weekly = [day for ago, day in before.items() if ago % 7 == 0]
    return _habit(anomalous, score, daily) or _habit(anomalous, score, weekly)


def _habit(anomalous: int, score: float, before: Sequence[Shown]) -> bool:
    alike = [peak for count, peak in before if count >= max(1, AS_MUCH * anomalous)]
    enough = len(alike) >= max(LEAST, USUAL_SHARE * len(before))
    return enough and score <= STRONGER * max(alike)


def _hours(window: Window) -> list[datetime]:
    """Hours that the window, and the same on the days before, may touch."""
    wide = Window(window.start - timedelta(minutes=15), window.end + timedelta(minutes=15))
    return [hour - day * 24 * HOUR for hour in wide.hours() for day in (0, *BACK)]
