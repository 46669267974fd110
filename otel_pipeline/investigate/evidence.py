"""What speaks for a cause, and what against the loud ones beside it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, causes
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.remembered import Remembered
from otel_pipeline.detection.said import believed, may_believe
from otel_pipeline.investigate import metrics as of_metrics
from otel_pipeline.investigate.model import CauseFound, Change, Deploy, Known, MetricMove, Onset, RuledOut
from otel_pipeline.investigate.path import Calls
from otel_pipeline.investigate.releases import Regression

SHOWN = 5
SURE = 4.0  # standard deviations from which a service is suspected without an incident
EARLIER = 5.0  # seconds; onsets that are nearer cannot be told apart
RESOURCES = ("saturation", "saw-tooth", "growth")
TELLING = (*of_metrics.STANDING, "growth", "errors")
ONLY_METRICS = 0.6  # confidence at most, where no trace supports it
ALONE = 1.0  # seconds before all others, to have moved first
AS_SURE = 0.5  # of the score of who called in vain; a callee that is hardly odd was given up too early
MOSTLY = 0.5  # of its odd visits: calls to another that failed are why a service behaves oddly
RELEVANT = 900.0  # seconds; a release longer ago was there before the trouble, but is no news


def found(
    suspects: Sequence[causes.Suspect],
    reasons: Sequence[dict[str, Any]],
    *,
    metrics: Sequence[MetricMove],
    deploys: Sequence[Deploy],
    timeline: Sequence[Onset],
    calls: Calls,
    changes: Sequence[Change],
) -> list[CauseFound]:
    """The causes with their evidence, the likeliest first.

    :param changes: traffic among them tells an overload from a fault.
    """
    beside = {"metrics": metrics, "deploys": deploys, "timeline": timeline}
    ranked = [
        CauseFound(c.service, c.confidence, c.score, c.why, evidence(c.service, suspects, reasons, **beside))
        for c in blame.rank(suspects, reasons)
    ]
    ranked = order(ranked, metrics, timeline)
    flooded = {c.service for c in changes if c.kind == "traffic" and c.now > c.before}
    return deepest(ranked, suspects, metrics, calls, flooded)[:SHOWN]


def order(ranked: Sequence[CauseFound], metrics: Sequence[MetricMove], timeline: Sequence[Onset]) -> list[CauseFound]:
    """Among causes that the traces cannot tell apart from the first: who ran out of something, then who moved first."""
    if not ranked:
        return []
    near = [c for c in ranked if ranked[0].score - c.score < causes.APART and c.score >= causes.NOISE]
    short = {m.service for m in metrics if m.kind in RESOURCES}
    first = {o.service: o for o in reversed(timeline) if o.signal in ("error", "latency")}
    head = ranked[0]
    for other in near[1:]:
        if (other.service in short) != (head.service in short):
            head = other if other.service in short else head
        elif head.service in first and other.service in first:
            earlier = (first[head.service].at - first[other.service].at).total_seconds()
            head = other if earlier >= EARLIER else head
    return _first(ranked, head)


def deepest(
    ranked: Sequence[CauseFound],
    suspects: Sequence[causes.Suspect],
    metrics: Sequence[MetricMove],
    calls: Calls,
    flooded: Collection[str],
) -> list[CauseFound]:
    """Trouble climbs along calls: a service that ran out of something, or that did not answer, comes before those that
    call it, who did not run out of anything.

    Unless it was asked much more often than before: then its callers may have flooded it.
    """
    short = {m.service for m in metrics if m.kind in RESOURCES}
    if not ranked or ranked[0].service in short:
        return list(ranked)
    top = ranked[0].service
    odd = next((s.odd_visits for s in suspects if s.service == top), 0)
    silent = {callee for callee in calls.below(top) if odd and calls.failed.get((top, callee), 0) >= MOSTLY * odd}
    for cause in ranked[1:]:
        if cause.score < SURE or cause.service in flooded:
            continue
        if cause.service in short and cause.service in calls.below(top):
            return _first(ranked, cause)
        if cause.service in silent and cause.score >= AS_SURE * ranked[0].score:
            told = f"{calls.failed[top, cause.service]} times {top} called it in vain"
            mine = replace(cause, evidence=[*cause.evidence[:2], told, *cause.evidence[2:]])
            return _first([mine if c is cause else c for c in ranked], mine)
    return list(ranked)


def with_numbers(
    ranked: Sequence[CauseFound], suspects: Sequence[causes.Suspect], calls: Calls, numbers: Sequence[Change]
) -> list[CauseFound]:
    """The causes, with numbers in their lines that moved; a service that says something else than before, though it did
    not fail, comes before one that behaves oddly upon it.

    :param numbers: those of the first cause, and of what it depends on.
    """
    if not ranked or not numbers:
        return list(ranked)
    top = next((s for s in suspects if s.service == ranked[0].service), None)
    says = {change.service: change.what for change in reversed(numbers)}
    told = [
        replace(c, evidence=[*c.evidence[:2], says[c.service], *c.evidence[2:]]) if c.service in says else c
        for c in ranked
    ]
    if top is None or not may_believe(top):
        return told
    service = believed(calls.below(top.service), says, calls.below)
    if service is None:
        return told
    known = next((c for c in ranked if c.service == service), CauseFound(service, 0.0, 0.0, ""))
    mine = replace(known, why=says[service])
    return _first([*(c for c in told if c.service != service), mine], mine)


def _first(ranked: Sequence[CauseFound], head: CauseFound) -> list[CauseFound]:
    """The list with another head; shares of the evidence stay with their places: confidence falls along the list."""
    rest = [head, *(c for c in ranked if c is not head)]
    shares = sorted((c.confidence for c in ranked), reverse=True)
    return [replace(c, confidence=share) for c, share in zip(rest, shares, strict=True)]


def evidence(
    service: str,
    suspects: Sequence[causes.Suspect],
    reasons: Sequence[dict[str, Any]],
    *,
    metrics: Sequence[MetricMove],
    deploys: Sequence[Deploy],
    timeline: Sequence[Onset],
) -> list[str]:
    """Facts about a service, the strongest first."""
    mine = [m for m in metrics if m.service == service]
    telling = [m.what for m in mine if m.kind in TELLING]
    facts = telling[:2]
    facts += [told for d in deploys if d.service == service and d.lead >= 0 and (told := deployed(d))][-1:]
    traces = []
    for s in suspects:
        if s.service != service:
            continue
        if s.time >= causes.NOISE:
            traces.append(f"its own work takes {s.slower:.1f} times as long ({s.time:.1f} standard deviations)")
        if s.conduct >= causes.NOISE:
            odd = f"{s.odd_visits} of its {s.visits} visits went as they seldom do"
            traces.append(f"{odd} ({s.conduct:.1f} standard deviations)")
        if s.way >= causes.NOISE:
            traces.append(
                f"the way to it and back takes {s.longer:.1f} times as long ({s.way:.1f} standard deviations)"
            )
    own = [row for row in reasons if row["Service"] == service and row["Kind"] != "structure"]
    told = [f"{blame.words(row)} [{row['Traces']} traces]" for row in own[:SHOWN]]
    facts += [*told[:2], *traces, *told[2:]]
    moved = [o for o in timeline if o.signal in ("error", "latency", "gap", "metric", "log line")]
    others = [o.at for o in moved if o.service != service]
    if moved and moved[0].service == service and all((at - moved[0].at).total_seconds() >= ALONE for at in others):
        facts.insert(2, f"moved first of all, at {moved[0].at:%H:%M:%S}: {moved[0].what}")
    return facts + telling[2:4] + [m.what for m in mine if m.kind in ("tail", "rate", "level")][:2]


def deployed(deploy: Deploy) -> str:
    """What a deploy says about the trouble, either way; empty when it lies too far back to say anything."""
    what = f"version {deploy.after} (before: {deploy.before})" if deploy.kind == "release" else "its process"
    what = f"a rollout ({deploy.after})" if deploy.kind == "rollout" else what
    if deploy.lead < 0:
        return f"{what} started {_ago(-deploy.lead)} after the trouble had begun: so that did not cause it"
    if deploy.lead > RELEVANT:
        return ""
    if deploy.lead < 1:
        return f"{what} started as the trouble began"
    return f"{what} started {_ago(deploy.lead)} before the trouble began"


def with_regressions(ranked: Sequence[CauseFound], worse: Sequence[Regression], decide: bool) -> list[CauseFound]:
    """The causes, with what became worse in a new version of theirs.

    :param decide: nothing else tells of trouble: the release that did worst comes first.
    """
    told = [replace(c, evidence=[*[w.what for w in worse if w.service == c.service][:2], *c.evidence]) for c in ranked]
    if not decide or not worse:
        return told
    first = next((c for c in told if c.service == worse[0].service), CauseFound(worse[0].service, 0.0, 0.0, ""))
    head = replace(first, why=worse[0].what, score=max(first.score, worse[0].score))
    ranked = [head, *(c for c in told if c is not first)]
    weights = [max(0.0, c.score - causes.NOISE) ** 2 for c in ranked]
    shares = [round(weight / (sum(weights) or 1.0), 4) for weight in weights]
    return [replace(c, confidence=share) for c, share in zip(ranked, shares, strict=True)]


def by_metrics(metrics: Sequence[MetricMove], deploys: Sequence[Deploy]) -> list[CauseFound]:
    """Causes where traces are too few to tell: services whose metrics tell of trouble by themselves."""
    standing = [m for m in metrics if m.kind in of_metrics.STANDING]
    services = list(dict.fromkeys(m.service for m in standing))
    return [
        CauseFound(
            service,
            round(ONLY_METRICS / len(services), 4),
            next(m.strength for m in standing if m.service == service),
            next(m.what for m in standing if m.service == service),
            evidence(service, [], [], metrics=metrics, deploys=deploys, timeline=[]),
        )
        for service in services[:SHOWN]
    ]


def ruled_out(
    found: Sequence[CauseFound],
    reasons: Sequence[dict[str, Any]],
    suspects: Sequence[causes.Suspect],
    deploys: Sequence[Deploy],
) -> list[RuledOut]:
    """Services with many reasons that are not to blame, and deploys that came too late; with why not."""
    loud: dict[str, int] = {}
    for row in reasons:
        if row["Kind"] in ("error", "template", "latency"):
            loud[row["Service"]] = max(loud.get(row["Service"], 0), row["Traces"])
    own = {s.service: s for s in suspects}
    out = []
    for service, traces in sorted(loud.items(), key=lambda item: (-item[1], item[0])):
        if service == found[0].service:
            continue
        suspect = own.get(service)
        begins = [r for r in reasons if r["Service"] == service and r["What"].startswith("error begins")]
        if suspect and suspect.score >= SURE and begins:
            continue
        why = (
            "its errors pass through it" if not begins else "its errors are as frequent as ever, or follow from others"
        )
        extra = "" if suspect is None or suspect.time >= causes.NOISE else "; its own work is as fast as usual"
        out.append(RuledOut(service, f"seen in {traces} traces, but {why}{extra}"))
    late = [RuledOut(d.service, deployed(d)) for d in deploys if d.lead < 0 and d.kind == "release"]
    return out[:SHOWN] + late[:2]


def jobs(db: Database, focus: Window) -> list[RuledOut]:
    """Jobs that are odd, though nothing that anybody asked for depends on them."""
    rows = db.rows("investigate__jobs", start=focus.start, end=focus.end)
    return [
        RuledOut(
            row["Service"],
            f"no request waits for its own job {row['Operation']}, odd in {row['Anomalous']} of {row['Runs']} runs",
        )
        for row in rows
    ]


def known(remembered: Remembered | None) -> list[Known]:
    """The pattern that is recalled; else the one that the incident was counted under, if it was met before.

    Cause and remedy are told of the former alone.
    """
    pattern = remembered and (remembered.pattern or remembered.noted)
    if not remembered or not pattern:
        return []
    recalled = pattern is remembered.pattern
    if not recalled and (pattern.Status == "confirmed" or pattern.occurrence_count < 2):
        return []
    return [
        Known(
            str(pattern.pattern_id),
            "known harmless" if recalled and pattern.Harmless else pattern.Status,
            pattern.root_cause if recalled else "",
            pattern.resolution if recalled else "",
            pattern.occurrence_count,
            pattern.last_seen,
            pattern.error_message,
        )
    ]


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
