"""Anomalies that belong together become one incident, with the service to blame first.

Per root operation, :mod:`segments` cuts time into quiet and troubled; troubled times of several operations that overlap
are one incident. A storm of a thousand anomalous traces is one row; single anomalies at the usual rate are none.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, season, segments, shifts
from otel_pipeline.detection.anomaly_scores import FALSE_ALARM_RATE, THRESHOLD
from otel_pipeline.detection.model import HOUR, StepReport, Window, utc
from otel_pipeline.detection.staging import replacing_partition
from otel_pipeline.detection.version import CODE_VERSION

NO_PATTERN = UUID(int=0)
NEVER = 99.0
BIN_SECONDS = 5
STRONG = THRESHOLD + 2
RECUR_LEAST, RECUR_TIMES = 3, 10  # an error that recurs within a minute, against the share that the baseline expects
BIN = timedelta(seconds=BIN_SECONDS)
TOGETHER = 1  # bins between segments of one incident
QUIET_AFTER = timedelta(seconds=30)  # an incident with later traffic than this is over
COLUMNS = (
    "Hour",
    "IncidentId",
    "Start",
    "End",
    "DetectedAt",
    "Open",
    "Service",
    "Title",
    "Traces",
    "Anomalous",
    "Share",
    "MaxScore",
    "Surprise",
    "Operations",
    "Ranking.Service",
    "Ranking.Score",
    "Ranking.Confidence",
    "Ranking.Why",
    "Reasons.Kind",
    "Reasons.Service",
    "Reasons.Operation",
    "Reasons.What",
    "Reasons.Traces",
    "Reasons.Surprise",
    "ExampleTraceIds",
    "Templates",
    "Shapes",
    "BaselineVersion",
    "PatternId",
    "CodeVersion",
)


@dataclass
class Burst:
    """Troubled segments of several root operations that overlap.

    :param shifted: nearly all traffic is unusual, rather than some of it anomalous.
    """

    first: int
    last: int
    operations: dict[tuple[str, str], segments.Segment]
    shifted: bool = False

    @property
    def window(self) -> Window:
        """From the start of the first bin to the end of the last."""
        return Window(
            datetime.fromtimestamp(self.first * BIN_SECONDS, UTC),
            datetime.fromtimestamp((self.last + 1) * BIN_SECONDS, UTC),
        )


def materialize(db: Database, hour: datetime) -> StepReport:
    """Find the incidents that begin in the hour; replaces the hour's partition.

    An incident may go on into the next hour, and what is usual is judged over the hours beside it: so the hour before,
    now that this one is known, is written again.
    """
    written = _write(db, hour)
    _write(db, hour - HOUR)
    rows = db.rows("incidents__of_hour", hour=hour)
    return StepReport(
        rows=written,
        metrics={
            "incidents": written,
            "open_incidents": sum(row["Open"] for row in rows),
            "anomalous_traces_in_incidents": sum(row["Anomalous"] for row in rows),
        },
        tables={"incidents": [{k: row[k] for k in ("Start", "End", "Service", "Title", "Anomalous")} for row in rows]},
    )


def _write(db: Database, hour: datetime) -> int:
    look = Window(hour - HOUR, hour + 2 * HOUR)
    bins = course(db, look)
    known = [
        {**row, **{column: utc(row[column]) for column in ("Start", "End", "DetectedAt")}}
        for row in db.rows("incidents__of_hour", hour=hour)
    ]
    newest = max((row["Bin"] for row in bins), default=0)
    with replacing_partition(db, "incidents", hour) as stage:
        rows = []
        found = bursts(bins)
        first = utc(db.one("incidents__first", start=look.start, end=look.end)["First"])
        for burst in found:
            if not hour <= burst.window.start < hour + HOUR:
                continue
            if burst.shifted or not season.habitual(db, burst.window, list(burst.operations)):
                others = [other.window for other in found if other is not burst]
                compare = blame.slices(burst.window, first, others)
                rows.append(describe(db, burst, compare, newest, known))
        db.insert(stage, [[row[column] for column in COLUMNS] for row in rows], COLUMNS)
    return len(rows)


def troubled(db: Database, look: Window, scores: str) -> list[tuple[str, Window]]:
    """Operations (``service:operation``) and the times in which they were troubled.

    :param scores: table with the scores, in the form of anomaly_scores.
    """
    return [
        (f"{service}:{operation}", burst.window)
        for burst in bursts(course(db, look, scores=scores))
        for service, operation in burst.operations
    ]


def course(
    db: Database, look: Window, until: datetime | None = None, scores: str = "anomaly_scores"
) -> list[dict[str, Any]]:
    """Rows of ``incidents__bins``: the anomalies of each operation, bin by bin.

    :param look: whole hours. :param until: leave out traces that ended later than this.
    """
    return db.rows(
        "incidents__bins",
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


def bursts(bins: Sequence[dict[str, Any]]) -> list[Burst]:
    """Times in which operations are troubled: bursts of anomalies, and shifts of nearly all traffic.

    :param bins: rows of ``incidents__bins``.
    """
    by_operation: dict[tuple[str, str], list[segments.Bin]] = defaultdict(list)
    for row in bins:
        by_operation[row["RootService"], row["RootOperation"]].append(
            segments.Bin(row["Bin"], row["Traces"], row["Anomalous"], row["Strong"], row["Unusual"])
        )
    joined = _joined(by_operation, {key: segments.find(course, usual(course)) for key, course in by_operation.items()})
    found = [part for burst in joined for part in _parts(burst, by_operation)]
    # What is a burst of anomalies already need not be found again as a shift.
    fresh = {
        key: [s for s in shifts.find(course) if all(s.last < b.first or s.first > b.last for b in found)]
        for key, course in by_operation.items()
    }
    shifted = [replace(burst, shifted=True) for burst in _joined(by_operation, fresh)]
    return sorted([*found, *shifted], key=lambda burst: burst.first)


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


def describe(
    db: Database, burst: Burst, compare: Sequence[Window], newest: int, known: list[dict[str, Any]]
) -> dict[str, Any]:
    """The row of an incident.

    :param compare: quiet times before it.
    :param newest: newest bin with traffic, to tell whether it is over.
    :param known: incidents of the hour that stand in the table; one that overlaps lends its id, its pattern and the
        time when it was first written, and leaves the list: it lends them once.
    """
    window = burst.window
    names = sorted(burst.operations, key=lambda key: (-burst.operations[key].anomalous, key))
    where = {"start": window.start, "end": window.end, "operations": names}
    facts = db.one("incidents__facts", **where, unusual=shifts.UNUSUAL if burst.shifted else NEVER)
    reasons = db.rows("incidents__reasons", **where)
    present = set(facts["Services"])
    suspects = [s for s in blame.weigh(db, window, compare) if s.service in present]
    ranking = blame.rank(suspects, reasons)
    start, end = utc(facts["Start"]), utc(facts["End"])
    same = [row for row in known if row["Start"] <= end and row["End"] >= start][:1]
    known[:] = [row for row in known if row not in same]
    fresh = sha256(f"{window.start.isoformat()} {names[0]}".encode()).hexdigest()[:16]
    top = ranking[0] if ranking else None
    return {
        "Hour": start.replace(minute=0, second=0, microsecond=0),
        "IncidentId": same[0]["IncidentId"] if same else fresh,
        "Start": start,
        "End": end,
        "DetectedAt": same[0]["DetectedAt"] if same else datetime.now(UTC),
        "Open": newest * BIN_SECONDS <= window.end.timestamp() + QUIET_AFTER.total_seconds(),
        "Service": top.service if top else "",
        "Title": _title(top, names),
        "Traces": facts["Traces"],
        "Anomalous": facts["Anomalous"],
        "Share": facts["Anomalous"] / max(1, facts["Traces"]),
        "MaxScore": facts["MaxScore"],
        "Surprise": sum(segment.surprise for segment in burst.operations.values()),
        "Operations": [f"{service}:{operation}" for service, operation in names],
        "Ranking.Service": [cause.service for cause in ranking],
        "Ranking.Score": [cause.score for cause in ranking],
        "Ranking.Confidence": [cause.confidence for cause in ranking],
        "Ranking.Why": [cause.why for cause in ranking],
        **{f"Reasons.{name}": [row[name] for row in reasons[:20]] for name in ("Kind", "Service", "Operation")},
        **{f"Reasons.{name}": [row[name] for row in reasons[:20]] for name in ("What", "Traces", "Surprise")},
        "ExampleTraceIds": facts["Examples"],
        "Templates": [int(row["Template"]) for row in reasons if row["Template"]],
        "Shapes": facts["Shapes"],
        "BaselineVersion": facts["BaselineVersion"],
        "PatternId": same[0]["PatternId"] if same else NO_PATTERN,
        "CodeVersion": CODE_VERSION,
    }


def _title(top: "blame.Cause | None", names: Sequence[tuple[str, str]]) -> str:
    affected = names[0][1] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    return f"{top.service}: {top.why} (affects {affected})" if top else f"anomalies in {affected}"
