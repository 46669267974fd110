"""An investigation as text that a person understands in a minute: the verdict first.

Text of telemetry is made harmless: anybody may have written it.
"""

from collections.abc import Iterator
from datetime import datetime

from otel_pipeline.investigate.model import Investigation, Status
from otel_pipeline.investigate.onsets import released
from otel_pipeline.sanitize import one_line

CHANGES, METRICS, ONSETS, FACTS, DEPLOYS, LONE, ENDPOINTS, RELATED = 6, 4, 10, 5, 3, 5, 8, 8
USUAL = ("as usual", "too little to compare with")
WIDTH = 150


def text(found: Investigation) -> str:
    """The report; several lines, no markup. Of several troubles each has a block of its own."""
    return "\n".join(plain(line) for line in _lines(found))


def answer(found: Investigation) -> str:
    """The first line: the state in a word, then why."""
    told = found.headline if found.verdict in ("trouble", "no data") else f"{found.verdict}: {found.headline}"
    return f"{found.state.upper()}: {cut(told, 260)}"


def plain(text: str) -> str:
    """One line without what moves a terminal's cursor, colours it or turns its direction."""
    return one_line(text)


def cut(text: str, width: int = WIDTH) -> str:
    """A text, shortened where it is long."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _lines(found: Investigation) -> Iterator[str]:
    blocks = found.blocks
    if len(blocks) > 1:
        yield f"{found.state.upper()}: {len(blocks)} troubles at once, each with a cause of its own"
        for number, block in enumerate(blocks, 1):
            yield f"  {number}. {cut(block.headline, 240)}"
    else:
        yield answer(found)
    if found.about:
        yield f"about     {cut(found.about, 240)}"
    span = f"{_time(found.window.start)} to {_time(found.window.end)}"
    yield f"window    {span} UTC: {found.traces} traces, {found.anomalous} anomalous"
    if len(blocks) == 1:
        yield from _when(found)
    yield from (f"the trace {cut(reason)}" for reason in found.odd[:FACTS])
    if found.status:
        yield from _status(found.status)
    for number, block in enumerate(blocks, 1):
        if len(blocks) > 1:
            yield ""
            yield f"TROUBLE {number} of {len(blocks)}: {cut(block.headline, 240)}"
            yield from _when(block)
        yield from _block(block)
    yield from _endpoints(found)


def _when(found: Investigation) -> Iterator[str]:
    if found.since:
        until = f", seen until {_time(found.focus.end)}" if found.focus.end < found.window.end else ", and goes on"
        yield f"since     {_time(found.since)} UTC{until}"
    if found.focus != found.window:
        yield f"focus     {_time(found.focus.start)} to {_time(found.focus.end)} UTC"
    if found.reference:
        since = _time(found.reference[-1].start)
        yield f"against   {len(found.reference)} stretches of quiet traffic, from {since} UTC"


def _block(found: Investigation) -> Iterator[str]:
    if len(found.incidents) > 1:
        yield "incidents"
        for incident in found.incidents:
            share = f"{incident.anomalous} of {incident.traces} traces"
            yield f"  {_time(incident.start)}  {share}. {incident.title[:110]}"
    yield from _causes(found)
    yield from _facts(found)
    for out in found.affected:
        yield f"affected  {out.service}: {cut(out.why)}"
    for out in found.ruled_out:
        yield f"ruled out {out.service}: {cut(out.why)}"
    if found.recall:
        yield f"memory    {cut(found.recall)}"
    for known in found.known:
        yield f"seen before ({known.status}, {known.occurrences} times): {known.message[:120]}"
        if known.remedy:
            yield f"  cause: {known.root_cause}; what fixed it: {known.remedy}"
    if found.isolated:
        yield f"isolated  {' '.join(found.isolated[:3])}"
    if found.examples:
        yield f"examples  {' '.join(found.examples[:3])}"
    for check in found.next_checks:
        yield f"next      {check}"


def _endpoints(found: Investigation) -> Iterator[str]:
    """The endpoints: all where nothing is wrong or a service was asked for; else those that are not as usual."""
    calm = found.verdict != "trouble" or found.status
    shown = [e for e in found.endpoints if calm or e.note not in USUAL or e.blips]
    if shown:
        yield "endpoints (ms: p50 / p95 / p99 of the whole duration; of the time in the service itself)"
    for e in shown[:ENDPOINTS]:
        figures = f"{_ms(e.whole)}; self {_ms(e.own)}"
        usual = f", p95 usually {e.usual[0]:g} to {e.usual[1]:g}" if e.usual[1] else ""
        rate = f"{e.rate:g} a minute, {e.failed:.2%} fail"
        yield f"  {e.service} {cut(e.operation, 60)}: {rate}, {figures}{usual}: {e.note}"
        for blip in e.blips[:3]:
            yield f"    blip at {blip}"


def _ms(figures: tuple[float, float, float]) -> str:
    return " / ".join(f"{figure:.3g}" for figure in figures)


def _status(status: Status) -> Iterator[str]:
    yield f"service   {status.service}: {status.visits} requests"
    for f in status.figures:
        usual = f"{f.low:g}" if f.low == f.high else f"{f.low:g} to {f.high:g}"
        yield f"  {f.name}: {f.now:g} (usually {usual}): {f.note}"
    for line in status.new:
        yield f"  new: {cut(line)}"
    if status.visits and not status.new:
        yield "  nothing new"
    for words, names in (("depends on", status.calls), ("called by", status.called_by)):
        if names:
            yield f"  {words}: {', '.join(names[:RELATED])}"


def _causes(found: Investigation) -> Iterator[str]:
    if found.causes:
        yield "causes"
    for number, cause in enumerate(found.causes[:3], 1):
        yield f"  {number}. {cause.service} ({cause.confidence:.0%}): {cut(cause.why)}"
        for line in cause.evidence[: FACTS if number == 1 else 2]:
            yield f"       {cut(line)}"
    if found.path:
        yield f"path      {' > '.join(found.path)}"


def _facts(found: Investigation) -> Iterator[str]:
    if found.timeline:
        yield "timeline"
        for onset in found.timeline[:ONSETS]:
            yield f"  {onset.at:%H:%M:%S.%f}"[:-5] + f"  {onset.service}: {onset.signal}: {cut(onset.what, 100)}"
    if found.skewed:
        yield "bad traces more often than good ones have"
        for s in found.skewed:
            share = f"{s.bad} of {s.of_bad} bad, {s.good} of {s.of_good} good traces"
            yield f"  {cut(s.words, 110)} ({s.service}): {share}, {s.lift:g} times as often"
    for deploy in found.deploys[-DEPLOYS:]:
        yield f"deployed  {_time(deploy.at)} {deploy.service}: {released(deploy)}"
    if found.metrics:
        yield "metrics"
    for move in found.metrics[:METRICS]:
        yield f"  {move.service}: {move.kind}: {cut(move.what)}"
    if found.lines:
        yield "new log lines outside traces"
    for line in found.lines[:LONE]:
        yield f"  {line.at:%H:%M:%S}  {line.service}: {cut(line.text, 110)} [{line.lines} lines]"
    if found.changes and not found.status:
        yield "changes"
        for change in found.changes[:CHANGES]:
            what = f"{change.service}: {change.kind}: {change.what[:110]}"
            yield f"  {what}: {change.before:g} before, {change.now:g} now"


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"
