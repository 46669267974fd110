"""One place that keeps a report from contradicting itself.

What is listed as a cause, as new or as changed is never "ruled out": a service with symptoms of its own is affected.
This holds over all reports of a window, for what one rules out may be another's cause. Where nothing is wrong, what an
incident that is no news changed is no change. :func:`contradictions` says what is left, for tests.
"""

from collections.abc import Iterator
from dataclasses import replace

from otel_pipeline.investigate.model import Investigation, RuledOut

TROUBLED = ("errors", "latency", "traffic", "calls", "new log line", "more log lines", "vanished log line", "numbers")
MOVED = ("error", "latency", "gap", "log line", "metric")


def consistent(found: Investigation) -> Investigation:
    """The report, and those of the other troubles beside it, without contradictions."""
    return replace(_mended(found, found), others=[_mended(other, found) for other in found.others])


def contradictions(found: Investigation) -> list[str]:
    """What a report rules out, or calls affected, and lists as a cause or as new or changed all the same."""
    blamed = {block.causes[0].service for block in found.blocks if block.causes}
    wrong = []
    for block in found.blocks:
        listed = set(_listed(found))
        wrong += [
            f"{o.service}: ruled out, though listed"
            for o in block.ruled_out
            if o.kind == "service" and o.service in listed
        ]
        wrong += [f"{o.service}: affected, though a cause" for o in block.affected if o.service in blamed]
        late = {(o.service, o.why) for o in block.ruled_out if o.kind == "release"}
        wrong += [
            f"{s}: release ruled out and blamed" for s, why in late for c in block.causes[:1] if why in c.evidence
        ]
    if found.verdict != "trouble":
        explained = {o.service for o in found.ruled_out if o.kind in ("incident", "job")}
        wrong += [f"{c.service}: no news, though changed" for c in found.changes if c.service in explained]
    if found.verdict != "trouble" and (found.others or any(block.causes for block in found.blocks)):
        wrong.append(f"{found.verdict}, though there are causes")
    return wrong


def _mended(block: Investigation, whole: Investigation) -> Investigation:
    listed = set(_listed(whole))
    blamed = {other.causes[0].service for other in whole.blocks if other.causes}
    candidates = {cause.service for other in whole.blocks for cause in other.causes}
    ruled = [out for out in block.ruled_out if out.kind != "service" or out.service not in listed]
    known = {out.service for out in block.affected}
    moved = [
        RuledOut(out.service, _suffers(out.why))
        for out in block.ruled_out
        if out.kind == "service" and out.service in listed and out.service not in known | candidates
    ]
    affected = [out for out in [*block.affected, *moved] if out.service not in blamed]
    if block.verdict != "trouble":
        explained = {out.service for out in block.ruled_out if out.kind in ("incident", "job")}
        block = replace(
            block,
            changes=[change for change in block.changes if change.service not in explained],
            timeline=[onset for onset in block.timeline if onset.service not in explained],
        )
    return replace(block, ruled_out=ruled, affected=affected)


def _suffers(why: str) -> str:
    return why.replace("but its errors are as frequent as ever, or follow from others", "follows from others")


def _listed(found: Investigation) -> Iterator[str]:
    """Services that the reports list as causes, or with something new or changed."""
    for block in found.blocks:
        if block.verdict == "trouble":
            yield from (cause.service for cause in block.causes)
        yield from (change.service for change in block.changes if change.kind in TROUBLED)
        yield from (onset.service for onset in block.timeline if onset.signal in MOVED)
        yield from (move.service for move in block.metrics)
