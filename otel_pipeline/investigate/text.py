"""An investigation as text that a person understands in a minute."""

from collections.abc import Iterator
from datetime import datetime

from otel_pipeline.investigate.model import Investigation

CHANGES = 8


def text(found: Investigation) -> str:
    """The report; several lines, no markup."""
    return "\n".join(_lines(found))


def _lines(found: Investigation) -> Iterator[str]:
    yield f"{found.verdict.upper()}: {found.headline}"
    span = f"{_time(found.window.start)} to {_time(found.window.end)}"
    yield f"window   {span} UTC: {found.traces} traces, {found.anomalous} anomalous"
    if found.focus != found.window:
        yield f"focus    {_time(found.focus.start)} to {_time(found.focus.end)} UTC"
    if found.reference:
        yield f"against  {len(found.reference)} stretches of quiet traffic, from {_time(found.reference[-1].start)} UTC"
    if len(found.incidents) > 1:
        yield "incidents"
        for incident in found.incidents:
            share = f"{incident.anomalous} of {incident.traces} traces"
            yield f"  {_time(incident.start)}  {share}. {incident.title[:110]}"
    yield from _causes(found)
    if found.changes:
        yield "changes"
    for change in found.changes[:CHANGES]:
        what = f"{change.service}: {change.kind}: {change.what[:110]}"
        yield f"  {what}: {change.before:g} before, {change.now:g} now"
    for out in found.ruled_out:
        yield f"ruled out {out.service}: {out.why}"
    for known in found.known:
        yield f"seen before ({known.status}, {known.occurrences} times): {known.message[:120]}"
        if known.remedy:
            yield f"  cause: {known.root_cause}; what fixed it: {known.remedy}"
    if found.examples:
        yield f"examples {' '.join(found.examples[:3])}"
    for check in found.next_checks:
        yield f"next     {check}"


def _causes(found: Investigation) -> Iterator[str]:
    if found.causes:
        yield "causes"
    for number, cause in enumerate(found.causes[:3], 1):
        yield f"  {number}. {cause.service} ({cause.confidence:.0%}): {cause.why}"
        for line in cause.evidence[:4]:
            yield f"       {line}"
    if found.path:
        yield f"path     {' > '.join(found.path)}"


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"
