"""Trace features in SQL: shape, own work, calls between services, errors, retries, log templates. One row a trace."""

from datetime import datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import lineage
from otel_pipeline.detection.model import HOUR, StepReport
from otel_pipeline.detection.staging import (
    amending_partition,
    create_like,
    replace_traces,
    replacing_partition,
    scratch,
)
from otel_pipeline.detection.version import CODE_VERSION

SLICE_SPANS = 2_000_000  # that are held in memory at a time


def materialize(db: Database, hour: datetime, *, whole: bool = True) -> StepReport:
    """Summarise the traces that begin in the hour; replaces the hour's partition.

    :param hour: start of the hour, UTC. Spans may lie up to 15 minutes beside it.
    :param whole: summarise all of them, not only those that something has arrived for since the last run.
    """
    changes = lineage.changes(db, hour, whole=whole)
    if changes.whole or not _amend(db, hour, changes):
        with replacing_partition(db, "trace_summaries", hour) as stage:
            _summarise(db, stage, hour)
    figures = db.one("trace_summaries__report", hour=hour)
    return StepReport(
        rows=figures["traces"],
        metrics=figures,
        tables={"slowest": db.rows("trace_summaries__slowest", hour=hour)},
    )


def _amend(db: Database, hour: datetime, changes: lineage.Changes) -> bool:
    """Summarise anew what the changes touch. False, with nothing done, if a trace has left the hour for an earlier one:
    what was learned from it then has to be learned anew, too.
    """
    if not changes.spans and not changes.lines:
        return True
    with scratch(db, 2) as (touched, fresh):
        db.run("trace_summaries__touched", stage=touched, spans=changes.spans, lines=changes.lines)
        create_like(db, fresh, "trace_summaries")
        _summarise(db, fresh, hour, touched)
        if db.one("trace_summaries__left", hour=hour, touched=touched, fresh=fresh)["Traces"]:
            return False
        with amending_partition(db, "trace_summaries", hour) as stage:
            replace_traces(db, stage, touched, fresh, hour)
    return True


def _summarise(db: Database, stage: str, hour: datetime, touched: str = "") -> None:
    """Summaries of the hour into ``stage``; of the traces in the table ``touched`` alone, where it is given.

    Slice by slice, so that memory is bounded however much an hour holds.
    """
    window = {"start": hour, "end": hour + HOUR}
    slices = 1 if touched else 1 + db.one("trace_summaries__arrived", hour=hour)["Spans"] // SLICE_SPANS
    chosen = {"whole": not touched, "touched": touched or "trace_summaries", "slices": slices}
    for number in range(slices):
        with scratch(db, 3) as (spans, links, own):
            db.run("trace_summaries__spans", stage=spans, slice=number, **chosen, **window)
            db.run("trace_summaries__links", stage=links, spans=spans)
            db.run("staging__drop", stage=spans)
            db.run("trace_summaries__own", stage=own, links=links)
            db.run("staging__drop", stage=links)
            db.run("trace_summaries__summarise", stage=stage, own=own, code_version=CODE_VERSION, **window)
