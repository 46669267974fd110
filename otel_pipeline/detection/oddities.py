"""Visits of services that went as they seldom do, and whom they are blamed on.

A pattern of log lines, errors and slowness (``causes__patterns.sql``) is odd in a window where it is at least three
times as frequent as elsewhere. An odd visit is not blamed on a service that called another odd one in the same trace,
nor on one that says that it did not reach another, where that one is hardly reached at all: then on that one.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import robust
from otel_pipeline.detection.calls import below

LIFT = 3.0  # a pattern is odd from this many times its frequency elsewhere
LEAST_EXCESS = 1.5  # standard deviations
LEAST_TIMES = 2
KNOWN = 1  # visits: an entry met more seldom elsewhere is as good as new
SLOW = {
    "slow": 8.0,  # robust standard deviations of ln(own work) from which a visit is slow
    "beyond": math.log(3),  # above all but the slowest hundredth elsewhere: slow as well, however wide the spread
    "floor": 0.1,  # of ln(time): no spread is smaller
}

Patterns = dict[tuple[str, int], dict[int, dict[int, int]]]
Odd = tuple[int, str, int, int]
Counts = dict[str, dict[int, int]]
Waits = dict[tuple[int, int], tuple[int, float]]


def find(
    patterns: Patterns, operations: Mapping[tuple[str, int], frozenset[str]], references: Sequence[Sequence[int]]
) -> list[Odd]:
    """(window from 1, service, entry, pattern) that are clearly more frequent in the window than in its references.

    An entry that the references hardly know is compared with those that share an operation with it: where an order is
    refused nothing is shipped, and the visit is entered by fewer operations than usual.

    :param patterns: (service, entry) → pattern → window → visits. :param operations: of each entry.
    :param references: for each window, the numbers of those that it is compared with.
    """
    totals = {key: _totals(of_entry.values()) for key, of_entry in patterns.items()}
    found = []
    for (service, entry), of_entry in patterns.items():
        mine = totals[service, entry]
        kin = [
            total
            for key, total in totals.items()
            if key[0] == service and not operations[key].isdisjoint(operations[service, entry])
        ]
        shared = _totals(kin) if len(kin) > 1 else mine
        for pattern, counts in of_entry.items():
            for window, here in counts.items():
                if here < LEAST_TIMES:
                    continue
                known = sum(mine.get(other, 0) for other in references[window]) >= KNOWN
                if _odd(here, counts, mine if known else shared, window, references[window]):
                    found.append((window + 1, service, entry, pattern))
    return found


def _totals(courses: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Visits of each window, summed up."""
    totals: dict[int, int] = defaultdict(int)
    for course in courses:
        for window, count in course.items():
            totals[window] += count
    return totals


def _odd(here: int, counts: Mapping[int, int], totals: Mapping[int, int], window: int, others: Sequence[int]) -> bool:
    usual = robust.usual((counts.get(other, 0), totals[other]) for other in others if other in totals)
    expected = usual * totals[window]
    lift = (here + 0.5) / (totals[window] + 1) / usual
    return lift > LIFT and (here - expected) / math.sqrt(expected + 0.5) > LEAST_EXCESS


def blamed(
    db: Database, how: dict[str, Any], calls: Collection[tuple[str, str]], visits: Counts
) -> tuple[Counts, Counts, Waits]:
    """Odd visits that are blamed on each service; the visits that were not even made, to a service that is down; and
    those that called an odd one: (window, key of the entry) → how many, and the sum of their own work.

    :param how: windows, and what is odd in them, as ``causes__odd`` wants it.
    :param calls: (caller, callee) as known from all windows. :param visits: of each service in each window.
    """
    found: Counts = defaultdict(lambda: defaultdict(int))
    missed: Counts = defaultdict(lambda: defaultdict(int))
    known = {"calls": sorted(calls), "callees": sorted({callee for _, callee in calls})}
    waits: Waits = defaultdict(lambda: (0, 0.0))
    rows = db.rows("causes__odd", **how, **known)
    for row in rows:
        for key, count, own in zip(*row["Waits"], strict=True):
            n, total = waits[row["Window"] - 1, key]
            waits[row["Window"] - 1, key] = (n + count, total + own)
        for _, service in row["Missed"]:
            missed[service][row["Window"] - 1] += row["Traces"]
    down = {
        service: {window: count for window, count in counts.items() if not visits[service].get(window)}
        for service, counts in missed.items()
    }
    for row in rows:
        window = row["Window"] - 1
        absent = [(caller, callee) for caller, callee in row["Missed"] if window in down[callee]]
        suspects = {*row["Services"], *(callee for _, callee in absent)}
        for service in deepest(sorted(suspects), [*row["TraceCalls"], *absent]):
            found[service][window] += row["Traces"]
    return found, down, waits


def deepest(odd: Sequence[str], calls: Sequence[tuple[str, str]]) -> list[str]:
    """The odd services of a trace below which nothing odd was called.

    :param calls: (caller, callee) of the trace.
    """
    callees: dict[str, set[str]] = defaultdict(set)
    for caller, callee in calls:
        callees[caller].add(callee)

    suspects = set(odd)
    return [service for service in odd if suspects.isdisjoint(below(service, callees))]
