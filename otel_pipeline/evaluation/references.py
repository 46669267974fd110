"""What the window of a fault is compared with: the traffic that is likeliest to be normal, and far enough away."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.evaluation.labelled import Labelled

GUARD = timedelta(seconds=390)  # from middle to middle
ENOUGH = 5  # times the window's length
MOST = 60  # nearest pieces
SHORTEST = timedelta(seconds=30)
BEFORE, AFTER = timedelta(seconds=10), timedelta(seconds=60)  # beside a fault, traffic is not sure to be quiet
MINUTE = timedelta(minutes=1)


def stretches(db: Database) -> list[Window]:
    """Times in which there were traces, without the pauses between them."""
    found: list[Window] = []
    for row in db.rows("evaluation__minutes"):
        minute = utc(row["Minute"])
        if found and found[-1].end == minute:
            found[-1] = Window(found[-1].start, minute + MINUTE)
        else:
            found.append(Window(minute, minute + MINUTE))
    return found


def references(data: Labelled, number: int, traffic: Sequence[Window]) -> list[Window]:
    """What a case is compared with: windows that are known to be normal; where they are few, traffic outside all faults
    and the windows of the other cases, which may hold other faults, too. The nearest, but nothing that is too near,
    unless there is nothing else.

    :param traffic: :func:`stretches`.
    """
    window = data.cases[number].window
    length = window.end - window.start
    others = [case.window for place, case in enumerate(data.cases) if place != number]
    quiet = [part for stretch in traffic for part in _outside(stretch, [window, *others])]
    short = min(length, max(SHORTEST, _sum(quiet) / (2 * ENOUGH)))
    known, calm, cut, everything = (
        [part for whole in wholes for part in pieces(whole, size)]
        for wholes, size in ((data.reference, length), (quiet, length), (quiet, short), (traffic, length))
    )
    for kind in (known, [*calm, *others], [*known, *cut, *others]):
        found = [other for other in kind if far(window, other)]
        if _sum(found) >= ENOUGH * length:
            break
    for kind in (known, cut, others, everything):
        found = found or [other for other in kind if other.end <= window.start or other.start >= window.end]
    return sorted(found, key=lambda other: (abs(_middle(other) - _middle(window)), other.start))[:MOST]


def pieces(whole: Window, length: timedelta) -> list[Window]:
    """A window cut into pieces of a length; what is left over is one, too, unless it is much shorter."""
    found, start = [], whole.start
    while start < whole.end:
        end = min(start + length, whole.end)
        if end - start >= length / 3:
            found.append(Window(start, end))
        start = end
    return found


def far(window: Window, other: Window) -> bool:
    """Whether two windows are so far apart that a fault in one is not felt in the other."""
    return abs(_middle(other) - _middle(window)) > GUARD


def _outside(whole: Window, cases: Iterable[Window]) -> list[Window]:
    """The parts of a window that are not beside any of some others."""
    parts, start = [], whole.start
    for case in sorted(cases, key=lambda w: w.start):
        if case.start - BEFORE > start:
            parts.append(Window(start, min(case.start - BEFORE, whole.end)))
        start = max(start, case.end + AFTER)
    parts.append(Window(start, whole.end))
    return [part for part in parts if part.start < part.end]


def _length(window: Window) -> timedelta:
    return window.end - window.start


def _sum(windows: Iterable[Window]) -> timedelta:
    return sum(map(_length, windows), timedelta())


def _middle(window: Window) -> datetime:
    return window.start + _length(window) / 2
