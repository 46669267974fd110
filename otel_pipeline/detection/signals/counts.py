"""Chances of counts that come in clusters.

Lines and requests do not come one by one: a request that fails writes several lines, a client sends several requests.
Their counts vary more than Poisson's; the negative binomial distribution with variance ``spread`` times the mean holds
that (McCullagh and Nelder, Generalized Linear Models, 1989, 6.2).
"""

import math
from collections.abc import Sequence

LEAST_BLOCKS = 6


class Spread:
    """Variance over mean of counts of equal times, as they come; by blocks of several as well, as clusters may be long.

    :param least: what it is at least, also where there are too few to tell. :param lengths: of the blocks.
    """

    def __init__(self, least: float, lengths: Sequence[int] = (1, 5)) -> None:
        self.least = least
        self._sums = [[length, 0, 0, 0, 0, 0] for length in lengths]  # length, filled, in it, blocks, sum, squares

    def add(self, count: int) -> None:
        """Add the next count."""
        for sums in self._sums:
            sums[1] += 1
            sums[2] += count
            if sums[1] == sums[0]:
                sums[3] += 1
                sums[4] += sums[2]
                sums[5] += sums[2] * sums[2]
                sums[1] = sums[2] = 0

    def value(self) -> float:
        """The largest of the blocks of all lengths."""
        found = self.least
        for _, _, _, n, total, squares in self._sums:
            if n >= LEAST_BLOCKS and total:
                found = max(found, (squares - total * total / n) / (n - 1) / (total / n))
        return found


def as_many(k: int, mean: float, spread: float) -> float:
    """-log10 of the chance of at least k, bounded by the first term and the largest ratio of one to the next."""
    if k <= mean or k < 1:
        return 0.0
    kept = (spread - 1) / spread
    ratio = max(kept, (k + mean / (spread - 1)) / (k + 1) * kept)
    tail = _log_term(k, mean, spread) - math.log(max(1e-9, 1 - ratio))
    return max(0.0, -tail / math.log(10))


def as_few(k: int, mean: float, spread: float) -> float:
    """-log10 of the chance of at most k: terms below the most frequent count only fall."""
    if k >= mean:
        return 0.0
    largest = max(_log_term(j, mean, spread) for j in {0, k})
    return max(0.0, -(largest + math.log(k + 1)) / math.log(10))


def _log_term(k: int, mean: float, spread: float) -> float:
    """ln of the chance of exactly k."""
    size = mean / (spread - 1)
    kept = math.log((spread - 1) / spread)
    return math.lgamma(k + size) - math.lgamma(k + 1) - math.lgamma(size) - size * math.log(spread) + k * kept
