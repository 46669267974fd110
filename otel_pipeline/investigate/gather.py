"""What is gathered about a window before anything is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, causes
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.remembered import Remembered, remembered
from otel_pipeline.embedding import Embedder
from otel_pipeline.investigate import changes, metrics, onsets, recurrence, releases, restarts, status
from otel_pipeline.investigate.model import Change, Deploy, IncidentSeen, MetricMove, Onset, RuledOut
from otel_pipeline.investigate.releases import Regression
from otel_pipeline.together import together

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
    :param broke: services that log errors as they never did.
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
    broke: set[str] = field(default_factory=set)

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
    facts, near = together(
        lambda: db.one("investigate__facts", start=window.start, end=window.end),
        lambda: _incidents(db, window, service),
    )
    near = [i for i in near if at is None or i.start - BESIDE <= at <= i.end + BESIDE]
    known, again = together(
        lambda: remembered(db, {i.incident_id: i.start for i in near}, embedder),
        lambda: recurrence.of_all(db, [_focus(i) for i in near]),
    )
    seen, no_news = _news(near, known, again)
    focus = _focus(seen[0]) if seen else window
    began = min([i.start for i in seen], default=focus.start)
    busy, first, points, deploys = together(
        lambda: [Window(i.start, i.end) for i in _incidents(db, Window(focus.start - LOOK_BACK, focus.start), None)],
        lambda: utc(db.one("incidents__first", start=focus.start - LOOK_BACK, end=focus.end)["First"]),
        lambda: metrics.points(db, focus),
        lambda: restarts.starts(db, Window(focus.start - DEPLOYS, focus.end), began),
    )
    quiet = list(reference) if reference is not None else _quiet_times(focus, first, busy, points.enough)
    if reference is None:
        reference = blame.slices(focus, first, busy)
    clear = max((w.end for w in busy if w.end <= focus.start), default=first)
    case = Case(db, window, focus, reference, quiet, seen, facts, service, no_news, bool(points.interval), known)
    case.deploys = deploys
    _compare(case, points, clear)
    return case


def _compare(case: Case, points: metrics.Points, clear: datetime) -> None:
    """Hold the focus against quiet times, in traces and in metrics.

    :param clear: end of the trouble before, or of nothing known.
    """
    db, focus, service, held = case.db, case.focus, case.service, bool(case.facts["Traces"])
    shown = metrics.padded(focus, points.interval) if case.seen else focus
    limited = service or "" if not case.seen else ""
    past = [*case.quiet, *recurrence.phases(focus)]
    suspects, counted, course, case.worse, measured = together(
        lambda: blame.weigh(db, focus, case.reference) if held else [],
        lambda: changes.count(db, focus, case.reference) if held else changes.Counted(),
        lambda: onsets.course(db, focus, case.reference, clear) if held else [],
        lambda: [w for w in releases.regressions(db, case.deploys, focus) if service in (None, w.service)],
        lambda: metrics.measure(db, shown, past, limited) if case.measured else metrics.Measured(),
    )
    # What happens beside an incident is not its cause.
    part = set(case.seen[0].services) if case.seen else {service or s.service for s in suspects}
    case.suspects = [s for s in suspects if s.service in part]
    case.changes, case.broke = changes.of(counted, focus, case.reference, service), changes.broke(counted)
    if case.worse and not case.seen:  # then the trouble is the release's
        began = case.worse[0].at
        case.deploys = [replace(d, lead=round((began - d.at).total_seconds(), 1)) for d in case.deploys]
    case.metrics = metrics.moves(measured, case.deploys, len(past))
    if (case.seen or case.worse) and held and case.reference:
        moved = [*onsets.of_visits(course, counted.usual, focus, clear), *onsets.of_lines(counted, case.changes)]
        case.timeline = onsets.timeline(moved, onsets.look(focus, clear), metrics=case.metrics, deploys=case.deploys)


def _focus(incident: IncidentSeen) -> Window:
    return Window(incident.start, max(incident.end, incident.start + blame.SHORTEST))


def _news(
    seen: Sequence[IncidentSeen], known: Mapping[str, Remembered], again: Sequence[recurrence.Recurring | None]
) -> tuple[list[IncidentSeen], list[RuledOut]]:
    """The incidents that are news, and why the others are not."""
    news, others = [], []
    for incident, same in zip(seen, again, strict=True):
        why = known[incident.incident_id].harmless or (same.words if same else "")
        if why:
            others.append(RuledOut(incident.service, f"{why} ({incident.start:%H:%M:%S}: {incident.title[:120]})"))
        else:
            news.append(incident)
    return news, others


def _quiet_times(focus: Window, first: datetime, busy: Sequence[Window], enough: timedelta) -> list[Window]:
    """The time before that held no trouble, for metrics: their points are too few for short stretches.

    :param enough: how far back.
    """
    found: list[Window] = []
    end, start = focus.start - blame.APART, max(first, focus.start - min(LOOK_BACK, enough))
    for trouble in sorted(busy, key=lambda window: window.end, reverse=True):
        # An exporter tells of the trouble for up to a minute after it.
        found.append(Window(max(start, trouble.end + metrics.LONGEST_PAD), end))
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
            tuple(row["Services"]),
        )
        for row in rows
    ]
