"""From a window to ranked causes with evidence. Deterministic; no model is asked.

Incidents of the window, or else the window itself, are compared with quiet times before; the ranking is that of the
incidents (:mod:`otel_pipeline.detection.causes`), strengthened and put in order by metrics and onsets. "Nothing
abnormal" and "not enough evidence" are answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import segments
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.investigate import beside, evidence, odd, path, skew, status
from otel_pipeline.investigate.checks import next_checks
from otel_pipeline.investigate.gather import Case, gather
from otel_pipeline.investigate.model import CauseFound, Investigation
from otel_pipeline.investigate.numbers import moved as numbers_moved
from otel_pipeline.together import together

USUAL_ANOMALOUS = 0.002
AROUND = timedelta(seconds=30)
LEAST_ODD = 5  # visits, for what a service did to tell of trouble
LEAST_KNOWN = timedelta(seconds=90)  # of quiet traffic: services that have just begun are slow


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
    :param service: only incidents that this service takes part in, and how this service is doing.
    :param trace_id: look at the incident of this trace.
    :param embedder: for the vectors by which the memory is asked; without it, structure alone decides.
    :raises UserError: a trace that is not there; a service that was never seen.
    """
    moment = _began(db, trace_id, window) if trace_id else None
    if trace_id and moment:
        window = Window(moment - AROUND, moment + AROUND)
        found = _of(gather(db, window, reference, service, moment, embedder), chosen=reference is not None)
        return replace(found, odd=odd.odd(db, trace_id, window))
    if service:
        status.known(db, service, window)
    found = _of(gather(db, window, reference, service, None, embedder), chosen=reference is not None)
    return beside.with_findings(db, found, service)


def _of(case: Case, *, chosen: bool) -> Investigation:
    """The report of what was gathered.

    :param chosen: the reference was chosen by the caller, who answers for it.
    """
    window, service = case.window, case.service
    if not case.facts["Traces"] and not case.measured:
        at = f"; {service} was last seen at {status.last_seen(case.db, service, window)}" if service else ""
        return Investigation(window, "no data", f"no traces and no metrics in this window{at}", window)
    if not case.seen and case.thin and (standing := evidence.by_metrics(case.metrics, case.deploys)):
        return _by_metrics(case, standing)
    if not case.facts["Traces"]:
        return Investigation(
            verdict="not enough evidence", headline="metrics only, and none is abnormal", **case.base()
        )
    if not case.seen and (case.thin or not case.reference):
        headline = _too_little(case.facts, case.reference)
        return Investigation(verdict="not enough evidence", headline=headline, **case.base())
    if not case.seen and not case.worse and (calm := _no_trouble(case, chosen=chosen)):
        return calm
    return _trouble(case)


def _no_trouble(case: Case, *, chosen: bool) -> Investigation | None:
    """The report of a window without incidents; None where it holds trouble nevertheless."""
    judged = _judged(case)
    supported = _supported(case, judged)
    known = sum((window.end - window.start for window in case.reference), timedelta())
    if (supported or not judged.enough) and not chosen and known < LEAST_KNOWN:
        told = f"{case.facts['Traces']} traces, but only {known.total_seconds():.0f} s of quiet traffic before them"
        return Investigation(verdict="not enough evidence", headline=f"{told} to compare with", **case.base())
    return None if supported else _quiet(case)


