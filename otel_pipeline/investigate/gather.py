"""What is gathered about a window before anything is said about it.

:func:`look` sees which troubles it holds; :func:`compare` holds one of them, or the window itself, against quiet times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, causes
from otel_pipeline.detection.calls import below
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.remembered import Remembered, remembered
from otel_pipeline.embedding import Embedder
from otel_pipeline.investigate import changes, lone, metrics, onsets, recurrence, releases, restarts, status
from otel_pipeline.investigate.model import Change, Deploy, Endpoint, IncidentSeen, MetricMove, Onset, RuledOut
from otel_pipeline.investigate.novel import Novel, novel
from otel_pipeline.investigate.releases import Regression
from otel_pipeline.investigate.troubles import Trouble, span, troubles
from otel_pipeline.together import together

BESIDE = timedelta(seconds=5)
LOOK_BACK = timedelta(hours=2)
DEPLOYS = timedelta(minutes=30)
LEAST_QUIET = timedelta(seconds=90)  # before a window; else its own beginning is what it is compared with
BEGINNING = 1 / 3
SAME_HOURS = (timedelta(days=1), timedelta(days=2), timedelta(days=7))  # errors of then are not new
LEAST_TRACES = 20
SHOWN_METRICS = 10
LEAST_PIECE, ENOUGH_PIECES = timedelta(seconds=20), 8
BEGINS, EVER = timedelta(minutes=5), 0.7  # of all data: what began with them and lasts so long is no change
SAME_RELEASE = timedelta(minutes=5)  # instances of a service that take up a version one after another are one release
NEARLY_ALL = 0.8  # of an incident's traces are odd: then all of them belong to it
TAKES_PART = 0.05  # of a service's traces


@dataclass(frozen=True)
class Asked:
    """A trace that was asked for. :param anomalous: it was judged so, at ``services``."""

    trace_id: str
    at: datetime
    operation: str
    anomalous: bool
    services: tuple[str, ...]


@dataclass(frozen=True)
class Around:
    """Who takes part in the traces of a service.

    :param traces: in which it takes part. :param services: in how many of them others do.
    :param callees: whom each of them calls.
    """

    service: str
    traces: int
    services: Mapping[str, int]
    callees: Mapping[str, Sequence[str]]

    @property
    def calls(self) -> list[str]:
        """On whom the service depends, the nearest first."""
        return below(self.service, self.callees)

    @property
    def called_by(self) -> list[str]:
        """Who depends on it."""
        return [name for name in self.callees if name != self.service and self.service in below(name, self.callees)]


@dataclass(frozen=True)
class Scene:
    """A window, and the troubles in it.

    :param near: all incidents; :param no_news: why some are none; :param known: what is remembered of each.
    :param quiet: times to hold new errors against. :param given: the reference that the caller chose.
    :param ever: incidents as old as the data.
    :param around: who takes part in the traces of the service that was asked for.
    """

    db: Database
    window: Window
    given: Sequence[Window] | None
    service: str | None
    facts: dict[str, Any]
    near: Sequence[IncidentSeen]
    no_news: list[RuledOut]
    known: Mapping[str, Remembered]
    troubles: Sequence[Trouble]
    lone: lone.Lone
    endpoints: Sequence[Endpoint] = ()
    around: Around | None = None
    ever: Sequence[RuledOut] = ()


@dataclass
class Case:
    """Facts about a trouble; the parts of the report are made of them.

    :param focus: the part that is compared. :param reference: stretches as long as it; :param quiet: all quiet time.
    :param measured: whether there are metrics. :param novel: new errors, by service.
    :param broke: services that log errors as they never did.
    """

    scene: Scene
    focus: Window
    reference: Sequence[Window]
    quiet: Sequence[Window]
    trouble: Trouble | None
    measured: bool
    suspects: list[causes.Suspect] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    deploys: list[Deploy] = field(default_factory=list)
    metrics: list[MetricMove] = field(default_factory=list)
    timeline: list[Onset] = field(default_factory=list)
    worse: list[Regression] = field(default_factory=list)
    broke: set[str] = field(default_factory=set)

    @property
    def db(self) -> Database:
        """The database that is asked."""
        return self.scene.db

    @property
    def seen(self) -> Sequence[IncidentSeen]:
        """The incidents of the trouble, the clearest first."""
        return self.trouble.seen if self.trouble else ()

    @property
    def facts(self) -> dict[str, Any]:
        """Traffic of the window."""
        return self.scene.facts

    @property
    def novel(self) -> dict[str, Novel]:
        """New errors within the focus, by service."""
        found = {t.service: t.novel for t in self.scene.troubles if t.novel}
        return {
            name: errors
            for name, errors in found.items()
            if errors.first < self.focus.end and errors.last >= self.focus.start
        }

    @property
    def thin(self) -> bool:
        """Whether there are too few traces to tell anything by."""
        return self.facts["Traces"] < LEAST_TRACES

    def base(self) -> dict[str, Any]:
        """What every report tells."""
        scene = self.scene
        return {
            "window": scene.window,
            "focus": self.focus,
            "traces": self.facts["Traces"],
            "anomalous": self.facts["Anomalous"],
            "reference": list(self.reference),
            "incidents": list(self.seen),
            "changes": self.changes,
            "metrics": self.metrics[:SHOWN_METRICS],
            "deploys": self.deploys,
            "timeline": self.timeline,
            "lines": list(scene.lone.lines),
        }


def look(  # noqa: PLR0917
    db: Database,
    window: Window,
    given: Sequence[Window] | None,
    service: str | None,
    trace: Asked | None = None,
    embedder: Embedder | None = None,
) -> Scene:
    """See which troubles a window holds.

    :param trace: only incidents that this trace belongs to count, not their neighbours in time.
    :param embedder: for the vectors by which the memory is asked.
    """
    facts, near, first, around = together(
        lambda: db.one("investigate__facts", start=window.start, end=window.end, service=service or ""),
        lambda: _incidents(db, window, service),
        lambda: utc(db.one("incidents__first", start=window.start - LOOK_BACK, end=window.end)["First"]),
        lambda: _around(db, window, service) if service else None,
    )
    if trace:
        near = [incident for incident in near if belongs(trace, incident)]
    before = _incidents(db, Window(window.start - LOOK_BACK, window.start), None)
    before = [incident for incident in before if not _ever(incident, first, window.start)]
    quiet = list(given) if given is not None else quiet_before(window, first, before, near)
    same = [Window(window.start - back, window.end - back) for back in SAME_HOURS] if given is None else []
    known, again, errors, lines, endpoints = together(
        lambda: remembered(db, {i.incident_id: i.start for i in near}, embedder),
        lambda: recurrence.of_all(db, [span(i) for i in near], [i.operations for i in near]),
        lambda: novel(db, window, [*quiet, *same] if quiet else [], near, service),
        lambda: lone.lone(db, window, _minutes(quiet), service),
        lambda: status.endpoints(db, window, quiet, service),
    )
    news, no_news = _news(near, known, again)
    news, ever = changed(news, first, window.end)
    found = troubles(near, news, [*errors, *lines.errors])
    if trace:
        found = [t for t in found if t.seen or (trace.anomalous and t.service in trace.services)][:1]
    if around:
        found = [t for t in found if not t.service or takes_part(around, t.service)]
    return Scene(db, window, given, service, facts, near, no_news, known, found, lines, endpoints, around, ever)


def takes_part(around: Around, service: str) -> bool:
    """Whether a service is in traces of the one that was asked for, or depends on it."""
    return service == around.service or around.services.get(service, 0) >= TAKES_PART * around.traces


def belongs(trace: Asked, incident: IncidentSeen) -> bool:
    """Whether a trace is one of an incident's: judged anomalous, at its time, in an operation that it affects."""
    if trace.trace_id in incident.examples:
        return True
    within = incident.start - BESIDE <= trace.at <= incident.end + BESIDE
    # Where nearly all traffic is unusual, a trace of it need not be remarkable alone.
    odd = trace.anomalous or incident.anomalous >= NEARLY_ALL * incident.traces
    return odd and within and (not incident.operations or trace.operation in incident.operations)


