"""The on-call report of a demo: what was injected (the ledger), against what the pipeline said by itself."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from load.faults import FaultRecord
from otel_pipeline.clickhouse import Database
from otel_pipeline.demo.counts import Counts
from otel_pipeline.demo.watch import Sighting, Watch
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.remembered import harmless
from otel_pipeline.evaluation.ledger import speaker, touches


@dataclass(frozen=True)
class Verdict:
    """What the pipeline made of one injected fault."""

    scenario: str
    service: str
    found: bool
    blamed: str | None
    delay_s: float | None
    incident: str | None = None
    title: str = ""
    first_faulty: datetime | None = None
    first_row: datetime | None = None
    reasons: list[str] = field(default_factory=list)
    trace_id: str | None = None
    pattern_id: UUID | None = None
    anomalies: int = 0

    @property
    def right(self) -> bool:
        """Found, with the right service blamed."""
        return self.found and self.blamed == self.service


@dataclass(frozen=True)
class Report:
    """All that a demo shows. Rates are per minute of load; delays are seconds from a trace's end to its row."""

    seconds: float
    load_minutes: float
    counts: Counts
    verdicts: list[Verdict]
    false_incidents: list[dict[str, Any]]
    delays: list[float]

    @property
    def passed(self) -> bool:
        """All faults found, the right services blamed, nothing false, nothing lost."""
        return all(v.right for v in self.verdicts) and not self.false_incidents and self.counts.equal

    def document(self) -> dict[str, Any]:
        """The JSON shape of ``demo --json`` (see its --help)."""
        counts = asdict(self.counts)
        traces = counts.pop("traces")
        return {
            "seconds": round(self.seconds, 1),
            "logs_per_min": round(self.counts.stored_logs / self.load_minutes),
            "traces_per_min": round(traces / self.load_minutes),
            **counts,
            "delay_p50_s": quantile(self.delays, 0.5),
            "delay_p95_s": quantile(self.delays, 0.95),
            "faults": [
                {key: getattr(v, key) for key in ("scenario", "service", "found", "blamed", "delay_s")}
                for v in self.verdicts
            ],
            "false_incidents": len(self.false_incidents),
        }


def quantile(values: list[float], q: float) -> float | None:
    """Nearest-rank quantile, one decimal; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))], 1)


def build(
    db: Database,
    *,
    watch: Watch,
    faults: list[FaultRecord],
    since: datetime,
    load_minutes: float,
    counts: Counts,
) -> Report:
    """Hold the incidents against the ledger.

    An incident belongs to a fault when its window touches the fault's, or the little while after it; one that touches
    none is false, unless a person knows its pattern to be harmless. Of several, the one with most anomalous traces
    that began before the fault's end speaks for it.
    """
    until = datetime.now(UTC)
    incidents = db.rows("demo__incidents", since=since, until=until)
    for incident in incidents:
        incident["Start"], incident["End"] = (incident[c].replace(tzinfo=UTC) for c in ("Start", "End"))
    verdicts = [_judge(fault, incidents, watch.sightings(fault.started, _end(fault))) for fault in faults]
    touched = {id(i) for fault in faults for i in incidents if _touches(i, fault)}
    untouched = [i for i in incidents if id(i) not in touched]
    known = harmless(db, {i["IncidentId"]: i["Start"] for i in untouched})
    false = [i for i in untouched if i["IncidentId"] not in known]
    delays = [s.delay_s for fault in faults for s in watch.sightings(fault.started, _end(fault))]
    seconds = (until - since).total_seconds()
    return Report(seconds, load_minutes, counts, verdicts, false, delays)


def _end(fault: FaultRecord) -> datetime:
    return fault.ended or datetime.now(UTC)


def _touches(incident: dict[str, Any], fault: FaultRecord) -> bool:
    return touches(Window(fault.started, _end(fault)), incident["Start"], incident["End"])


def _judge(fault: FaultRecord, incidents: list[dict[str, Any]], sightings: list[Sighting]) -> Verdict:
    own = [i for i in incidents if _touches(i, fault)]
    first = min(sightings, key=lambda s: s.started, default=None)
    first_row = sightings[0].seen if sightings else None
    delay = round(sightings[0].delay_s, 1) if sightings else None
    best = speaker(Window(fault.started, _end(fault)), own)
    if best is None:
        return Verdict(
            fault.scenario,
            fault.service,
            found=False,
            blamed=None,
            delay_s=delay,
            first_faulty=first.started if first else None,
            first_row=first_row,
            anomalies=len(sightings),
        )
    return Verdict(
        scenario=fault.scenario,
        service=fault.service,
        found=True,
        blamed=best["Service"],
        delay_s=delay,
        incident=best["IncidentId"],
        title=best["Title"],
        first_faulty=first.started if first else None,
        first_row=first_row,
        reasons=list(best["Reasons"][:3]),
        trace_id=best["ExampleTraceIds"][0] if best["ExampleTraceIds"] else None,
        pattern_id=best["PatternId"],
        anomalies=len(sightings),
    )
