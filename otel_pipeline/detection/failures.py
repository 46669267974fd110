"""A few traces that fail in one and the same way: one country, one version, one article.

Among all the anomalies of a busy operation they are too few to be trouble. But each error that recurs has a course of
its own, and the share of the traffic in which the baseline knows it: an error that it does not know at all, and that
comes again and again within a minute, is a burst of that error.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from otel_pipeline.detection.anomaly_scores import FALSE_ALARM_RATE
from otel_pipeline.detection.segments import Bin, Segment, Usual
from otel_pipeline.detection.segments import find as troubled

MORE = 3.0  # times the share that the baseline knows
Operation = tuple[str, str]


def find(bins: Iterable[dict[str, Any]]) -> dict[Operation, list[Segment]]:
    """Stretches of each operation in which one error recurs; where several do, the most surprising.

    :param bins: rows of ``bursts__bins``.
    """
    courses: dict[Operation, list[dict[str, Any]]] = defaultdict(list)
    for row in bins:
        courses[row["RootService"], row["RootOperation"]].append(row)
    return {operation: _apart(_of_each_error(course)) for operation, course in courses.items()}


def _of_each_error(course: Sequence[dict[str, Any]]) -> list[Segment]:
    shares = {error: share for row in course for error, share in row["Failures"]}
    found = []
    for error in sorted(shares):
        counts = [sum(one == error for one, _ in row["Failures"]) for row in course]
        bins = [Bin(row["Bin"], row["Traces"], n, n) for row, n in zip(course, counts, strict=True)]
        usual = min(0.1, max(FALSE_ALARM_RATE / 2, MORE * shares[error]))
        found += troubled(bins, Usual(usual, usual))
    return found


def _apart(found: Sequence[Segment]) -> list[Segment]:
    """Those that do not overlap with a more surprising one."""
    kept: list[Segment] = []
    for segment in sorted(found, key=lambda s: (-s.surprise, s.first)):
        if all(segment.last < other.first or segment.first > other.last for other in kept):
            kept.append(segment)
    return sorted(kept, key=lambda s: s.first)
