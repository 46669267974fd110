"""Anomalies that belong together become one incident, with the service to blame first.

When there was trouble, :mod:`bursts` says of traces, :mod:`drifts` of services, :mod:`signals` of lines, silence and
metrics; whom to blame, :mod:`blame`. A storm of a thousand anomalous traces is one row; single anomalies at the usual
rate are none.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, drifts, season, shifts, signals
from otel_pipeline.detection.bursts import BIN_SECONDS, Burst, bursts, course
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import HOUR, StepReport, Window, utc
from otel_pipeline.detection.segments import Segment
from otel_pipeline.detection.staging import replacing_partition
from otel_pipeline.detection.version import CODE_VERSION

NO_PATTERN = UUID(int=0)
NEVER = 99.0
QUIET_AFTER = timedelta(seconds=30)  # an incident with later traffic than this is over
BESIDE = timedelta(minutes=1)  # what is so near in time belongs together
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
    "Matched",
    "Source",
    "CodeVersion",
)


def materialize(db: Database, hour: datetime, *, whole: bool = True) -> StepReport:
    """Find the incidents that begin in the hour; replaces the hour's partition.

    An incident may go on into the next hour, and what is usual is judged over the hours beside it: so the hour before,
    now that this one is known, is written again.

    :param whole: judge all minutes of the hour anew, not only those that have changed.
    """
    beside = signals.find(db, Window(hour - 2 * HOUR, hour + 2 * HOUR))
    rows = _write(db, hour, beside, whole)
    _write(db, hour - HOUR, beside, whole=False)
    return StepReport(
        rows=len(rows),
        metrics={
            "incidents": len(rows),
            "open_incidents": sum(row["Open"] for row in rows),
            "anomalous_traces_in_incidents": sum(row["Anomalous"] for row in rows),
        },
        tables={"incidents": [{k: row[k] for k in ("Start", "End", "Service", "Title", "Anomalous")} for row in rows]},
    )


def _write(db: Database, hour: datetime, beside: Sequence[Finding], whole: bool) -> list[dict[str, Any]]:
    """The incidents that begin in the hour, in order of time, as they stand in the table now."""
    look = Window(hour - HOUR, hour + 2 * HOUR)
    bins = course(db, look)
    known = [
        {**row, **{column: utc(row[column]) for column in ("Start", "End", "DetectedAt")}}
        for row in db.rows("incidents__of_hour", hour=hour)
    ]
    newest = max((row["Bin"] for row in bins), default=0)
    standing = list(known)
    rows: list[dict[str, Any]] = []
    found = bursts(bins)
    drifted = drifts.find(db, hour, [burst.window for burst in found], whole=whole)
    found += [burst for drift in drifted if (burst := _burst(db, drift))]
    for burst in found:
        if not hour <= burst.window.start < hour + HOUR:
            continue
        if burst.shifted or burst.service or not season.habitual(db, burst.window, list(burst.operations)):
            facts = _facts(db, burst)
            if not whole and (row := _unchanged(facts, burst, known, newest)):
                rows.append(row)
                continue
            first = utc(db.one("incidents__first", start=look.start, end=look.end)["First"])
            others = [other.window for other in found if other is not burst]
            compare = blame.slices(burst.window, first, others)
            rows.append(describe(db, burst, facts, compare, newest, known))
    mine = [finding for finding in beside if hour <= finding.window.start < hour + HOUR]
    rows += [_of_signal(finding, newest, known) for finding in _apart(db, mine, found, look)]
    rows.sort(key=lambda row: (row["Start"], row["IncidentId"]))
    if not whole and len(rows) == len(standing) and all(any(row is one for one in standing) for row in rows):
        return rows
    with replacing_partition(db, "incidents", hour) as stage:
        db.insert(stage, [[row[column] for column in COLUMNS] for row in rows], COLUMNS)
    return rows


def _apart(db: Database, beside: Sequence[Finding], found: Sequence[Burst], look: Window) -> list[Finding]:
    """Findings that are incidents of their own: no trouble of traces in which the service takes part tells of them."""
    if not beside:
        return []
    traced = set(db.one("incidents__services", start=look.start, end=look.end)["Services"])
    return [
        finding
        for finding in beside
        if finding.service not in traced
        or all(
            burst.window.start > finding.window.end + BESIDE or burst.window.end < finding.window.start - BESIDE
            for burst in found
        )
        if not _elsewhere(db, finding)
    ]


def _elsewhere(db: Database, finding: Finding) -> bool:
    """Whether the traces of its log lines are at another time: a host's clock is skewed, and they are judged there."""
    window = Window(finding.window.start - BESIDE, finding.window.end + BESIDE)
    if not finding.examples:
        return False
    where = {"start": window.start, "end": window.end, "traces": list(finding.examples)}
    return 2 * db.one("incidents__elsewhere", **where)["Elsewhere"] > len(finding.examples)


