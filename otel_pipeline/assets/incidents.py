"""Node incidents."""

from datetime import datetime
from typing import Any

import dagster as dg

from otel_pipeline.assets.node import node, run, whole
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import incidents as step
from otel_pipeline.detection.model import StepReport, utc
from otel_pipeline.links import trace_url
from otel_pipeline.resources.clickhouse import ClickHouse
from otel_pipeline.sanitize import Markdown, Untrusted
from otel_pipeline.settings import Settings

SHOWN = 3  # causes, reasons and example traces of each incident


@node("incidents", ["anomaly_scores"], alone=True)
def incidents(context: dg.AssetExecutionContext, clickhouse: ClickHouse) -> dg.MaterializeResult:
    """Anomalies that belong together: window, services ranked with evidence, example traces.

    Replaces the hour's partition, and that of the hour before where an incident reaches across.
    """
    pages: dict[str, dg.MarkdownMetadataValue] = {}

    def materialize(db: Database, hour: datetime) -> StepReport:
        report = step.materialize(db, hour, whole=whole(context))
        if rows := db.rows("incidents__page", hour=hour):
            pages["report"] = dg.MetadataValue.md(Markdown.lines((page(row, db.settings) for row in rows), "\n\n"))
        return report

    result = run(context, clickhouse, materialize)
    return result._replace(metadata={**(result.metadata or {}), **pages})


def page(row: dict[str, Any], settings: Settings) -> Markdown:
    """An incident in Markdown, for the person on call."""
    start, end = utc(row["Start"]), utc(row["End"])
    course = f"{start:%H:%M:%S} to {end:%H:%M:%S} UTC{', going on' if row['Open'] else ''}"
    causes = list(zip(row["Causes"], row["Confidence"], row["Why"], strict=True))
    reasons = list(zip(row["ReasonServices"], row["Reasons"], row["ReasonTraces"], strict=True))
    operations = Markdown.lines((Untrusted(operation) for operation in row["Operations"][:SHOWN]), ", ")
    traces = (Markdown.link(trace[:8], trace_url(settings, trace, start)) for trace in row["ExampleTraceIds"][:SHOWN])
    lines = [
        Markdown.fill("### {}", Untrusted(row["Title"])),
        Markdown.fill(
            "{}: {} anomalous of {} traces; affects {}",
            Markdown(course),
            row["Anomalous"],
            row["Traces"],
            operations,
        ),
        *(
            Markdown.fill("{}. **{}** ({}%): {}", n, Untrusted(service), round(share * 100), Untrusted(why))
            for n, (service, share, why) in enumerate(causes[:SHOWN], 1)
        ),
        *(
            Markdown.fill("- {}: {} ({} traces)", Untrusted(service), Untrusted(what), count)
            for service, what, count in reasons[:SHOWN]
        ),
        Markdown.fill("Traces: {}", Markdown.lines(traces, ", ")),
    ]
    return Markdown.lines(lines, "\n\n")