def compare(scene: Scene, trouble: Trouble | None = None) -> Case:
    """Hold a trouble, or the window where there is none, against quiet times, in traces and in metrics."""
    db, window = scene.db, scene.window
    focus = trouble.focus if trouble else window
    began = focus.start
    mine = {i.incident_id for i in trouble.seen} if trouble else set()
    seen, first, points, deploys = together(
        lambda: _incidents(db, Window(focus.start - LOOK_BACK, focus.start), None),
        lambda: utc(db.one("incidents__first", start=focus.start - LOOK_BACK, end=focus.end)["First"]),
        lambda: metrics.points(db, focus),
        lambda: restarts.starts(db, Window(focus.start - DEPLOYS, focus.end), began),
    )
    busy = [
        Window(i.start, i.end)
        for i in seen
        if i.incident_id not in mine and not _ever(i, first, max(focus.start, window.start))
    ]
    busy += [t.focus for t in scene.troubles if t is not trouble and t.focus.start < focus.start]
    quiet = list(scene.given) if scene.given is not None else _quiet_times(focus, first, busy, points.enough)
    reference = scene.given if scene.given is not None else blame.slices(focus, first, busy)
    clear = max((w.end for w in busy if w.end <= focus.start), default=first)
    case = Case(scene, focus, reference, quiet, trouble, bool(points.interval))
    case.deploys = _once(deploys)
    _measure(case, points, clear)
    return case


