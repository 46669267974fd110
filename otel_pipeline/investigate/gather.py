"""What is gathered about a window before anything is said about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, causes
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.remembered import Remembered, remembered
from otel_pipeline.embedding import Embedder
from otel_pipeline.investigate import metrics, onsets, recurrence, releases, restarts, status
from otel_pipeline.investigate.changes import changes_of
from otel_pipeline.investigate.model import Change, Deploy, IncidentSeen, MetricMove, Onset, RuledOut
from otel_pipeline.investigate.releases import Regression

BESIDE = timedelta(seconds=5)
LOOK_BACK = timedelta(hours=2)
DEPLOYS = timedelta(minutes=30)
LEAST_TRACES = 20
SHOWN_METRICS = 10


@dataclass
class Case:
    """Facts about a window; the parts of the report are made of them.

    :param focus: the part that is compared. :param reference: stretches as long as it; :param quiet: all quiet time.
    :param no_news: incidents that recur, or that a person knows to be harmless. :param measured: whether there are
        metrics. :param memory: what is remembered of each incident.
    """

    db: Database
    window: Window
    focus: Window
    reference: Sequence[Window]
    quiet: Sequence[Window]
    seen: Sequence[IncidentSeen]
    facts: dict[str, Any]
    service: str | None
    no_news: list[RuledOut]
    measured: bool
    memory: dict[str, Remembered] = field(default_factory=dict)
    suspects: list[causes.Suspect] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    deploys: list[Deploy] = field(default_factory=list)
    metrics: list[MetricMove] = field(default_factory=list)
    timeline: list[Onset] = field(default_factory=list)
    worse: list[Regression] = field(default_factory=list)

    @property
    def thin(self) -> bool:
        """Whether there are too few traces to tell anything by."""
        return self.facts["Traces"] < LEAST_TRACES

    def base(self) -> dict[str, Any]:
        """What every report tells."""
        return {
            "window": self.window,
            "focus": self.focus,
            "traces": self.facts["Traces"],
            "anomalous": self.facts["Anomalous"],
            "reference": list(self.reference),
            "incidents": list(self.seen),
            "changes": self.changes,
            "metrics": self.metrics[:SHOWN_METRICS],
            "deploys": self.deploys,
            "timeline": self.timeline,
            "status": status.status(self.db, self.window, self.reference, self.service, self.changes)
            if self.service
            else None,
        }


def gather(  # noqa: PLR0917
    db: Database,
    window: Window,
    reference: Sequence[Window] | None,
    service: str | None,
    at: datetime | None = None,
    embedder: Embedder | None = None,
) -> Case:
    """Gather what traces, metrics and incidents say about a window.

    :param at: a moment of the window; only incidents that it belongs to count, not their neighbours in time.
    :param embedder: for the vectors by which the memory is asked.
    """
    facts = db.one("investigate__facts", start=window.start, end=window.end)
    near = [i for i in _incidents(db, window, service) if at is None or i.start - BESIDE <= at <= i.end + BESIDE]
    known = remembered(db, {i.incident_id: i.start for i in near}, embedder)
    seen, no_news = _news(db, near, known)
    focus = Window(seen[0].start, max(seen[0].end, seen[0].start + blame.SHORTEST)) if seen else window
    busy = [Window(i.start, i.end) for i in _incidents(db, Window(focus.start - LOOK_BACK, focus.start), None)]
    first = utc(db.one("incidents__first", start=focus.start - LOOK_BACK, end=focus.end)["First"])
    quiet = list(reference) if reference is not None else _quiet_times(focus, first, busy)
    if reference is None:
        reference = blame.slices(focus, first, busy)
    measured = metrics.interval(db, window) > timedelta()
    case = Case(db, window, focus, reference, quiet, seen, facts, service, no_news, measured, known)
    if facts["Traces"]:
        case.suspects = blame.weigh(db, focus, reference)
        if service and not seen:
            case.suspects = [s for s in case.suspects if s.service == service]
        case.changes = changes_of(db, focus, reference, service)
    look = Window(focus.start - DEPLOYS, focus.end)
    began = min([i.start for i in seen], default=focus.start)
    case.deploys = restarts.starts(db, look, began)
    limited = service or "" if not seen else ""
    case.worse = [w for w in releases.regressions(db, case.deploys, focus) if service in (None, w.service)]
    if case.worse and not seen:  # then the trouble is the release's
        began = case.worse[0].at
        case.deploys = [replace(d, lead=round((began - d.at).total_seconds(), 1)) for d in case.deploys]
    shown = metrics.padded(db, focus) if seen else focus
    case.metrics = metrics.moves(db, shown, [*quiet, *recurrence.phases(focus)], limited, case.deploys)
    clear = max((w.end for w in busy if w.end <= focus.start), default=first)
    if (seen or case.worse) and facts["Traces"]:
        case.timeline = onsets.timeline(
            db, focus, reference, clear, metrics=case.metrics, deploys=case.deploys, changes=case.changes
        )
    return case


def _news(
    db: Database, seen: Sequence[IncidentSeen], known: dict[str, Remembered]
) -> tuple[list[IncidentSeen], list[RuledOut]]:
    """The incidents that are news, and why the others are not."""
    news, others = [], []
    for incident in seen:
        focus = Window(incident.start, max(incident.end, incident.start + blame.SHORTEST))
        why = known[incident.incident_id].harmless
        if not why and (same := recurrence.recurring(db, focus)):
            why = same.words
        if why:
            others.append(RuledOut(incident.service, f"{why} ({incident.start:%H:%M:%S}: {incident.title[:120]})"))
        else:
            news.append(incident)
    return news, others


def _quiet_times(focus: Window, first: datetime, busy: Sequence[Window]) -> list[Window]:
    """All of the time before that held no trouble, for metrics: their points are too few for short stretches."""
    found: list[Window] = []
    end, start = focus.start - blame.APART, max(first, focus.start - LOOK_BACK)
    for trouble in sorted(busy, key=lambda window: window.end, reverse=True):
        # An exporter tells of the trouble for up to a minute after it.
        found.append(Window(trouble.end + metrics.LONGEST_PAD, end))
        end = min(end, trouble.start - blame.APART)
    return [window for window in [*found, Window(start, end)] if window.end > window.start]


def _incidents(db: Database, window: Window, service: str | None) -> list[IncidentSeen]:
    rows = db.rows("investigate__incidents", start=window.start, end=window.end, service=service or "")
    return [
        IncidentSeen(
            row["IncidentId"],
            utc(row["Start"]),
            utc(row["End"]),
            row["Service"],
            row["Title"],
            row["Anomalous"],
            row["Traces"],
        )
        for row in rows
    ]
