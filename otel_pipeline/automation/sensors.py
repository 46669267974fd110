"""Sensors: what makes the lineage follow the raw tables. They run unless they are stopped.

Level-triggered: each looks at how things are, not at what happened since; a lost tick or a failed run loses nothing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from otel_pipeline.assets.node import LATE, LIVE, TRIGGER_TAG
from otel_pipeline.assets.raw import RAW
from otel_pipeline.automation import retention
from otel_pipeline.automation.jobs import lineage_hour
from otel_pipeline.checks import ARRIVING, arriving, lag_seconds, raw_tables
from otel_pipeline.detection import lineage
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.errors import UserError
from otel_pipeline.partitions import HOURLY, current_hour, hour_of, key_of
from otel_pipeline.resources.clickhouse import ClickHouse

PARTITION_TAG = "dagster/partition"
IN_PROGRESS = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]

STRAGGLERS = timedelta(minutes=15)  # after its end an hour still counts as live for this long
LATE_EVERY = timedelta(minutes=1)  # a late hour is run at most so often
LITTLE_EVERY = timedelta(seconds=20)  # hours with next to nothing new: so long after the last late run,
LITTLE_PAUSE = 3.0  # and so many times as long as that took
FAILED_WAIT, FAILED_MOST = timedelta(seconds=10), timedelta(minutes=10)
FAILED_LIVE = timedelta(seconds=40)  # and no longer while live: what is found meanwhile is what people wait for


@dg.sensor(job=lineage_hour, minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def dirty_hours(context: dg.SensorEvaluationContext, clickhouse: ClickHouse) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Run the hours whose raw rows are not those they were last processed with: the open hour, and late data.

    No run key: Dagster would remember it for ever. An hour that is in progress is not asked for again.
    """
    now = datetime.now(UTC)
    window = Window(HOURLY.start.astimezone(UTC), current_hour(now) + HOUR)
    try:
        with clickhouse.database(sensor="dirty_hours") as db:
            dirty = lineage.dirt(db, window, now)
    except UserError as error:
        yield dg.SkipReason(str(error))
        return
    present = current_hour(now)
    busy = busy_hours(context.instance)
    chosen = [hour for hour in dirty if hour not in busy and rested(context.instance, hour, now)]
    # Late hours one after the other, oldest first: each needs the templates, verdicts and patterns of those before.
    # Those of which next to nothing is new come last and seldom: a handful of spans in each of many past hours must not
    # keep the machine busy while the present waits.
    late = [hour for hour in chosen if hour != present]
    late = [hour for hour in late if not dirty[hour]] or (late if little_rested(context.instance, now) else [])
    late = [] if busy - {present} else late[:1]
    for hour in [hour for hour in chosen if hour == present] + late:
        kind, priority = (LIVE, "10") if hour == present else (LATE, "5")
        yield dg.RunRequest(partition_key=key_of(hour), tags={TRIGGER_TAG: kind, "dagster/priority": priority})
    if not late and present not in chosen:
        yield dg.SkipReason(f"{len(dirty)} hours have new rows, all in progress or resting" if dirty else "nothing new")


def busy_hours(instance: dg.DagsterInstance) -> set[datetime]:
    """Hours that a run is working on, or is about to. A queued run of a backfill does not count: it may be far off."""
    return {
        hour_of(run.tags[PARTITION_TAG])
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=[*IN_PROGRESS, *WAITING]))
        if PARTITION_TAG in run.tags and (run.status in IN_PROGRESS or TRIGGER_TAG in run.tags)
    }


def little_rested(instance: dg.DagsterInstance, now: datetime) -> bool:
    """Whether the last late run took so little, or is so long ago, that an hour with next to nothing new may run."""
    records = instance.get_run_records(
        filters=dg.RunsFilter(job_name=lineage_hour.name, tags={TRIGGER_TAG: LATE}), limit=1
    )
    if not records or not records[0].end_time or not records[0].start_time:
        return True
    took = records[0].end_time - records[0].start_time
    return now.timestamp() - records[0].end_time >= max(LITTLE_EVERY.total_seconds(), LITTLE_PAUSE * took)


def rested(instance: dg.DagsterInstance, hour: datetime, now: datetime) -> bool:
    """Whether the hour may be run again: at once while live and well; later after failures, or when it is long past."""
    records = instance.get_run_records(
        filters=dg.RunsFilter(job_name=lineage_hour.name, tags={PARTITION_TAG: key_of(hour)}), limit=8
    )
    ended = [record for record in records if record.end_time]
    if not ended:
        return True
    failures = 0
    for record in ended:
        if record.dagster_run.status is dg.DagsterRunStatus.SUCCESS:
            break
        failures += 1
    live = now <= hour + HOUR + STRAGGLERS
    most = FAILED_LIVE if live else FAILED_MOST
    wait = min(FAILED_WAIT * 2 ** (failures - 1), most) if failures else timedelta()
    if not live:
        wait = max(wait, LATE_EVERY)
    return now.timestamp() - (ended[0].end_time or 0) >= wait.total_seconds()


@dg.sensor(minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING)
def raw_telemetry(clickhouse: ClickHouse) -> dg.SensorResult | dg.SkipReason:
    """Look at the raw tables every five minutes: rows and age of the newest, for their asset pages and checks."""
    try:
        with clickhouse.database(sensor="raw_telemetry") as db:
            rows = raw_tables(db)
    except UserError as error:
        return dg.SkipReason(str(error))
    return dg.SensorResult(asset_events=list(seen(rows, datetime.now(UTC))))


def seen(rows: dict[str, Any], now: datetime) -> Iterator[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """What is to be said of each raw node.

    :param rows: rows of ``sensors__raw_tables`` by name.
    """
    for asset in RAW:
        row = rows.get(asset.key.to_user_string())
        figures: dict[str, int | float] = {"dagster/row_count": row["Kept"] if row else 0}
        if row and row["Timed"]:
            figures |= {"rows_last_hour": row["LastHour"], "lag_seconds": lag_seconds(row, now)}
        yield dg.AssetObservation(asset.key, metadata=figures)
    for name in ARRIVING:
        verdict = arriving(rows.get(name), now)
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(name),
            check_name=f"{name}_arrive",
            passed=verdict.passed,
            metadata=verdict.metadata,
            severity=verdict.severity,
            description=verdict.description,
        )


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def superseded_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Delete runs of an hour that a newer run has done again, so that Dagster's own storage stays small.

    The newest good run of each hour stays, and with it the state of the partition; so do failed runs, for a day.
    """
    deleted = retention.prune(context.instance, datetime.now(UTC))
    return dg.SkipReason(f"deleted {deleted} superseded runs")


SENSORS = [dirty_hours, raw_telemetry, superseded_runs]
