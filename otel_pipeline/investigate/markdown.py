"""A report as Markdown, with its pictures beside it. Text of telemetry stands in code spans, where it does nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.model import Investigation, Status
from otel_pipeline.investigate.timeline import timeline
from otel_pipeline.investigate.waterfall import waterfall
from otel_pipeline.sanitize import Markdown

FACTS, CHANGES, METRICS = 6, 8, 6


def write(db: Database, found: Investigation, path: Path, trace_id: str | None = None) -> list[Path]:
    """Write the report to ``path``, its timeline and the waterfall of a trace as SVG beside it; what was written.

    :param trace_id: trace of the waterfall; without it the worst of the report.
    :raises UserError: the file cannot be written.
    """
    trace = trace_id or next(iter(found.examples or found.isolated), "")
    pictures = {
        "timeline": timeline(db, found) if found.traces else "",
        "waterfall": waterfall(db, trace, found.window) if trace else "",
    }
    files = {name: path.with_name(f"{path.stem}-{name}.svg") for name, picture in pictures.items() if picture}
    try:
        for name, file in files.items():
            file.write_text(pictures[name])
        path.write_text(markdown(found, {name: file.name for name, file in files.items()}, trace))
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that you may write to"
        ) from None
    return [path, *files.values()]


def markdown(found: Investigation, pictures: dict[str, str] | None = None, trace: str = "") -> str:
    """The report as text.

    :param pictures: file names of the pictures "timeline" and "waterfall". :param trace: trace of the waterfall.
    """
    return "\n".join(_lines(found, pictures or {}, trace)) + "\n"


def code(text: str, width: int = 200) -> Markdown:
    """A text as a code span: nothing in it is markup, a link or a picture."""
    return Markdown.of(text, width)


def _lines(found: Investigation, pictures: dict[str, str], trace: str) -> Iterator[str]:
    blocks = found.blocks
    yield f"# {found.state.capitalize()}{f': {len(blocks)} troubles at once' if len(blocks) > 1 else ''}"
    yield ""
    for number, block in enumerate(blocks, 1):
        yield f"{f'{number}. ' if len(blocks) > 1 else ''}**{code(block.headline, 300)}**"
    yield ""
    if found.about:
        yield f"- about: {code(found.about, 300)}"
    span = f"{_time(found.window.start)} to {_time(found.window.end)}"
    yield f"- window: {span} UTC, {found.traces} traces, {found.anomalous} anomalous"
    yield from _when(found)
    if found.status:
        yield from _status(found.status)
    yield from _causes(found)
    yield from _course(found, pictures)
    if "waterfall" in pictures:
        yield from _title(f"Trace {code(trace, 40)}")
        yield f"![waterfall]({pictures['waterfall']})"
    yield from _facts(found)
    yield from _endpoints(found)
    if found.next_checks:
        yield from _title("Next checks")
        for check in found.next_checks:
            yield f"- {code(check, 600)}"
    for number, other in enumerate(found.others, 2):
        yield from _title(f"Trouble {number} of {len(blocks)}: {code(other.headline, 300)}")
        yield from _when(other)
        yield from _causes(other)
        yield from _course(other, {})
        yield from _facts(other)


def _when(found: Investigation) -> Iterator[str]:
    if found.since:
        yield f"- since: {_time(found.since)} UTC"
    if found.focus != found.window:
        yield f"- focus: {_time(found.focus.start)} to {_time(found.focus.end)} UTC"
    if found.reference:
        since = _time(found.reference[-1].start)
        yield f"- against: {len(found.reference)} stretches of quiet traffic, from {since} UTC"
    if found.path:
        yield f"- from symptom to cause: {' → '.join(code(service, 60) for service in found.path)}"


def _causes(found: Investigation) -> Iterator[str]:
    if found.causes:
        yield from _title("Causes")
    for number, cause in enumerate(found.causes[:3], 1):
        yield f"{number}. **{code(cause.service, 60)}** ({cause.confidence:.0%}): {code(cause.why)}"
        for fact in cause.evidence[: FACTS if number == 1 else 2]:
            yield f"   - {code(fact)}"


def _endpoints(found: Investigation) -> Iterator[str]:
    if not found.endpoints:
        return
    yield from _title("Endpoints")
    rows = [
        (
            code(f"{e.service} {e.operation}", 80),
            f"{e.rate:g}",
            f"{e.failed:.2%}",
            " / ".join(f"{ms:.3g}" for ms in e.whole),
            " / ".join(f"{ms:.3g}" for ms in e.own),
            f"{e.usual[0]:g} to {e.usual[1]:g}",
            code("; ".join([e.note, *(f"blip at {blip}" for blip in e.blips)])),
        )
        for e in found.endpoints
    ]
    head = ("endpoint", "a minute", "fail", "p50 / p95 / p99 ms", "self time", "usual p95", "")
    yield from _table(head, rows)


def _course(found: Investigation, pictures: dict[str, str]) -> Iterator[str]:
    if found.timeline:
        yield from _title("What moved, in order of time")
        if "timeline" in pictures:
            yield f"![timeline]({pictures['timeline']})"
            yield ""
        rows = [(f"{o.at:%H:%M:%S.%f}"[:-5], code(o.service, 60), o.signal, code(o.what)) for o in found.timeline]
        yield from _table(("time", "service", "signal", "what"), rows)
    elif "timeline" in pictures:
        yield from _title("The course")
        yield f"![timeline]({pictures['timeline']})"


def _status(status: Status) -> Iterator[str]:
    yield from _title(f"Status of {code(status.service, 60)}: {status.visits} requests")
    rows = [(f.name, f"{f.now:g}", f"{f.low:g} to {f.high:g}", f.note) for f in status.figures]
    yield from _table(("figure", "now", "usually", ""), rows)
    yield ""
    yield from [f"- new: {code(line)}" for line in status.new] or ["- nothing new"]


def _facts(found: Investigation) -> Iterator[str]:
    if found.skewed:
        yield from _title("Bad traces more often than good ones have")
        rows = [
            (
                code(s.words),
                code(s.service, 60),
                f"{s.bad} of {s.of_bad}",
                f"{s.good} of {s.of_good}",
                f"{s.lift:g}",
            )
            for s in found.skewed
        ]
        yield from _table(("value", "at", "bad", "good", "times as often"), rows)
    if found.metrics:
        yield from _title("Metrics")
        rows = [(code(m.service, 60), m.kind, code(m.what), f"{m.since:%H:%M:%S}") for m in found.metrics[:METRICS]]
        yield from _table(("service", "kind", "what", "since"), rows)
    if found.changes:
        yield from _title("Changes")
        rows = [
            (code(c.service, 60), c.kind, code(c.what, 120), f"{c.before:g}", f"{c.now:g}")
            for c in found.changes[:CHANGES]
        ]
        yield from _table(("service", "kind", "what", "before", "now"), rows)
    if found.affected:
        yield from _title("Affected")
        yield from [f"- **{code(out.service, 60)}**: {code(out.why)}" for out in found.affected]
    if found.ruled_out:
        yield from _title("Ruled out")
        yield from [f"- **{code(out.service, 60)}**: {code(out.why)}" for out in found.ruled_out]
    if found.lines:
        yield from _title("New log lines outside traces")
        yield from [f"- {line.at:%H:%M:%S} **{code(line.service, 60)}**: {code(line.text)}" for line in found.lines]
    if found.known:
        yield from _title("Seen before")
    for known in found.known:
        yield f"- {known.status}, {known.occurrences} times: {code(known.message)}"
        if known.remedy:
            yield f"  - cause: {code(known.root_cause)}; what fixed it: {code(known.remedy)}"
    for name, traces in (("Isolated anomalies", found.isolated), ("Example traces", found.examples)):
        if traces:
            yield from _title(name)
            yield from [f"- {code(trace, 40)}" for trace in traces]


def _title(words: str) -> list[str]:
    return ["", f"## {words}", ""]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"
