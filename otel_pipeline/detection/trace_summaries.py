"""Trace features in SQL: shape, own work, calls between services, errors, retries, log templates. One row a trace."""

from datetime import datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import HOUR, StepReport
from otel_pipeline.detection.staging import replacing_partition, scratch

CODE_VERSION = "1"


def materialize(db: Database, hour: datetime) -> StepReport:
    """Summarise the traces that begin in the hour; replaces the hour's partition.

    :param hour: start of the hour, UTC. Spans may lie up to 15 minutes beside it.
    """
    window = {"start": hour, "end": hour + HOUR}
    with replacing_partition(db, "trace_summaries", hour) as stage:
        with scratch(db, 3) as (spans, links, own):
            db.run("trace_summaries__spans", stage=spans, **window)
            db.run("trace_summaries__links", stage=links, spans=spans)
            db.run("staging__drop", stage=spans)
            db.run("trace_summaries__own", stage=own, links=links)
            db.run("staging__drop", stage=links)
            db.run("trace_summaries__summarise", stage=stage, own=own, code_version=CODE_VERSION, **window)
    figures = db.one("trace_summaries__report", hour=hour)
    return StepReport(
        rows=figures["traces"],
        metrics=figures,
        tables={"slowest": db.rows("trace_summaries__slowest", hour=hour)},
    )