def _of_signal(finding: Finding, newest: int, known: list[dict[str, Any]]) -> dict[str, Any]:
    """The row of an incident that log lines, silence or metrics show."""
    window = finding.window
    services = [finding.service, *finding.affected]
    same = [
        r for r in known if r["Start"] <= window.end and r["End"] >= window.start and r["Service"] == finding.service
    ]
    known[:] = [row for row in known if row not in same[:1]]
    fresh = sha256(f"{window.start.isoformat()} {finding.kind} {finding.service}".encode()).hexdigest()[:16]
    return {
        "Hour": window.start.replace(minute=0, second=0, microsecond=0),
        "IncidentId": same[0]["IncidentId"] if same else fresh,
        "Start": window.start,
        "End": window.end,
        "DetectedAt": same[0]["DetectedAt"] if same else datetime.now(UTC),
        "Open": newest * BIN_SECONDS <= window.end.timestamp() + QUIET_AFTER.total_seconds(),
        "Service": finding.service,
        "Title": f"{finding.service}: {finding.why}",
        "Traces": len(finding.examples),
        "Anomalous": len(finding.examples),
        "Share": 0.0,
        "MaxScore": 0.0,
        "Surprise": finding.surprise,
        "Operations": [],
        "Ranking.Service": services,
        "Ranking.Score": [finding.surprise, *(0.0 for _ in finding.affected)],
        "Ranking.Confidence": [1.0, *(0.0 for _ in finding.affected)],
        "Ranking.Why": [finding.why, *(f"takes part, as {finding.service} is in trouble" for _ in finding.affected)],
        "Reasons.Kind": [finding.kind],
        "Reasons.Service": [finding.service],
        "Reasons.Operation": [""],
        "Reasons.What": [finding.why],
        "Reasons.Traces": [len(finding.examples)],
        "Reasons.Surprise": [finding.surprise],
        "ExampleTraceIds": list(finding.examples),
        "Templates": list(finding.templates),
        "Shapes": [],
        "BaselineVersion": datetime.fromtimestamp(0, UTC),
        "PatternId": same[0]["PatternId"] if same else NO_PATTERN,
        "Matched": same[0]["Matched"] if same else 0,
        "Source": finding.kind,
        "CodeVersion": CODE_VERSION,
    }


def _burst(db: Database, drift: drifts.Drift) -> Burst | None:
    """A drift as a burst of the root operations whose traces pass its service; None where no trace does."""
    window, service = drift.window, drift.key[0]
    rows = db.rows("drifts__operations", start=window.start, end=window.end, service=service)
    first, last = (int(t.timestamp()) // BIN_SECONDS for t in (window.start, window.end - timedelta(seconds=1)))
    operations = {
        (row["RootService"], row["RootOperation"]): Segment(first, last, row["Traces"], row["Traces"], drift.deviation)
        for row in rows
    }
    return Burst(first, last, operations, service=service) if operations else None


def describe(  # noqa: PLR0917
    db: Database,
    burst: Burst,
    facts: Mapping[str, Any],
    compare: Sequence[Window],
    newest: int,
    known: list[dict[str, Any]],
) -> dict[str, Any]:
    """The row of an incident.

    :param facts: its figures: row of ``incidents__facts``. :param compare: quiet times before it.
    :param newest: newest bin with traffic, to tell whether it is over.
    :param known: incidents of the hour that stand in the table; one that overlaps lends its id, its pattern and the
        time when it was first written, and leaves the list: it lends them once.
    """
    window = burst.window
    names = sorted(burst.operations, key=lambda key: (-burst.operations[key].anomalous, key))
    where = {"start": window.start, "end": window.end, "operations": names}
    reasons = db.rows("incidents__reasons", **where)
    present = set(facts["Services"])
    suspects = blame.believed(db, window, compare, blame.weigh(db, window, compare))
    suspects = [s for s in suspects if s.service in present or s.says or not s.visits]
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
        "Surprise": _surprise(burst),
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
        "Matched": same[0]["Matched"] if same else 0,
        "Source": "behavior" if burst.service else "traces",
        "CodeVersion": CODE_VERSION,
    }


def _facts(db: Database, burst: Burst) -> dict[str, Any]:
    window = burst.window
    where = {"start": window.start, "end": window.end, "operations": list(burst.operations)}
    hit = {"unusual": shifts.UNUSUAL if burst.shifted else NEVER, "service": burst.service}
    return db.one("incidents__facts", **where, **hit)


def _unchanged(
    facts: Mapping[str, Any], burst: Burst, known: list[dict[str, Any]], newest: int
) -> dict[str, Any] | None:
    """The row of an incident that is over and stands in the table as its traces tell it now; it leaves the list."""
    if newest * BIN_SECONDS <= burst.window.end.timestamp() + QUIET_AFTER.total_seconds():
        return None
    for row in known:
        same = all(row[name] == facts[name] for name in ("Traces", "Anomalous", "MaxScore", "BaselineVersion"))
        if same and not row["Open"] and row["CodeVersion"] == CODE_VERSION and row["Start"] == utc(facts["Start"]):
            known.remove(row)
            return row
    return None


def _surprise(burst: Burst) -> float:
    every = [segment.surprise for segment in burst.operations.values()]
    return max(every) if burst.service else sum(every)


def _title(top: "blame.Cause | None", names: Sequence[tuple[str, str]]) -> str:
    affected = names[0][1] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    return f"{top.service}: {top.why} (affects {affected})" if top else f"anomalies in {affected}"