def _measure(case: Case, points: metrics.Points, clear: datetime) -> None:
    """Hold the focus against quiet times.

    :param clear: end of the trouble before, or of nothing known.
    """
    db, focus, service, held = case.db, case.focus, case.scene.service, bool(case.facts["Traces"])
    shown = metrics.padded(focus, points.interval) if case.seen else focus
    around = case.scene.around
    limited = service or "" if not case.trouble else ""
    past = [*case.quiet, *recurrence.phases(focus)]
    part = {service, *around.services} if around else None
    suspects, counted, course, worse, measured = together(
        lambda: blame.weigh(db, focus, case.reference) if held else [],
        lambda: changes.count(db, focus, case.reference) if held else changes.Counted(),
        lambda: onsets.course(db, focus, case.reference, clear) if held else [],
        lambda: releases.regressions(db, case.deploys, focus),
        lambda: metrics.measure(db, shown, past, limited) if case.measured else metrics.Measured(),
    )
    case.worse = [w for w in worse if part is None or w.service in part]
    if case.seen:  # what happens beside an incident is not its cause
        part = {name for incident in case.seen for name in incident.services} | set(case.novel)
    elif part is None:
        part = {s.service for s in suspects}
    if around:
        part = {name for name in part if takes_part(around, name)}
    # Who is silent takes part in no trace.
    case.suspects = [s for s in suspects if s.service in part or (not s.visits and not around)]
    found = changes.of(counted, focus, case.reference)
    case.changes = [c for c in found if c.service in part or not around]
    case.broke = changes.broke(counted) & part
    if case.worse and not case.trouble:  # then the trouble is the release's
        began = case.worse[0].at
        case.deploys = [replace(d, lead=round((began - d.at).total_seconds(), 1)) for d in case.deploys]
    case.metrics = metrics.moves(measured, case.deploys, len(past))
    if (case.trouble or case.worse) and held and case.reference:
        moved = [*onsets.of_visits(course, counted.usual, focus, clear), *onsets.of_lines(counted, case.changes)]
        moved = [m for m in moved if not around or m.service in part]
        moved += [
            Onset(line.at, line.service, "log line", f"outside traces: {line.text[:120]}")
            for line in case.scene.lone.lines
            if focus.start - lone.AHEAD <= line.at < focus.end
        ]
        new = case.novel
        moved = [m for m in moved if m.service not in new or m.signal != "error"]
        moved += [Onset(n.first, n.service, "error", n.words) for n in new.values()]
        case.timeline = onsets.timeline(moved, onsets.look(focus, clear), metrics=case.metrics, deploys=case.deploys)


def _once(deploys: Sequence[Deploy]) -> list[Deploy]:
    """Deploys in order of time; a release that instances take up one after another is told once, when it began."""
    kept: list[Deploy] = []
    for deploy in deploys:
        same = [
            d
            for d in kept
            if (d.kind, d.service, d.before, d.after) == (deploy.kind, deploy.service, deploy.before, deploy.after)
        ]
        if deploy.kind != "release" or not same or deploy.at - same[-1].at > SAME_RELEASE:
            kept.append(deploy)
    return kept


