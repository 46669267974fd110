"""By how much services, and the ways between them, were slower in a window than in others: in standard deviations.

A course is the mean of ln(time per call) by window. What is compared is a window with the others, and each of these
with the rest, so that what varies by nature calibrates itself.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from otel_pipeline.detection import robust

FLOOR = 0.1  # of ln(time): window-to-window changes below a tenth are never news
LEAST_VISITS = 2


@dataclass(frozen=True)
class Course:
    """One kind of time.

    :param means: window → (observations, mean of ln of the time). :param spread: standard deviation of one observation.
    """

    means: Mapping[int, tuple[int, float]]
    spread: float


Deviations = dict[int, tuple[float, int, float]]


def deviations(course: Course, window: int, others: Sequence[int]) -> Deviations:
    """Window → (standard deviations from the median of the others, observations, difference of ln)."""
    enough = {w: found for w in (window, *others) if (found := course.means.get(w)) and found[0] >= LEAST_VISITS}
    elsewhere = [mean for w, (_, mean) in enough.items() if w != window]
    if window not in enough or not elsewhere:
        return {}
    center = median(elsewhere)
    scale = robust.NORMAL * median(abs(mean - center) for mean in elsewhere)
    return {
        w: ((mean - center) / math.sqrt(scale**2 + FLOOR**2 + course.spread**2 / n), n, mean - center)
        for w, (n, mean) in enough.items()
    }


def combined(courses: Iterable[Deviations], window: int) -> tuple[float, float]:
    """Standard deviations of several courses together, and the mean difference of ln; zeros without any."""
    parts: dict[int, list[tuple[float, int, float]]] = {}
    for course in courses:
        for w, found in course.items():
            parts.setdefault(w, []).append(found)
    if window not in parts:
        return 0.0, 0.0
    z = {w: robust.together((z, n) for z, n, _ in of) for w, of in parts.items()}
    here = parts[window]
    longer = sum(d * n for _, n, d in here) / sum(n for _, n, _ in here)
    return robust.calibrated(z[window], [value for w, value in z.items() if w != window]), longer
