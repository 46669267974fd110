"""What an investigation answers."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from otel_pipeline.detection.model import Window

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

    :param kind: errors, latency, traffic, new log line, vanished log line, more log lines, version.
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
    """An incident that touches the window."""

    incident_id: str
    start: datetime
    end: datetime
    service: str
    title: str
    anomalous: int
    traces: int


@dataclass(frozen=True)
class Investigation:
    """The report.

    :param window: what was asked. :param focus: the part of it that was compared with quiet times.
    :param path: services from the symptom to the cause.
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
    examples: list[str] = field(default_factory=list)
    next_checks: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        answer = asdict(self)
        for name in ("window", "focus"):
            answer[name] = {"start": getattr(self, name).start, "end": getattr(self, name).end}
        answer["reference"] = [{"start": w.start, "end": w.end} for w in self.reference]
        return answer