def _news(
    seen: Sequence[IncidentSeen], known: Mapping[str, Remembered], again: Sequence[recurrence.Recurring | None]
) -> tuple[list[IncidentSeen], list[RuledOut]]:
    """The incidents that are news, and why the others are not."""
    news, others = [], []
    for incident, same in zip(seen, again, strict=True):
        why = known[incident.incident_id].harmless or (same.words if same else "")
        if why:
            told = f"{why} ({incident.start:%H:%M:%S}: {incident.title[:120]})"
            others.append(RuledOut(incident.service, told, "incident"))
        else:
            news.append(incident)
    return news, others


def _ever(incident: IncidentSeen, first: datetime, end: datetime) -> bool:
    """Whether an incident began with the data and lasts as long as they do: then nothing shows that it is a change."""
    return incident.start - first < BEGINS and min(incident.end, end) - incident.start >= EVER * (end - first)


def changed(seen: Sequence[IncidentSeen], first: datetime, end: datetime) -> tuple[list[IncidentSeen], list[RuledOut]]:
    """The incidents that are a change, and those that are as old as the data.

    :param first: when traffic began. :param end: of the window.
    """
    kept, ever = [], []
    for incident in seen:
        if _ever(incident, first, end):
            since = f"since {incident.start:%H:%M}, as long as there is data: nothing shows that it was ever otherwise"
            ever.append(RuledOut(incident.service or "all", f"{since} ({incident.title[:120]})", "incident"))
        else:
            kept.append(incident)
    return kept, ever


def quiet_before(
    window: Window, first: datetime, before: Sequence[IncidentSeen], near: Sequence[IncidentSeen]
) -> list[Window]:
    """Quiet times to hold new errors against: before the window, or where there is hardly any, its own beginning."""
    found = _without(Window(max(first, window.start - LOOK_BACK), window.start), before)
    if sum((w.end - w.start for w in found), timedelta()) >= LEAST_QUIET:
        return found
    end = min([window.start + BEGINNING * (window.end - window.start), *(i.start - BESIDE for i in near)])
    found = _without(Window(max(first, window.start), end), before)
    return found if sum((w.end - w.start for w in found), timedelta()) >= LEAST_QUIET else []


def _without(time: Window, trouble: Sequence[IncidentSeen]) -> list[Window]:
    """The parts of a time that no incident touches."""
    found, start = [], time.start
    for incident in sorted(trouble, key=lambda i: i.start):
        if incident.start - blame.APART > start:
            found.append(Window(start, min(time.end, incident.start - blame.APART)))
        start = max(start, incident.end + blame.APART)
    if start < time.end:
        found.append(Window(start, time.end))
    return [w for w in found if w.end > w.start]


def pieces(window: Window, reference: Sequence[Window]) -> list[Window]:
    """Quiet times beside a window, cut so that there are enough to tell what is usual."""
    beside = [
        part
        for w in reference
        for part in (Window(w.start, min(w.end, window.start)), Window(max(w.start, window.end), w.end))
        if part.end - part.start >= LEAST_PIECE
    ]
    if not beside:
        return list(reference)
    each = max(LEAST_PIECE, sum((w.end - w.start for w in beside), timedelta()) / ENOUGH_PIECES)
    pieces = []
    for w in beside:
        count = max(1, int((w.end - w.start) / each))
        length = (w.end - w.start) / count
        pieces += [Window(w.start + n * length, w.start + (n + 1) * length) for n in range(count)]
    return pieces


def _minutes(quiet: Sequence[Window]) -> list[Window]:
    """Quiet times of some length: short ones hold no whole minutes."""
    return [w for w in quiet if w.end - w.start >= timedelta(minutes=1)]


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


def _around(db: Database, window: Window, service: str) -> Around:
    services: dict[str, int] = {}
    callees: dict[str, list[str]] = {}
    for row in db.rows("investigate__part", start=window.start, end=window.end, service=service):
        if row["Callee"]:
            callees.setdefault(row["Caller"], []).append(row["Callee"])
        else:
            services[row["Caller"]] = row["Traces"]
    return Around(service, services.get(service, 0), services, callees)


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
            row["Surprise"],
            tuple(row["Operations"]),
            tuple(row["Examples"]),
        )
        for row in rows
    ]
