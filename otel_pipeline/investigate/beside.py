"""Trouble that traces do not show, told in a report: error lines, silence, saturation (:mod:`.detection.signals`)."""

from collections.abc import Sequence
from dataclasses import replace

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import signals
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.detection.signals.lines import MOST
from otel_pipeline.investigate.checks import next_checks
from otel_pipeline.investigate.evidence import deployed
from otel_pipeline.investigate.model import CauseFound, Change, Investigation, Onset

ONLY = 0.8  # confidence at most: nothing but what is seen from outside
SIGNAL = {"logs": "log line", "silence": "silence", "metrics": "metric", "behavior": "latency"}
SHOWN = 5


def with_findings(db: Database, found: Investigation, service: str | None) -> Investigation:
    """The report, with findings of its window that it does not tell of yet; they are the trouble where there is none.

    :param service: the one that was asked for.
    """
    window = found.window
    told = [
        finding
        for finding in signals.find(db, _look(window))
        if finding.window.start < window.end and finding.window.end > window.start
        if service in (None, finding.service, *finding.affected)
    ]
    if not told:
        return found
    if found.verdict == "trouble":
        known = {cause.service for block in found.blocks for cause in block.causes}
        return replace(found, changes=[*found.changes, *(_change(f) for f in told if f.service not in known)])
    return _trouble(found, sorted(told, key=lambda f: (-f.surprise, f.window.start, f.service)))


def _look(window: Window) -> Window:
    """Whole hours, with one before to compare with."""
    hours = list(window.hours())
    return Window(hours[0] - HOUR, hours[-1] + HOUR)


def _trouble(found: Investigation, told: Sequence[Finding]) -> Investigation:
    """The report of findings alone: the strongest first, unless one that began no later takes it along."""
    first = next((f for f in told if told[0].service in f.affected and f.window.start <= told[0].window.start), told[0])
    services = list(dict.fromkeys(f.service for f in [first, *told]))[:SHOWN]
    causes = [_cause(found, service, [f for f in told if f.service == service], len(services)) for service in services]
    examples = [trace for f in told if f.service == first.service for trace in f.examples][:SHOWN]
    onsets = [Onset(f.window.start, f.service, SIGNAL[f.kind], f.why) for f in told]
    changes = [_change(f) for f in told]
    checks = next_checks(
        first.window, causes[0], examples=examples, changes=changes, metrics=found.metrics, deploys=found.deploys
    )
    return replace(
        found,
        verdict="trouble",
        headline=f"{first.service}: {first.why}",
        causes=causes,
        path=[first.service],
        since=first.window.start,
        changes=[*changes, *found.changes],
        examples=examples,
        isolated=[],
        next_checks=checks,
        timeline=sorted([*found.timeline, *onsets], key=lambda onset: (onset.at, onset.service)),
    )


def _cause(found: Investigation, service: str, mine: Sequence[Finding], of: int) -> CauseFound:
    moved = [move.what for move in found.metrics if move.service == service][:2]
    started = [text for d in found.deploys if d.service == service and d.lead >= 0 and (text := deployed(d))][-1:]
    others = [f"affects {', '.join(mine[0].affected)}"] if mine[0].affected else []
    times = [f"from {f.window.start:%H:%M:%S} to {f.window.end:%H:%M:%S}" for f in mine[:1]]
    facts = [*(f.why for f in mine[1:]), *moved, *started, *times, *others]
    return CauseFound(service, round(ONLY / of, 4), mine[0].surprise, mine[0].why, facts)


def _change(finding: Finding) -> Change:
    kind = {"logs": "more log lines", "silence": "traffic"}.get(finding.kind, finding.kind)
    what = finding.why.partition(MOST)[2] if finding.kind == "logs" else finding.why
    return Change(kind, finding.service, what, finding.expected, finding.observed)
