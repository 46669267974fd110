"""How many customers there are over time, for the shapes of the load that are not steady."""

import math

LEAST = 4
DAY_S = 600
"""Length of the day of the shape ``day``: 24 hours in ten minutes, from night to night."""

SPIKE_EVERY_S, SPIKE_FROM_S, SPIKE_TO_S = 180, 60, 90
SPIKE_FACTOR = 3.0


def users(shape: str, base: int, seconds: float) -> int:
    """Customers at a time.

    :param shape: ``day``, ``spike``, or one that stays at the base (``waves``).
    :param base: customers in the middle. :param seconds: since the load began.
    """
    factor = 1.0
    if shape == "day":
        factor = 1 - 0.7 * math.cos(2 * math.pi * seconds / DAY_S)
    if shape == "spike" and SPIKE_FROM_S <= seconds % SPIKE_EVERY_S < SPIKE_TO_S:
        factor = SPIKE_FACTOR
    return max(LEAST, round(base * factor))
