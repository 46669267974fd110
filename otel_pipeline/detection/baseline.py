"""Which baseline versions exist, and what each learns from: a pure function of when traffic began.

A version is the end of its window and judges only what begins later. After traffic from a new root service first
appears, versions end 2, 4, 8, ... minutes later, so that a new system is judged soon and ever better; besides, one
ends every midnight. Each looks back over the days before its end.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

FIRST = timedelta(minutes=2)
DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=7)
SAME_START = timedelta(minutes=10)


def ends(first_traffic: Iterable[datetime], after: datetime, until: datetime) -> list[datetime]:
    """Ends of the baseline windows in (after, until].

    :param first_traffic: when each root service was first seen.
    """
    found: set[datetime] = set()
    epoch = None
    for start in sorted(first_traffic):
        if epoch and start - epoch < SAME_START:
            continue
        epoch = start.replace(second=0, microsecond=0)
        length = FIRST
        while length < DAY:
            found.add(epoch + length)
            length *= 2
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight <= until:
        found.add(midnight)
        midnight += DAY
    return sorted(end for end in found if after < end <= until)
