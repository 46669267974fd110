"""Times in which operations were troubled.

Per root operation, :mod:`segments` cuts time into quiet and troubled; troubled times of several operations that overlap
are one burst. Two more kinds stand where there is none: nearly all traffic became unusual (:mod:`shifts`), or a few
traces fail in one and the same way (:mod:`failures`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import failures, segments, shifts
from otel_pipeline.detection.anomaly_scores import FALSE_ALARM_RATE, THRESHOLD
from otel_pipeline.detection.model import HOUR, Window

BIN_SECONDS = 5
STRONG = THRESHOLD + 2
RECUR_LEAST, RECUR_TIMES = 3, 10  # an error that recurs within a minute, against the share that the baseline expects
TOGETHER = 1  # bins between segments of one burst


@dataclass
class Burst:
    """Troubled segments of several root operations that overlap.

    :param shifted: nearly all traffic is unusual, rather than some of it anomalous.
    :param service: no single trace shows it, but how this service behaved (:mod:`drifts`).
    """

    first: int
    last: int
    operations: dict[tuple[str, str], segments.Segment]
    shifted: bool = False
    service: str = ""

    @property
    def window(self) -> Window:
        """From the start of the first bin to the end of the last."""
        return Window(
            datetime.fromtimestamp(self.first * BIN_SECONDS, UTC),
            datetime.fromtimestamp((self.last + 1) * BIN_SECONDS, UTC),
        )


def troubled(db: Database, look: Window, scores: str) -> list[tuple[str, Window]]:
    """Operations (``service:operation``) and the times in which they were troubled, by more than a few traces.

    :param scores: table with the scores, in the form of anomaly_scores.
    """
    return [
        (f"{service}:{operation}", burst.window)
        for burst in bursts(course(db, look, scores=scores), few=False)
        for service, operation in burst.operations
    ]


def course(
    db: Database, look: Window, until: datetime | None = None, scores: str = "anomaly_scores"
) -> list[dict[str, Any]]:
    """Rows of ``bursts__bins``: the anomalies of each operation, bin by bin.

    :param look: whole hours. :param until: leave out traces that ended later than this.
    """
    return db.rows(
        "bursts__bins",
        start=look.start,
        end=look.end,
        until=until or look.end + HOUR,
        scores=scores,
        seconds=BIN_SECONDS,
        strong=STRONG,
        least=RECUR_LEAST,
        times=RECUR_TIMES,
        unusual=shifts.UNUSUAL,
    )


def bursts(bins: Sequence[dict[str, Any]], *, few: bool = True) -> list[Burst]:
    """Times in which operations are troubled: bursts of anomalies, and shifts of nearly all traffic.

    :param bins: rows of ``bursts__bins``.
    :param few: with failures of a few traces; a baseline is robust enough to bear them.
    """
    by_operation: dict[tuple[str, str], list[segments.Bin]] = defaultdict(list)
    for row in bins:
        by_operation[row["RootService"], row["RootOperation"]].append(
            segments.Bin(row["Bin"], row["Traces"], row["Anomalous"], row["Strong"], row["Unusual"])
        )
    joined = _joined(by_operation, {key: segments.find(course, usual(course)) for key, course in by_operation.items()})
    found = [part for burst in joined for part in _parts(burst, by_operation)]
    # What is a burst of anomalies already need not be found again as a shift, nor as one failure.
    shifted = _joined(by_operation, {key: _apart(shifts.find(course), found) for key, course in by_operation.items()})
    found += [replace(burst, shifted=True) for burst in shifted]
    alike = failures.find(bins) if few else {}
    found += _joined(by_operation, {key: _apart(alike.get(key, []), found) for key in by_operation})
    return sorted(found, key=lambda burst: burst.first)


def _apart(mine: Iterable[segments.Segment], found: Sequence[Burst]) -> list[segments.Segment]:
    return [s for s in mine if all(s.last < b.first or s.first > b.last for b in found)]


def _joined(
    by_operation: dict[tuple[str, str], list[segments.Bin]], of: dict[tuple[str, str], list[segments.Segment]]
) -> list[Burst]:
    """Segments of all operations, joined where they overlap."""
    found = sorted(
        ((segment, key) for key in by_operation for segment in of[key]), key=lambda pair: (pair[0].first, pair[1])
    )
    joined: list[Burst] = []
    for segment, key in found:
        if joined and segment.first <= joined[-1].last + TOGETHER:
            burst = joined[-1]
            burst.last = max(burst.last, segment.last)
            before = burst.operations.get(key)
            burst.operations[key] = segment if before is None else _both(before, segment)
        else:
            joined.append(Burst(segment.first, segment.last, {key: segment}))
    return joined


def _parts(burst: Burst, by_operation: dict[tuple[str, str], list[segments.Bin]]) -> list[Burst]:
    """Cut again, by the traffic of all affected operations together: it shows pauses that one alone has not enough
    traffic to show.
    """
    course = _sum(by_operation[key] for key in burst.operations)
    together = usual(course)
    parts = segments.find([item for item in course if burst.first <= item.index <= burst.last], together)
    found = []
    for part in parts if len(parts) > 1 else []:
        of_part = {
            key: mine
            for key in burst.operations
            if (mine := segments.within(by_operation[key], part.first, part.last, together)) and mine.anomalous
        }
        found.append(Burst(part.first, part.last, of_part))
    return found or [burst]


def _sum(courses: Iterable[Sequence[segments.Bin]]) -> list[segments.Bin]:
    """The course of several operations together."""
    pooled: dict[int, segments.Bin] = {}
    for course in courses:
        for item in course:
            pooled[item.index] = segments.add(pooled.get(item.index), item)
    return [pooled[index] for index in sorted(pooled)]


def _both(one: segments.Segment, other: segments.Segment) -> segments.Segment:
    return segments.Segment(
        one.first,
        max(one.last, other.last),
        one.traces + other.traces,
        one.anomalous + other.anomalous,
        one.surprise + other.surprise,
    )


def usual(course: Sequence[segments.Bin]) -> segments.Usual:
    """Shares of anomalous traces of an operation in quiet times: the lower quartile over stretches of its traffic.

    Never below twice the false-alarm rate that the scores promise. Incidents that last less than three quarters of the
    time do not raise it.
    """
    least = max(20, sum(item.traces for item in course) // 40)
    shares, traces, anomalous, strong = [], 0, 0, 0
    for item in course:
        traces, anomalous, strong = traces + item.traces, anomalous + item.anomalous, strong + item.strong
        if traces >= least:
            shares.append((anomalous / traces, strong / traces))
            traces = anomalous = strong = 0
    quartile = [sorted(column)[len(shares) // 4] for column in zip(*shares, strict=True)] if shares else [0.0, 0.0]
    return segments.Usual(
        min(0.3, max(2 * FALSE_ALARM_RATE, 1.5 * quartile[0])), min(0.1, max(FALSE_ALARM_RATE / 2, 1.5 * quartile[1]))
    )
