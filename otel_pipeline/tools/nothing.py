"""Why an answer is empty: an agent must not take "no rows" for "all is well"."""

from otel_pipeline.detection.model import HOUR, Window, utc
from otel_pipeline.tools.model import Context
from otel_pipeline.tools.times import iso
from otel_pipeline.tools.untrusted import Ours


def why(context: Context, window: Window, what: str) -> Ours:
    """One line: that there is none of ``what``, whether there is data at all, and how far the lineage has come."""
    facts = context.reader.one("tools__extent", start=window.start, end=window.end)
    if not facts["Spans"]:
        return Ours(f"no {what}: the database holds no spans at all; see that apps send OTLP to the intake")
    if not facts["Inside"]:
        return Ours(
            f"no {what}: no span in this window; the database holds spans from {iso(facts['First'])} to"
            f" {iso(facts['Last'])}. Ask for a window within"
        )
    processed = utc(facts["Processed"]) + HOUR
    if processed < window.end and processed.year > 1970:
        return Ours(
            f"no {what} so far: {facts['Inside']:,} spans in this window, but detection has processed hours up to"
            f" {iso(processed)} only; error_overview and search by code read raw telemetry"
        )
    if processed.year <= 1970:
        return Ours(f"no {what}: {facts['Inside']:,} spans, but detection has not run; run `otel-pipeline materialize`")
    return Ours(f"no {what} in this window, which holds {facts['Inside']:,} spans and has been processed")


def echo(window: Window) -> dict[str, str]:
    """The window as every answer shows it."""
    return {"start": iso(window.start), "end": iso(window.end)}
