"""What an investigation answers."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from otel_pipeline.detection.model import Window

MOST, FEW, TEXT = 8, 4, 240
"""What the document of an answer holds of each list, and of each text."""

Verdict = Literal["trouble", "nothing abnormal", "not enough evidence", "no data"]


@dataclass(frozen=True)
class CauseFound:
    """A service that may be the cause.

    :param score: standard deviations by which it behaves unlike in quiet times. :param confidence: 0 to 1.
    :param evidence: facts, the strongest first.
    """

    service: str
    confidence: float
    score: float
    why: str
    evidence: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """Something that is not as before.

    :param kind: errors, latency, traffic, new log line, vanished log line, more log lines, numbers, version.
    :param before, now: what was measured; a rate a trace, milliseconds or traces a minute.
    """

    kind: str
    service: str
    what: str
    before: float
    now: float


@dataclass(frozen=True)
class RuledOut:
    """A service that is loud, but not the cause."""

    service: str
    why: str


@dataclass(frozen=True)
class Known:
    """A similar past incident.

    :param remedy: what fixed it, where a person confirmed that; else empty.
    """

    pattern_id: str
    status: str
    root_cause: str
    remedy: str
    occurrences: int
    last_seen: datetime
    message: str


@dataclass(frozen=True)
class IncidentSeen:
    """An incident that touches the window. :param services: those that take part in it."""

    incident_id: str
    start: datetime
    end: datetime
    service: str
    title: str
    anomalous: int
    traces: int
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricMove:
    """A metric that is not as in quiet times.

    :param kind: saturation, saw-tooth, growth, queue, errors, tail, rate, level.
    :param before, now: its usual value and that of the window, in its own unit. :param since: when it first showed.
    :param strength: how far from usual; comparable within a kind only.
    """

    kind: str
    service: str
    metric: str
    what: str
    before: float
    now: float
    since: datetime
    strength: float


@dataclass(frozen=True)
class Deploy:
    """A process that was started anew, or of which a log line says so.

    :param kind: release (another version), restart, or rollout (then ``after`` is the line).
    :param lead: seconds from it to the trouble; negative: after it.
    """

    kind: str
    service: str
    before: str
    after: str
    at: datetime
    lead: float


@dataclass(frozen=True)
class Onset:
    """When a signal of a service first moved.

    :param signal: error, latency, gap, log line, silence, metric, release, restart, rollout.
    """

    at: datetime
    service: str
    signal: str
    what: str


@dataclass(frozen=True)
class Skew:
    """A value of an attribute that bad traces have more often than good ones.

    :param service: where it was told. :param of_bad, of_good: traces in which that service tells the attribute.
    :param lift: share among the bad over share among the good.
    """

    key: str
    value: str
    service: str
    bad: int
    of_bad: int
    good: int
    of_good: int
    lift: float


@dataclass(frozen=True)
class Figure:
    """One figure of a service against its usual values.

    :param low, high: span of the quiet times. :param note: "as usual", "higher than usual", "lower than usual".
    """

    name: str
    now: float
    low: float
    high: float
    note: str


@dataclass(frozen=True)
class Status:
    """How a service is doing.

    :param new: what is new about it, in words; empty when all is as ever.
    """

    service: str
    visits: int
    figures: list[Figure] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Investigation:
    """The report.

    :param window: what was asked. :param focus: the part of it that was compared with quiet times.
    :param recall: why the memory knows the incident, or why not.
    :param path: services from the symptom to the cause. :param timeline: what moved, in order of time.
    :param odd: what is odd about the trace that was asked for: what, where, observed, expected.
    :param isolated: anomalous traces that belong to no trouble, where nothing is abnormal.
    """

    window: Window
    verdict: Verdict
    headline: str
    focus: Window
    traces: int = 0
    anomalous: int = 0
    reference: list[Window] = field(default_factory=list)
    incidents: list[IncidentSeen] = field(default_factory=list)
    causes: list[CauseFound] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ruled_out: list[RuledOut] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    recall: str = ""
    examples: list[str] = field(default_factory=list)
    next_checks: list[str] = field(default_factory=list)
    metrics: list[MetricMove] = field(default_factory=list)
    deploys: list[Deploy] = field(default_factory=list)
    timeline: list[Onset] = field(default_factory=list)
    skewed: list[Skew] = field(default_factory=list)
    isolated: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    status: Status | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them: short, the strongest first, stretches of the reference joined."""
        answer = asdict(self)
        for name in ("window", "focus"):
            answer[name] = {"start": getattr(self, name).start, "end": getattr(self, name).end}
        answer["reference"] = [{"start": w.start, "end": w.end} for w in _joined(self.reference)]
        for rank, cause in enumerate(answer["causes"]):
            cause["evidence"] = [text[:TEXT] for text in cause["evidence"][: MOST if rank == 0 else FEW]]
        for name in ("changes", "metrics", "timeline"):
            answer[name] = answer[name][:MOST]
        return answer


def _joined(windows: list[Window]) -> list[Window]:
    """Windows that touch as one."""
    joined: list[Window] = []
    for window in sorted(windows, key=lambda w: w.start):
        if joined and window.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(window.end, joined[-1].end))
        else:
            joined.append(window)
    return joined[::-1]
