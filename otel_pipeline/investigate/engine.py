"""From a window to ranked causes with evidence. Deterministic; no model is asked.

The troubles of a window (:mod:`.troubles`), or else the window itself, are compared with quiet times before. A new
error decides; else the ranking is that of :mod:`otel_pipeline.detection.causes`, put in order by metrics and onsets.
Several troubles at once are several reports. "Nothing abnormal" (healthy) and "not enough evidence" (unclear)
are answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import causes, segments
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.investigate import beside, evidence, odd, path, skew, status
from otel_pipeline.investigate.checks import next_checks
from otel_pipeline.investigate.consistent import consistent
from otel_pipeline.investigate.gather import SHOWN_METRICS, Asked, Case, Scene, compare, look, pieces, takes_part
from otel_pipeline.investigate.model import CauseFound, Investigation, Status
from otel_pipeline.investigate.mutual import Mutual, mutual
from otel_pipeline.investigate.numbers import moved as numbers_moved
from otel_pipeline.investigate.path import Calls
from otel_pipeline.together import together

USUAL_ANOMALOUS = 0.002
AROUND = timedelta(seconds=30)
LEAST_ODD = 5  # visits, for what a service did to tell of trouble
LEAST_KNOWN = timedelta(seconds=90)  # of quiet traffic: services that have just begun are slow
SHOWN = 6
CANDIDATES = 8  # services of which it is seen whether they have troubles of their own
MOST_REPORTS = 3
CHANGED = 8.0  # standard deviations of how a service behaves over the window, which no single trace need show
LEAST_SHARE = 0.005  # of the evidence: a service with less, and within chance, is no candidate
AS_SURE = 0.15  # of the first cause's score, for a trouble of its own without new errors


def investigate(
    db: Database,
    window: Window,
    *,
    reference: Sequence[Window] | None = None,
    service: str | None = None,
    trace_id: str | None = None,
    embedder: Embedder | None = None,
) -> Investigation:
    """Find out what is wrong in a window, and why.

    :param reference: times to compare with; without it, pieces of the time before.
    :param service: everything in traces in which this service takes part, and how this service is doing.
    :param trace_id: look at the incident that this trace belongs to.
    :param embedder: for the vectors by which the memory is asked; without it, structure alone decides.
    :raises UserError: a trace that is not there; a service that was never seen.
    """
    if trace_id:
        asked = _asked(db, trace_id, window)
        window = Window(asked.at - AROUND, asked.at + AROUND)
        found = _of(look(db, window, reference, service, asked, embedder), chosen=reference is not None)
        return replace(_about_trace(found, asked), odd=odd.odd(db, trace_id, window))
    if service:
        status.known(db, service, window)
    scene = look(db, window, reference, service, None, embedder)
    found = beside.with_findings(db, _of(scene, chosen=reference is not None), service)
    return consistent(_about(found, scene))


def _about_trace(found: Investigation, trace: Asked) -> Investigation:
    """Of several troubles those that the trace shows: whose cause it is odd at."""
    mine = [block for block in found.blocks if block.causes and block.causes[0].service in trace.services]
    if not mine or len(mine) == len(found.blocks):
        return found
    first, *others = mine
    shared = {"endpoints": found.endpoints, "status": found.status, "incidents": found.incidents, "about": found.about}
    return consistent(replace(first, others=others, **shared))


def _of(scene: Scene, *, chosen: bool) -> Investigation:
    """The report of a window.

    :param chosen: the reference was chosen by the caller, who answers for it.
    """
    reports: list[Investigation] = []
    told: dict[str, Mutual] = {}
    for trouble in scene.troubles:
        if len(reports) < MOST_REPORTS and not any(m.explained(trouble.service, by) for by, m in told.items()):
            blocks, together_with = _trouble(compare(scene, trouble))
            known = {report.causes[0].service for report in reports}
            # A stray of an incident that begins after the window is no trouble of the window.
            begun = [b for b in blocks if not b.since or b.since < scene.window.end]
            reports += [block for block in begun if block.causes[0].service not in known]
            told |= {block.causes[0].service: together_with for block in blocks}
    if not reports:
        reports = _without_trouble(scene, chosen=chosen)
    first, *others = reports[:MOST_REPORTS]
    return consistent(replace(first, endpoints=list(scene.endpoints), others=others, status=_status(scene, first)))


def _status(scene: Scene, found: Investigation) -> Status | None:
    """How the service that was asked for does."""
    if not scene.service or found.verdict == "no data":
        return None
    beside = pieces(scene.window, found.reference)
    return status.status(scene.db, scene.window, beside, scene.service, found.changes, scene.around, scene.lone)


def _without_trouble(scene: Scene, *, chosen: bool) -> list[Investigation]:
    """The reports of a window without incidents and without new errors: it may hold trouble nevertheless."""
    case = compare(scene)
    facts, lines = case.facts, scene.lone.count
    if not facts["Traces"] and not case.measured and not lines:
        service = scene.service
        at = f"; {service} was last seen at {status.last_seen(case.db, service, scene.window)}" if service else ""
        nothing = f"no traces, no log lines and no metrics in this window{at}"
        return [Investigation(scene.window, "no data", nothing, scene.window)]
    if case.thin and (standing := evidence.by_metrics(case.metrics, case.deploys)):
        return [_by_metrics(case, standing)]
    if not facts["Traces"] and lines and case.quiet:
        return [_quiet(case, f"no traces, {lines} log lines, no errors among them that are new or many")]
    if case.thin or not case.reference:
        return [Investigation(verdict="not enough evidence", headline=_too_little(case), **case.base())]
    if not case.worse and (calm := _no_trouble(case, chosen=chosen)):
        return [calm]
    return _trouble(case)[0]


def _no_trouble(case: Case, *, chosen: bool) -> Investigation | None:
    """The report of a window without incidents; None where it holds trouble nevertheless."""
    judged = _judged(case)
    supported = _supported(case, judged)
    known = sum((window.end - window.start for window in case.reference), timedelta())
    if (supported or not judged.enough) and not chosen and known < LEAST_KNOWN:
        told = f"{case.facts['Traces']} traces, but only {known.total_seconds():.0f} s of quiet traffic before them"
        return Investigation(verdict="not enough evidence", headline=f"{told} to compare with", **case.base())
    return None if supported else _quiet(case, _healthy(case))


def _trouble(case: Case) -> tuple[list[Investigation], Mutual]:
    """The reports of a trouble: one, or several where services behave badly apart from each other; and which do so
    together.
    """
    db, focus, novel = case.db, case.focus, case.novel
    where = {"start": focus.start, "end": focus.end}
    examples = [trace for errors in novel.values() for trace in errors.examples]
    head = case.trouble.service if case.trouble and case.trouble.novel else ""
    asked = list(dict.fromkeys([*filter(None, [head]), *novel, *(s.service for s in case.suspects[:CANDIDATES])]))
    entered, called, jobs, same = together(
        lambda: path.entries(db, focus),
        lambda: path.calls(db, focus, examples),
        lambda: evidence.jobs(db, focus),
        lambda: mutual(db, focus, case.reference, asked, case.facts["Traces"]),
    )
    operations = [(row["Service"], row["Operation"]) for row in entered]
    reasons = db.rows("incidents__reasons", **where, operations=operations)
    found = evidence.found(
        case.suspects,
        reasons,
        metrics=case.metrics,
        deploys=case.deploys,
        timeline=case.timeline,
        calls=called,
        changes=case.changes,
    )
    around = case.scene.around
    found = [c for c in found if not around or takes_part(around, c.service)]
    decide = not case.trouble
    found = evidence.with_regressions(found, case.worse, decide=decide)
    if decide and not case.worse and case.broke and case.suspects[0].score < evidence.SURE:
        found = _broke_first(found, case.broke, called)
    found = evidence.new_errors_first(found, head, novel, called, same)
    below = [found[0].service, *called.below(found[0].service)] if found else []
    numbers = numbers_moved(db, focus, case.reference, below)
    found = evidence.with_numbers(found, case.suspects, called, numbers)
    if not found:
        return [], same
    case.changes = [*numbers, *case.changes]
    case.metrics.sort(key=lambda move: (move.kind not in evidence.TELLING, move.service != found[0].service))
    heads = _heads(case, found, same)
    parts = _Parts(case, found, heads, called, entered, reasons, same)
    reports = together(*(partial(_report, parts, number) for number in range(len(heads))))
    reports[0] = replace(reports[0], ruled_out=[*reports[0].ruled_out, *jobs, *case.scene.no_news, *case.scene.ever])
    return reports, same


@dataclass(frozen=True)
class _Parts:
    """What the reports of a trouble are made of. :param heads: the service that each is about."""

    case: Case
    found: Sequence[CauseFound]
    heads: Sequence[str]
    called: Calls
    entered: Sequence[dict[str, Any]]
    reasons: Sequence[dict[str, Any]]
    same: Mutual

    def owner(self, service: str) -> int:
        """The number of the report that a service belongs to: whose trouble goes with its own, else who calls it."""
        if service in self.heads:
            return self.heads.index(service)
        shares = [self.same.share(service, head) for head in self.heads]
        if max(shares) > 0:
            return shares.index(max(shares))
        above = [n for n, head in enumerate(self.heads) if head in self.called.below(service)]
        return above[0] if above else 0


def _heads(case: Case, found: Sequence[CauseFound], same: Mutual) -> list[str]:
    """The services with troubles of their own, the first cause first: by new errors, or by how sure they are."""
    top = found[0]
    others = [
        c.service
        for c in found[1:]
        if (c.service in case.novel and case.novel[c.service].visits)
        or (c.score >= max(evidence.SURE, AS_SURE * top.score) and c.service in {s.service for s in case.suspects})
    ]
    if case.scene.around:
        others = [name for name in others if takes_part(case.scene.around, name)]
    others.sort(key=lambda name: name not in case.novel)
    return [top.service, *same.apart([top.service], others)][:MOST_REPORTS]


def _report(parts: _Parts, number: int) -> Investigation:
    """One of the reports of a trouble."""
    case, service = parts.case, parts.heads[number]
    several = len(parts.heads) > 1
    mine = [c for c in parts.found if c.service == service or (parts.owner(c.service) == number)]
    mine.sort(key=lambda c: c.service != service)
    mine = [c for c in mine if c.service not in parts.heads or c.service == service]
    top = replace(mine[0], evidence=_with_lines(case, mine[0]))
    if number and service in case.novel:
        top = replace(top, why=case.novel[service].words)
    mine = evidence.alone(
        [
            top,
            *(c for c in mine[1:] if c.confidence >= LEAST_SHARE or c.score >= causes.NOISE or c.service in case.novel),
        ]
    )
    errors = case.novel.get(service)
    entered = [*_endpoints(case, service), *parts.entered]
    where = {"start": case.focus.start, "end": case.focus.end}
    rows, skewed = together(
        lambda: case.db.rows("investigate__examples", **where, service=service),
        lambda: skew.skewed(case.db, case.focus, case.reference, service, by=_by(case, service)),
    )
    own = [row["TraceId"] for row in rows if row["Mine"] or not (number or errors)]
    examples = list(dict.fromkeys([*(errors.examples if errors else ()), *own]))[:5]
    seen = min(case.seen, key=lambda i: i.service != service, default=None) if not number else None
    remembered = case.scene.known[seen.incident_id] if seen else None
    others = [head for head in parts.heads if head != service]
    reasons = [r for r in parts.reasons if not (errors and not errors.visits)]
    reasons = [r for r in reasons if not several or parts.owner(r["Service"]) == number]
    changes = [c for c in case.changes if not several or parts.owner(c.service) == number]
    affected, out = evidence.beside(mine, reasons, case.suspects, changes, others)
    base = case.base() | {
        "changes": changes,
        "timeline": [o for o in case.timeline if not several or parts.owner(o.service) == number],
        "metrics": [m for m in case.metrics if not several or parts.owner(m.service) == number][:SHOWN_METRICS],
        "incidents": list(case.seen) if not number else [],
    }
    return Investigation(
        verdict="trouble",
        headline=_headline(case, top, seen, few=evidence.weak(case.suspects) and not errors and not case.worse),
        causes=mine,
        path=path.path(parts.called, entered, service),
        affected=affected,
        ruled_out=[*out, *(evidence.late(case.deploys) if not number else [])],
        known=evidence.known(remembered),
        recall=remembered.why if remembered else "",
        examples=examples,
        skewed=skewed,
        since=_since(case, service, parts.same),
        next_checks=next_checks(
            case.focus,
            top,
            examples=examples,
            changes=changes,
            metrics=case.metrics,
            deploys=case.deploys,
            skew=skewed,
        ),
        **base,
    )


def _headline(case: Case, top: CauseFound, seen: Any, few: bool) -> str:
    title = seen.title if seen and seen.service == top.service and top.service not in case.novel else ""
    if not title:
        ends = f" (affects {_affects(case, top.service)})" if _affects(case, top.service) else ""
        title = f"{top.service}: {top.why}{ends}"
    if few:
        title = (
            f"weak evidence, no service differs from quiet times by more than chance; by what is odd in traces: {title}"
        )
    return title


def _affects(case: Case, service: str) -> str:
    errors = case.novel.get(service)
    if not errors or not errors.endpoints:
        return ""
    more = f" and {len(errors.endpoints) - 1} more" if len(errors.endpoints) > 1 else ""
    return f"{next(name for name, _ in errors.endpoints)}{more}"


def _endpoints(case: Case, service: str) -> list[dict[str, Any]]:
    errors = case.novel.get(service)
    return [
        {"Service": name.split(" ", 1)[0], "Operation": name.split(" ", 1)[-1], "Anomalous": count}
        for name, count in (errors.endpoints if errors else ())
    ]


def _with_lines(case: Case, top: CauseFound) -> list[str]:
    """The evidence, with calls made more or less often, and what was logged outside traces shortly before."""
    said = evidence.said_before(case.scene.lone.lines, top.service, case.focus.start)
    return [*top.evidence[:2], *evidence.repeated(case.changes, top.service), *said, *top.evidence[2:]]


def _by(case: Case, service: str) -> str:
    """What makes a trace a bad one, to see what bad ones have in common: errors, slowness, or anomalies."""
    if service in case.novel:
        return "errors"
    mine = next((s for s in case.suspects if s.service == service), None)
    if mine and mine.score >= evidence.SURE and max(mine.time, mine.way) >= mine.conduct:
        return "slow"
    return "anomalies" if case.facts["Anomalous"] >= skew.LEAST_BAD else "errors"


def _since(case: Case, service: str, same: Mutual) -> datetime:
    """When the trouble of a service began."""
    errors = case.novel.get(service)
    if errors:
        return errors.first
    moved = [o.at for o in case.timeline if o.service == service and o.signal in ("error", "latency", "gap")]
    return min([*moved, *([case.focus.start] if not moved else [])])


def _broke_first(found: list[CauseFound], broke: set[str], called: Calls) -> list[CauseFound]:
    """Services that log errors as they never did come first where nothing else is sure; of these the deepest."""
    deepest = [c for c in found if c.service in broke and not broke & set(called.below(c.service))]
    head = deepest[0] if deepest else next((c for c in found if c.service in broke), found[0])
    return [head, *(c for c in found if c is not head)]


def _about(found: Investigation, scene: Scene) -> Investigation:
    """The report with what it means for the service that was asked for: is it the service, or what it depends on?"""
    service, around = scene.service or "", scene.around
    if not around:
        return found
    if found.verdict == "nothing abnormal":
        below = f" and what it depends on ({', '.join(around.calls[:SHOWN])})" if around.calls else ""
        return replace(found, about=f"{service} itself{below}: as usual")
    if found.verdict != "trouble":
        return found
    told = []
    for block in found.blocks:
        cause = block.causes[0].service
        if cause == service:
            told.append(f"{service} itself")
        elif cause in around.calls:
            told.append(f"{cause}, on which {service} depends")
        elif cause in around.called_by:
            told.append(f"{cause}, which calls {service}; {service} itself is not the cause")
        elif takes_part(around, cause):
            told.append(f"{cause}, beside {service} in the same traces; {service} itself is not the cause")
        else:
            told.append(f"{cause}, apart from {service}")
    return replace(found, about=f"the trouble is in {'; and in '.join(dict.fromkeys(told))}")


def _by_metrics(case: Case, standing: Sequence[CauseFound]) -> Investigation:
    few = "no traces" if not case.facts["Traces"] else f"only {case.facts['Traces']} traces"
    return Investigation(
        verdict="trouble",
        headline=f"{standing[0].service}: {standing[0].why} (told by metrics; {few})",
        causes=list(standing),
        path=[standing[0].service],
        ruled_out=case.scene.no_news,
        since=min(m.since for m in case.metrics if m.service == standing[0].service),
        next_checks=next_checks(case.focus, standing[0], examples=[], metrics=case.metrics, deploys=case.deploys),
        **case.base(),
    )


def _quiet(case: Case, headline: str) -> Investigation:
    service = case.scene.service or ""
    rows = case.db.rows("investigate__examples", start=case.focus.start, end=case.focus.end, service=service)
    return Investigation(
        verdict="nothing abnormal",
        headline=headline,
        ruled_out=[*evidence.jobs(case.db, case.focus), *case.scene.no_news, *case.scene.ever],
        isolated=[row["TraceId"] for row in rows if row["Mine"] or not service],
        **case.base(),
    )


def _supported(case: Case, judged: "_Judged") -> bool:
    """Whether the window holds more than isolated anomalies, although no incident was made of them.

    A service that logs errors as it never did is trouble, and one whose requests as a whole behave unlike before. Else
    judged traces that point at the first suspect must come as a burst; where no baseline has judged, a service must
    clearly differ from quiet times.
    """
    most = case.suspects[0] if case.suspects else None
    if case.scene.no_news or not most:
        return False
    if case.broke or most.change.score >= CHANGED:
        return True
    few = most.score == most.conduct and most.odd_visits < LEAST_ODD
    if most.score < evidence.SURE or few or not judged.enough:
        return most.score >= evidence.SURE and not few
    usual = max(USUAL_ANOMALOUS, (judged.anomalous_before + 0.5) / (judged.before + 1))
    burst = segments.burst_surprise(max(1, judged.now), judged.anomalous, min(0.99, usual))
    return judged.anomalous >= segments.LEAST_ANOMALOUS and burst >= segments.LEAST_SURPRISE


@dataclass(frozen=True)
class _Judged:
    """Judged traces in the window and before; of the anomalous ones, those that point at the first suspect.

    :param enough: it judged most of the window.
    """

    now: int
    anomalous: int
    before: int
    anomalous_before: int
    enough: bool


def _judged(case: Case) -> _Judged:
    windows = [case.focus, *case.reference]
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    row = case.db.one("investigate__judged", **where, service=case.suspects[0].service if case.suspects else "")
    counts = (row[name] for name in ("Now", "Anomalous", "Before", "AnomalousBefore"))
    return _Judged(*counts, enough=2 * row["Now"] >= case.facts["Asked"])


def _asked(db: Database, trace_id: str, window: Window) -> Asked:
    rows = db.rows("investigate__trace", trace=trace_id, start=window.start, end=window.end)
    if not rows:
        raise UserError(f"no trace {trace_id} between the times asked for; see that it has been materialized")
    row = rows[0]
    odd_one = row["Verdict"] == "anomalous"
    return Asked(trace_id, utc(row["Timestamp"]), row["Operation"], odd_one, tuple(row["Services"]))


def _too_little(case: Case) -> str:
    traces = case.facts["Traces"]
    if not traces:
        return "log lines only, and no quiet time before" if case.scene.lone.count else "metrics only, none is abnormal"
    return f"{traces} traces are too few to tell" if case.reference else f"{traces} traces, but no quiet time before"


def _healthy(case: Case) -> str:
    odd_ones = case.facts["Anomalous"] - case.facts["Jobs"]
    told = f"{case.facts['Traces']} traces, {odd_ones} of them anomalous"
    if case.facts["Jobs"]:
        told += f" and {case.facts['Jobs']} runs of jobs that no request waits for"
    no_news = case.scene.no_news
    if no_news:
        return f"{told}; what is odd is no news: {no_news[0].service}, {no_news[0].why}"
    most = case.suspects[0] if case.suspects else None
    tail = f"; the most unusual service is {most.service} ({most.score:.1f} standard deviations)" if most else ""
    blips = [f"{e.operation} {blip}" for e in case.scene.endpoints for blip in e.blips]
    tail += f"; a short blip: {blips[0]}" if blips else ""
    return f"{told}, no incident{tail}"
