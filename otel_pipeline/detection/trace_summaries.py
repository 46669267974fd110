"""Trace features in SQL: shape, self time, calls between services, errors, retries, log templates. One row a trace.

A trace belongs to the hour in which its root began, by the root's clock, wherever its other spans lie.
"""

from datetime import UTC, datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import lineage, names
from otel_pipeline.detection.model import HOUR, StepReport, utc
from otel_pipeline.detection.staging import (
    amending_partition,
    create_like,
    replace_traces,
    replacing_partition,
    scratch,
)
from otel_pipeline.detection.version import CODE_VERSION

SLICE_SPANS = 2_000_000  # that are held in memory at a time


def materialize(db: Database, hour: datetime, *, whole: bool = True, now: datetime | None = None) -> StepReport:
    """Summarise the traces that begin in the hour; replaces the hour's partition.

    :param hour: start of the hour, UTC. Spans may lie anywhere within twelve hours beside it.
    :param whole: summarise all of them, not only those that something has arrived for since the last run.
    :param now: a trace that ended within a minute of it may still get the caller that it lacks.
    """
    now = now or datetime.now(UTC)
    changes = lineage.changes(db, hour, whole=whole)
    if changes.whole or not _amend(db, hour, changes, now):
        with replacing_partition(db, "trace_summaries", hour) as stage:
            _summarise(db, stage, hour, now)
    figures = db.one("trace_summaries__report", hour=hour)
    return StepReport(
        rows=figures["traces"],
        metrics=figures,
        tables={"slowest": db.rows("trace_summaries__slowest", hour=hour)},
    )


def _amend(db: Database, hour: datetime, changes: lineage.Changes, now: datetime) -> bool:
    """Summarise anew what the changes touch. False, with nothing done, if a trace has left the hour for an earlier one:
    what was learned from it then has to be learned anew, too.
    """
    with scratch(db, 2) as (touched, fresh):
        db.run("trace_summaries__touched", stage=touched, spans=changes.spans, lines=changes.lines, hour=hour, now=now)
        if not db.one("staging__count", stage=touched)["Rows"]:
            return True
        create_like(db, fresh, "trace_summaries")
        _summarise(db, fresh, hour, now, touched)
        if db.one("trace_summaries__left", hour=hour, touched=touched, fresh=fresh)["Traces"]:
            return False
        with amending_partition(db, "trace_summaries", hour) as stage:
            replace_traces(db, stage, touched, fresh, hour)
    return True


def _summarise(db: Database, stage: str, hour: datetime, now: datetime, touched: str = "") -> None:
    """Summaries of the hour into ``stage``; of the traces in the table ``touched`` alone, where it is given.

    Slice by slice, so that memory is bounded however much an hour holds.
    """
    slices = 1 if touched else 1 + db.one("trace_summaries__arrived", hour=hour)["Spans"] // SLICE_SPANS
    for number in range(slices):
        _summarise_slice(db, stage, hour, now, touched, number, slices)


def _summarise_slice(  # noqa: PLR0917
    db: Database, stage: str, hour: datetime, now: datetime, touched: str, number: int, slices: int
) -> None:
    window = {"start": hour, "end": hour + HOUR}
    which = {"whole": not touched, "touched": touched or "trace_summaries", "slice": number, "slices": slices}
    with scratch(db, 8) as (chosen, far, spans, shared, links, own, waits, calls):
        db.run("trace_summaries__chosen", stage=chosen, **which, **window)
        db.run("trace_summaries__far", stage=far, chosen=chosen, **window)
        extent = db.one("trace_summaries__far_extent", far=far)
        reach = {"far": far, "since": utc(extent["Since"]), "until": utc(extent["Until"])}
        db.run("trace_summaries__spans", stage=spans, chosen=chosen, **reach, **window)
        names.bound(db, spans, hour, whole=not touched and not number)
        db.run("trace_summaries__shared", stage=shared, spans=spans)
        db.run("trace_summaries__links", stage=links, spans=spans, shared=shared)
        db.run("staging__drop", stage=spans)
        db.run("trace_summaries__waits", stage=waits, links=links, **window)
        db.run("trace_summaries__own", stage=own, links=links)
        db.run("staging__drop", stage=links)
        about = {"now": now, "code_version": CODE_VERSION}
        db.run("trace_summaries__calls", stage=calls, own=own)
        db.run("trace_summaries__summarise", stage=stage, own=own, calls=calls, waits=waits, **about, **reach, **window)
        db.run("trace_summaries__note_far", stage=stage, chosen=chosen, **reach, **window)
