"""What speaks for a cause, and what against the loud ones beside it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, causes
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.remembered import Remembered
from otel_pipeline.detection.said import believed, may_believe
from otel_pipeline.investigate import metrics as of_metrics
from otel_pipeline.investigate.model import CauseFound, Change, Deploy, Known, LoneLine, MetricMove, Onset, RuledOut
from otel_pipeline.investigate.mutual import Mutual
from otel_pipeline.investigate.novel import Novel
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
ERROR = 17
MANY = 0.05  # of the traces of the loudest service: who is odd in fewer is not worth a word
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
        for c in blame.rank([] if weak(suspects) and reasons else suspects, reasons)
    ]
    ranked = order(ranked, metrics, timeline)
    flooded = {c.service for c in changes if c.kind == "traffic" and c.now > c.before}
    return deepest(ranked, suspects, metrics, calls, flooded)[:SHOWN]


def weak(suspects: Sequence[causes.Suspect]) -> bool:
    """Whether no service differs from quiet times by more than any may by chance: their order would be a lottery."""
    return max((s.score for s in suspects), default=0.0) < causes.NOISE


def new_errors_first(
    ranked: Sequence[CauseFound], head: str, novel: Mapping[str, Novel], calls: Calls, mutual: Mutual
) -> list[CauseFound]:
    """A new error decides: the service at which it begins is the first cause, and all that show new errors say so.

    Unless what that service calls behaves badly in the same traces, more surely than by chance: then its errors are how
    it suffers, such as giving up on somebody slow.

    :param head: the service whose new errors make the trouble; empty where they do not.
    """
    told = [replace(c, evidence=_new(novel[c.service], c.evidence)) if c.service in novel else c for c in ranked]
    told += [
        CauseFound(n.service, 0.0, 0.0, n.words, n.facts)
        for n in novel.values()
        if n.service not in {c.service for c in ranked}
    ]
    if head not in novel:
        return told
    first = next(c for c in told if c.service == head)
    below = set(calls.below(head))
    for cause in told:
        if cause.service in below and cause.score >= SURE and mutual.explained(head, cause.service):
            says = f"{head} fails upon it: {novel[head].words}"
            mine = replace(cause, evidence=[cause.evidence[0], says, *cause.evidence[1:]] if cause.evidence else [says])
            return _first([mine if c is cause else c for c in told], mine)
    words = novel[head].words
    mine = replace(
        first,
        why=words,
        score=max(first.score, min(99.0, novel[head].surprise)),
        evidence=[fact for fact in first.evidence if fact != words],
    )
    rest = [c for c in told if c is not first and (c.score >= causes.NOISE or c.service in novel)]
    return _first([mine, *rest], mine)


def _new(errors: Novel, facts: Sequence[str]) -> list[str]:
    """Facts about a service, with its new errors among them."""
    more = [fact for fact in errors.facts[2:] if not fact.startswith("new error")]
    return [errors.words, *facts[:2], *errors.facts[:2], *more, *facts[2:]]


def said_before(lines: Sequence[LoneLine], service: str, began: datetime) -> list[str]:
    """New lines outside traces from shortly before the trouble, about a service: its own, and those that name it."""
    return [
        f"{_ago((began - line.at).total_seconds())} before: {line.service} logged {line.text[:100]!r}"
        for line in lines
        if line.severity < ERROR
        and timedelta(0) <= began - line.at
        and (line.service == service or names(line.text, service))
    ][:2]


def repeated(changes: Sequence[Change], service: str) -> list[str]:
    """Calls from and to a service that are made more or less often than before, such as by retries."""
    return [
        f"{c.service} makes {c.now:g} {c.what}, usually {c.before:g}"
        for c in changes
        if c.kind == "calls" and (c.service == service or c.what.startswith(f"calls to {service} "))
    ][:2]


def names(text: str, service: str) -> bool:
    """Whether a text names a service, as a word of its own."""
    return bool(re.search(rf"(?<![\w-]){re.escape(service)}(?![\w])", text))


def alone(causes_found: Sequence[CauseFound]) -> list[CauseFound]:
    """Causes whose shares sum up to one again, after some were told elsewhere."""
    total = sum(c.confidence for c in causes_found)
    if total <= 0:
        return [replace(c, confidence=1.0 if c is causes_found[0] else 0.0) for c in causes_found]
    return [replace(c, confidence=round(c.confidence / total, 4)) for c in causes_found]


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
            traces.append(f"its self time is {s.slower:.1f} times as long ({s.time:.1f} standard deviations)")
        if s.conduct >= causes.NOISE:
            odd = f"{s.odd_visits} of its {s.visits} requests behaved unlike the baseline"
            traces.append(f"{odd} ({s.conduct:.1f} standard deviations)")
        if s.way >= causes.NOISE:
            traces.append(f"the network time to it is {s.longer:.1f} times as long ({s.way:.1f} standard deviations)")
        if s.change.score >= causes.NOISE:
            traces.insert(0, f"{s.change.words} ({s.change.score:.1f} standard deviations)")
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


def beside(
    found: Sequence[CauseFound],
    reasons: Sequence[dict[str, Any]],
    suspects: Sequence[causes.Suspect],
    changes: Sequence[Change] = (),
    others: Collection[str] = (),
) -> tuple[list[RuledOut], list[RuledOut]]:
    """Services with many reasons that are not to blame: those that suffer from the cause, and those that are merely
    loud; with why not.

    :param changes: who has changed suffers; who has not is ruled out.
    :param others: services with reports of their own.
    """
    loud: dict[str, int] = {}
    for row in reasons:
        if row["Kind"] in ("error", "template", "latency"):
            loud[row["Service"]] = max(loud.get(row["Service"], 0), row["Traces"])
    own = {s.service: s for s in suspects}
    failing = {c.service: c for c in changes if c.kind == "errors" and c.now > c.before}
    affected, out = [], []
    for service, traces in sorted(loud.items(), key=lambda item: (-item[1], item[0])):
        if service == found[0].service or service in others:
            continue
        suspect = own.get(service)
        begins = [r for r in reasons if r["Service"] == service and r["What"].startswith("error begins")]
        if suspect and suspect.score >= SURE and begins:
            continue
        fast = "" if suspect is None or suspect.time >= causes.NOISE else "; its self time is as usual"
        errors = any(r["Service"] == service and r["Kind"] == "error" for r in reasons)
        if traces < MANY * max(loud.values()):
            continue
        if service in failing:
            share = f"{failing[service].now:.0%} of its requests fail, usually {failing[service].before:.1%}"
            how = "follows from others" if begins else "the errors pass through it"
            affected.append(RuledOut(service, f"{share}, but {how}{fast}"))
        else:
            if not errors and suspect is None:  # nothing was compared
                continue
            if errors:
                passing = "its errors are as frequent as ever, or follow from others"
                why = passing if begins else "its errors pass through it"
            elif suspect and suspect.score >= causes.NOISE:
                why = f"it differs by {suspect.score:.1f} standard deviations, far less than {found[0].service}"
            else:
                why = "it does not differ from quiet times by more than chance"
            out.append(RuledOut(service, f"odd in {traces} traces, but {why}{fast}"))
    told = {a.service for a in affected}
    affected += [
        RuledOut(c.service, f"{c.now:.0%} of its requests fail, usually {c.before:.1%}; no error begins there")
        for c in failing.values()
        if c.service not in told and c.service not in others and c.service != found[0].service and c.service not in loud
    ]
    return affected[:SHOWN], out[:SHOWN]


def late(deploys: Sequence[Deploy]) -> list[RuledOut]:
    """Releases that came too late to be the cause."""
    return [RuledOut(d.service, deployed(d), "release") for d in deploys if d.lead < 0 and d.kind == "release"][:2]


def jobs(db: Database, focus: Window) -> list[RuledOut]:
    """Jobs that are odd, though nothing that anybody asked for depends on them."""
    rows = db.rows("investigate__jobs", start=focus.start, end=focus.end)
    return [
        RuledOut(
            row["Service"],
            f"no request waits for its own job {row['Operation']}, odd in {row['Anomalous']} of {row['Runs']} runs",
            "job",
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