def _trouble(case: Case) -> Investigation:
    db, focus = case.db, case.focus
    where = {"start": focus.start, "end": focus.end}
    entered = path.entries(db, focus)
    operations = [(row["Service"], row["Operation"]) for row in entered]
    reasons, called, jobs = together(
        lambda: db.rows("incidents__reasons", **where, operations=operations),
        lambda: path.calls(db, focus),
        lambda: evidence.jobs(db, focus),
    )
    found = evidence.found(
        case.suspects,
        reasons,
        metrics=case.metrics,
        deploys=case.deploys,
        timeline=case.timeline,
        calls=called,
        changes=case.changes,
    )
    found = evidence.with_regressions(found, case.worse, decide=not case.seen)
    asked = [found[0].service, *called.below(found[0].service)]
    skewed, numbers = together(
        lambda: skew.skewed(db, focus, found[0].service, case.facts["Anomalous"]),
        lambda: numbers_moved(db, focus, case.reference, asked),
    )
    found = evidence.with_numbers(found, case.suspects, called, numbers)
    case.changes = [*numbers, *case.changes]
    top = found[0]
    examples = [row["TraceId"] for row in db.rows("investigate__examples", **where, service=top.service)]
    case.metrics.sort(key=lambda move: (move.kind not in evidence.TELLING, move.service != top.service))
    title = case.seen[0].title if case.seen and case.seen[0].service == top.service else f"{top.service}: {top.why}"
    remembered = case.memory[case.seen[0].incident_id] if case.seen else None
    return Investigation(
        verdict="trouble",
        headline=title,
        causes=found,
        path=path.path(called, entered, top.service),
        ruled_out=[
            *evidence.ruled_out(found, reasons, case.suspects, case.deploys),
            *jobs,
            *case.no_news,
        ],
        known=evidence.known(remembered),
        recall=remembered.why if remembered else "",
        examples=examples,
        skewed=skewed,
        next_checks=next_checks(
            focus,
            top,
            examples=examples,
            changes=case.changes,
            metrics=case.metrics,
            deploys=case.deploys,
            skew=skewed,
        ),
        **case.base(),
    )


def _by_metrics(case: Case, standing: Sequence[CauseFound]) -> Investigation:
    few = "no traces" if not case.facts["Traces"] else f"only {case.facts['Traces']} traces"
    return Investigation(
        verdict="trouble",
        headline=f"{standing[0].service}: {standing[0].why} (told by metrics; {few})",
        causes=list(standing),
        path=[standing[0].service],
        ruled_out=case.no_news,
        next_checks=next_checks(case.focus, standing[0], examples=[], metrics=case.metrics, deploys=case.deploys),
        **case.base(),
    )


def _quiet(case: Case) -> Investigation:
    rows = case.db.rows("investigate__examples", start=case.focus.start, end=case.focus.end, service="")
    return Investigation(
        verdict="nothing abnormal",
        headline=_healthy(case),
        ruled_out=[*evidence.jobs(case.db, case.focus), *case.no_news],
        isolated=[row["TraceId"] for row in rows],
        **case.base(),
    )


def _supported(case: Case, judged: "_Judged") -> bool:
    """Whether the window holds more than isolated anomalies, although no incident was made of them.

    Judged traces that point at the first suspect must come as a burst, or it must log errors as it never did; where no
    baseline has judged, a service must clearly differ from quiet times.
    """
    most = case.suspects[0] if case.suspects else None
    if case.no_news or not most or most.score < evidence.SURE:
        return False
    if most.score == most.conduct and most.odd_visits < LEAST_ODD:
        return False
    if most.service in case.broke:
        return True
    if not judged.enough:
        return True
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


def _began(db: Database, trace_id: str, window: Window) -> datetime:
    rows = db.rows("investigate__trace", trace=trace_id, start=window.start, end=window.end)
    if not rows:
        raise UserError(f"no trace {trace_id} between the times asked for; see that it has been materialized")
    return utc(rows[0]["Timestamp"])


def _too_little(facts: dict[str, Any], reference: Sequence[Window]) -> str:
    if not reference:
        return f"{facts['Traces']} traces, but no earlier quiet time to compare with"
    return f"{facts['Traces']} traces are too few to tell"


def _healthy(case: Case) -> str:
    odd = case.facts["Anomalous"] - case.facts["Jobs"]
    told = f"{case.facts['Traces']} traces, {odd} of them anomalous"
    if case.facts["Jobs"]:
        told += f" and {case.facts['Jobs']} runs of jobs that no request waits for"
    if case.no_news:
        return f"{told}; what is odd is no news: {case.no_news[0].service}, {case.no_news[0].why}"
    most = case.suspects[0] if case.suspects else None
    tail = f"; the most unusual service is {most.service} ({most.score:.1f} standard deviations)" if most else ""
    return f"{told}, no incident{tail}"
