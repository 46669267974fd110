"""What an investigation answers."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from otel_pipeline.detection.model import Window

MOST, FEW, TEXT = 8, 4, 240
"""What the document of an answer holds of each list, and of each text."""

Verdict = Literal["trouble", "nothing abnormal", "not enough evidence", "no data"]
State = Literal["trouble", "healthy", "unclear", "no data"]
STATES: dict[Verdict, State] = {
    "trouble": "trouble",
    "nothing abnormal": "healthy",
    "not enough evidence": "unclear",
    "no data": "no data",
}


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

    :param kind: errors, latency, traffic, calls, new log line, vanished log line, more log lines, numbers, version.
    :param before, now: what was measured; a rate a trace, milliseconds or traces a minute.
    """

    kind: str
    service: str
    what: str
    before: float
    now: float


@dataclass(frozen=True)
class RuledOut:
    """What is loud, but not the cause; or a service that is affected by the cause.

    :param kind: what is ruled out: the service, or of it only a release, a job, or an incident that is no news.
    """

    service: str
    why: str
    kind: Literal["service", "release", "job", "incident"] = "service"


@dataclass(frozen=True)
class LoneLine:
    """A log line that belongs to no trace, and was not seen in quiet times. :param lines: how many of its kind."""

    at: datetime
    service: str
    text: str
    lines: int
    severity: int


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
    """An incident that touches the window.

    :param services: those that take part in it. :param surprise: -log10 of its chance.
    :param operations: affected root operations, "service:operation". :param examples: a few of its traces.
    """

    incident_id: str
    start: datetime
    end: datetime
    service: str
    title: str
    anomalous: int
    traces: int
    services: tuple[str, ...] = ()
    surprise: float = 0.0
    operations: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


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
    """What bad traces have more often than good ones: a value of an attribute, one of several values, or two values
    together.

    :param key, value: of several values they are joined by ", "; of two attributes by " AND ".
    :param service: where it was told. :param of_bad, of_good: traces in which that service tells the attribute.
    :param lift: share among the bad over share among the good. :param terms: key and values of each attribute.
    :param distinct: how many values the attribute has.
    """

    key: str
    value: str
    service: str
    bad: int
    of_bad: int
    good: int
    of_good: int
    lift: float
    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    distinct: int = 0

    @property
    def words(self) -> str:
        """The condition, for people."""
        if not self.terms:
            return f"{self.key}={self.value}"
        return " AND ".join(
            f"{key}={values[0]}" if len(values) == 1 else f"{key} is one of {', '.join(values)}"
            for key, values in self.terms
        )


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
class Endpoint:
    """How an endpoint does: an operation by which a service is entered.

    :param rate: requests a minute. :param whole: p50, p95, p99 of its whole duration, milliseconds; own: of the time
        that is spent in the service itself. :param usual: p95 of the whole duration in quiet times, lowest and highest.
    :param note: "as usual", or what is not. :param blips: single minutes that were bad, in words.
    """

    service: str
    operation: str
    requests: int
    rate: float
    failed: float
    usual_failed: float
    whole: tuple[float, float, float]
    own: tuple[float, float, float]
    usual: tuple[float, float]
    note: str
    blips: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    """How a service is doing.

    :param new: what is new about it, in words; empty when all is as ever.
    :param calls, called_by: services that it depends on, and that depend on it.
    """

    service: str
    visits: int
    figures: list[Figure] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    called_by: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Investigation:
    """The report.

    :param window: what was asked. :param focus: the part of it that was compared with quiet times.
    :param recall: why the memory knows the incident, or why not.
    :param path: services from the symptom to the cause. :param timeline: what moved, in order of time.
    :param odd: what is odd about the trace that was asked for: what, where, observed, expected.
    :param isolated: anomalous traces that belong to no trouble, where nothing is abnormal.
    :param affected: services that suffer from the cause. :param since: when the trouble began.
    :param about: of the service that was asked for: is it the service itself, or what it depends on?
    :param lines: new log lines outside traces. :param endpoints: how the endpoints do.
    :param others: reports of further troubles of the same time, each with a cause of its own.
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
    affected: list[RuledOut] = field(default_factory=list)
    since: datetime | None = None
    about: str = ""
    lines: list[LoneLine] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    others: list["Investigation"] = field(default_factory=list)

    @property
    def state(self) -> State:
        """The answer in a word."""
        return STATES[self.verdict]

    @property
    def blocks(self) -> list["Investigation"]:
        """The report of each trouble, this one first."""
        return [self, *self.others]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them: short, the strongest first, stretches of the reference joined."""
        answer = {"state": self.state, **asdict(self)}
        answer["others"] = [other.as_dict() for other in self.others]
        for name in ("window", "focus"):
            answer[name] = {"start": getattr(self, name).start, "end": getattr(self, name).end}
        answer["reference"] = [{"start": w.start, "end": w.end} for w in _joined(self.reference)]
        for rank, cause in enumerate(answer["causes"]):
            cause["evidence"] = [text[:TEXT] for text in cause["evidence"][: MOST if rank == 0 else FEW]]
        for name in ("changes", "metrics", "timeline", "lines", "endpoints"):
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
