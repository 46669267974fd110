"""Which baseline versions exist, and what each learns from: a pure function of when traffic began.

A version is the end of its window and judges only what begins later. After traffic from a new root service or of a new
root operation first appears, versions end 2, 4, 8, ... minutes later, so that what is new is judged soon and ever
better; besides, one ends every midnight. Each looks back over the days before its end.

What comes soon after something else that is new is learned with that. How soon is soon grows with how much has been new
within a day: names that are never twice the same make some thirty such times a day, not thousands.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

FIRST = timedelta(minutes=2)
DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=7)
SAME_START = timedelta(minutes=10)
FREE = 3  # times in a day at which something may be new before they have to lie further apart


def epochs(first_traffic: Iterable[datetime]) -> list[datetime]:
    """Times at which something new began, to the minute, without those too soon after another."""
    found: list[datetime] = []
    for start in sorted(first_traffic):
        recent = sum(start - epoch < DAY for epoch in found[-24 * 6 :])
        if found and start - found[-1] < SAME_START * max(1, recent // FREE):
            continue
        found.append(start.replace(second=0, microsecond=0))
    return found


def ends(first_traffic: Iterable[datetime], after: datetime, until: datetime) -> list[datetime]:
    """Ends of the baseline windows in (after, until].

    :param first_traffic: when each root service, and each root operation that is new, was first seen.
    """
    found: set[datetime] = set()
    for epoch in epochs(first_traffic):
        length = FIRST
        while length < DAY:
            found.add(epoch + length)
            length *= 2
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight <= until:
        found.add(midnight)
        midnight += DAY
    return sorted(end for end in found if after < end <= until)
