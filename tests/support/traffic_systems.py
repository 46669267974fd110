"""Made-up traffic by the minute: quiet days of services of many kinds. Seeded.

Steady, in bursts, in sessions that come and go, in batches by the clock, with a day's course, with rushes and lulls, or
hardly any.
"""

import math
import random
from collections import Counter

DAY = 1440
KINDS = ("steady", "bursts", "sessions", "batches", "lulls", "seldom")


def poisson(rng: random.Random, mean: float) -> int:
    """A count."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    count, product, floor = 0, rng.random(), math.exp(-mean)
    while product > floor:
        count += 1
        product *= rng.random()
    return count


def quiet_day(seed: int, days: int = 1) -> dict[str, Counter[int]]:
    """Requests of some services by the minute; minutes without any are left out."""
    rng = random.Random(seed)
    return {f"{kind}{n}": _course(rng, kind, days * DAY) for n, kind in enumerate(rng.choices(KINDS, k=8))}


def _course(rng: random.Random, kind: str, length: int) -> Counter[int]:
    rate, swing, phase = 10 ** rng.uniform(0.3, 2.3), rng.uniform(0, 0.9), rng.random()
    load = [rate * (1 + swing * math.sin(2 * math.pi * (m / DAY + phase))) for m in range(length)]
    if kind == "seldom":
        load = [10 ** rng.uniform(-2, 0)] * length
    if kind == "batches":
        every, lasts = rng.choice((15, 30, 60)), rng.randint(1, 8)
        load = [n if m % every < lasts else 0.02 * rate for m, n in enumerate(load)]
    if kind == "sessions":
        load = _sessions(rng, load)
    if kind == "bursts":
        size = rng.uniform(2, 12)
        counts = [sum(1 + int(rng.expovariate(1 / size)) for _ in range(poisson(rng, n / size))) for n in load]
    else:
        for _ in range(length // 200 if kind == "lulls" else 3):
            begin, times = rng.randrange(length), rng.uniform(0.5, 0.8) if kind == "lulls" else rng.uniform(1.5, 4)
            for m in range(begin, min(length, begin + rng.randint(3, 15))):
                load[m] *= times
        counts = [poisson(rng, n) for n in load]
    return Counter({minute: count for minute, count in enumerate(counts) if count})


def _sessions(rng: random.Random, load: list[float]) -> list[float]:
    """A few clients that are there for some minutes each."""
    there = [0] * len(load)
    for _ in range(len(load) // 4):
        begin = rng.randrange(len(load))
        for m in range(begin, min(len(load), begin + int(rng.expovariate(1 / 12)))):
            there[m] += 1
    return [n / 3 * k for n, k in zip(load, there, strict=True)]
