"""Statistics that hold when up to half of what they are compared with is itself in trouble."""

import math
from collections.abc import Iterable, Sequence
from statistics import median

FAR_MORE = 2.5  # standard deviations by which a window with trouble of the same kind stands out
NORMAL = 1.4826  # from the median of absolute deviations to a standard deviation


def usual(counts: Iterable[tuple[int, int]]) -> float:
    """A share in quiet times, never 0: pooled over (hits, all), without those that hold far more than the rest.

    At least half of them are kept.
    """
    kept = sorted(counts, key=lambda pair: (pair[0] / pair[1], -pair[1]))
    least = len(kept) // 2
    while True:
        share = (sum(hits for hits, _ in kept) + 0.5) / (sum(total for _, total in kept) + 1)
        if len(kept) <= least or not kept or deviance(*kept[-1], share) <= FAR_MORE:
            return share
        kept.pop()


def calibrated(value: float, elsewhere: Sequence[float]) -> float:
    """A deviation, in the standard deviations of those elsewhere where these are more than 1."""
    return value / max(1.0, NORMAL * median(map(abs, elsewhere))) if elsewhere else value


def deviance(k: int, n: int, p: float) -> float:
    """Signed root of the binomial deviance of k out of n at probability p: about standard normal.

    McCullagh & Nelder, Generalized Linear Models, 1989, 4.5.
    """
    share = k / n
    d = share * math.log(share / p) if share else 0.0
    if share < 1:
        d += (1 - share) * math.log((1 - share) / (1 - p))
    return math.copysign(math.sqrt(max(0.0, 2 * n * d)), share - p)


def together(parts: Iterable[tuple[float, int]]) -> float:
    """Several standard deviations as one: Stouffer's sum, weighted by the number of observations."""
    pairs = list(parts)
    return sum(z * math.sqrt(n) for z, n in pairs) / math.sqrt(sum(n for _, n in pairs))
