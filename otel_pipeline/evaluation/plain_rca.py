"""The plain rule that the ranking of causes has to beat, as it is known in the field.

For each service the largest of three statistics: own time (worst operation), rate of log lines (worst template), and
the time between caller and callee; each as a robust z against the other windows, then calibrated once more against the
service's own values there. Over all 45 faults of the Nezha collection such a rule is reported at .800 / .978 / 1.000
(AS@1, 3, 5). The floors below are those that serve *it* best on the public day: a baseline is to be strong.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import log
from statistics import median
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window

TIME_FLOOR, LINES_FLOOR = 0.1, 0.05  # of ln(time) and ln(lines a visit): smaller changes are no news
Course = dict[int, float]


def rank(db: Database, windows: Sequence[Window], others: Sequence[Sequence[int]]) -> list[dict[str, float]]:
    """Score of each service in each window.

    :param others: for each window, the numbers of those to compare with.
    """
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    visits = {(row["Service"], row["Window"] - 1): row["Visits"] for row in db.rows("plain_rca__visits", **where)}
    statistics = [
        _largest(_courses(db.rows("plain_rca__times", **where), "Value"), others, TIME_FLOOR),
        _largest(_rates(db.rows("plain_rca__lines", **where), visits, len(windows)), others, LINES_FLOOR, both=True),
        _largest(_courses(db.rows("plain_rca__gaps", **where), "Value"), others, TIME_FLOOR),
    ]
    calibrated = [_calibrated(statistic, others) for statistic in statistics]
    services = {service for service, _ in visits}
    return [
        {s: max(c.get(s, {}).get(window, float("-inf")) for c in calibrated) for s in services}
        for window in range(len(windows))
    ]


def _courses(rows: Sequence[dict[str, Any]], value: str) -> dict[tuple[str, str], Course]:
    found: dict[tuple[str, str], Course] = defaultdict(dict)
    for row in rows:
        found[row["Service"], row["Part"]][row["Window"] - 1] = row[value]
    return found


def _rates(
    rows: Sequence[dict[str, Any]], visits: dict[tuple[str, int], int], windows: int
) -> dict[tuple[str, str], Course]:
    counts = _courses(rows, "Value")
    return {
        (service, part): {
            w: log((course.get(w, 0) + 0.5) / (visits[service, w] + 1))
            for w in range(windows)
            if (service, w) in visits
        }
        for (service, part), course in counts.items()
    }


def _z(course: Course, window: int, others: Sequence[int], floor: float) -> float | None:
    elsewhere = [course[w] for w in others if w in course]
    if window not in course or not elsewhere:
        return None
    center = median(elsewhere)
    mad = 1.4826 * median(abs(x - center) for x in elsewhere)
    return (course[window] - center) / (mad**2 + floor**2) ** 0.5


def _largest(
    courses: dict[tuple[str, str], Course], others: Sequence[Sequence[int]], floor: float, both: bool = False
) -> dict[str, Course]:
    found: dict[str, Course] = defaultdict(dict)
    for (service, _), course in courses.items():
        for window in course:
            z = _z(course, window, others[window], floor)
            if z is not None:
                value = abs(z) if both else z
                found[service][window] = max(value, found[service].get(window, value))
    return found


def _calibrated(statistic: dict[str, Course], others: Sequence[Sequence[int]]) -> dict[str, Course]:
    found: dict[str, Course] = defaultdict(dict)
    for service, course in statistic.items():
        for window in course:
            z = _z(course, window, others[window], 1.0)
            if z is not None:
                found[service][window] = z
    return found
