"""How long things take: streams of milliseconds, drawn ahead in blocks."""

from collections.abc import Callable, Iterator

import numpy as np

SHAPES = ("narrow", "wide", "two modes", "rare mode", "tail", "gamma")
WEIGHTS = (0.3, 0.2, 0.15, 0.1, 0.15, 0.1)
BLOCK = 512


def stream(draw: Callable[[int], np.ndarray]) -> Callable[[], float]:
    """A function that gives one value after the other."""

    def values() -> Iterator[float]:
        while True:
            yield from draw(BLOCK).tolist()

    return values().__next__


class Latency:
    """One distribution.

    :param median: milliseconds, of the usual mode.
    :param shape: one of :data:`SHAPES`; "two modes" has 10 to 50 % of misses, "rare mode" about 3 %.
    """

    __slots__ = ("has_modes", "median", "next", "shape", "slow")

    def __init__(self, rng: np.random.Generator, median: float, shape: str) -> None:
        self.median, self.shape = median, shape
        sigma = rng.uniform(0.4, 0.8) if shape == "wide" else rng.uniform(0.1, 0.35)
        alpha, shapes = rng.uniform(1.9, 3.2), rng.uniform(1.5, 4.0)
        share = rng.uniform(0.1, 0.5) if shape == "two modes" else rng.uniform(0.02, 0.05)
        ratio = rng.uniform(3, 15)
        own = np.random.default_rng(rng.integers(1 << 62))

        def body(count: int) -> np.ndarray:
            return median * np.exp(sigma * own.standard_normal(count))

        def draw(count: int) -> np.ndarray:
            if shape == "tail":
                return median * 0.75 * (1 + own.pareto(alpha, count)).clip(max=60)
            if shape == "gamma":
                return median * (own.gamma(shapes, 1 / shapes, count) + 0.1)
            values = body(count)
            if self.has_modes:
                values = np.where(own.random(count) < share, values * ratio, values)
            return values

        self.has_modes = shape in ("two modes", "rare mode")
        self.next = stream(draw)
        self.slow = stream(lambda count: body(count) * ratio)


def drawn(rng: np.random.Generator, low: float, high: float) -> Latency:
    """A distribution of a random shape, its median log-uniform between two bounds in milliseconds."""
    median = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return Latency(rng, median, str(rng.choice(SHAPES, p=WEIGHTS)))
