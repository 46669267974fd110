"""Is the memory of a process flat? Judged by a slope that single high samples cannot bend."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median

SETTLED_SHARE = 0.5
"""The first half of the samples is left out: caches fill up to their limits there. A leak goes on in the second."""

PERIOD_S = 1_800.0
MOST_GROWTH = 0.10
MOST_GROWTH_MB = 15.0
"""A process is flat when it would grow by less than a tenth, or by less than this, in half an hour."""

SHORTEST_S = 480.0
"""Less time than this says nothing about half an hour."""


@dataclass
class Samples:
    """Resident memory of one process: seconds and MB."""

    at: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)

    def add(self, at: float, mb: float) -> None:
        """One more sample."""
        self.at.append(at)
        self.mb.append(mb)

    @property
    def long_enough(self) -> bool:
        """Whether they say anything."""
        return len(self.at) > 2 and self.at[-1] - self.at[0] >= SHORTEST_S

    @property
    def growth_mb(self) -> float:
        """MB that it grows in half an hour: the slope of Theil and Sen, the median of those between all pairs."""
        return PERIOD_S * theil_sen(self.at[self._settled :], self.mb[self._settled :])

    @property
    def flat(self) -> bool:
        """Whether it grows by less than what is allowed."""
        return self.growth_mb < max(MOST_GROWTH_MB, MOST_GROWTH * median(self.mb[self._settled :]))

    @property
    def _settled(self) -> int:
        return int(SETTLED_SHARE * len(self.mb))


def theil_sen(x: Sequence[float], y: Sequence[float]) -> float:
    """Median of the slopes between all pairs of points; 0 for fewer than two.

    Up to 29 % of the points may be anything (Sen 1968, "Estimates of the regression coefficient based on Kendall's
    tau"): a fault that fills memory for a while does not tilt it, a leak does.
    """
    slopes = [(y[b] - y[a]) / (x[b] - x[a]) for a, b in combinations(range(len(x)), 2) if x[b] > x[a]]
    return median(slopes) if slopes else 0.0
