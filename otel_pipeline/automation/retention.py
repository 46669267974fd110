"""Dagster keeps runs for ever, and the open hour is run hundreds of times: delete the runs that newer ones replace."""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from otel_pipeline.assets.node import BACKFILL_TAG
from otel_pipeline.automation.jobs import lineage_hour

KEEP = timedelta(minutes=10)  # for people who look at what has just happened
KEEP_FAILED = timedelta(days=1)
LOOK_BACK = timedelta(hours=30)  # an open hour is closed within two
MOST = 200  # at a time; a tick has a minute
PARTITION_TAG = "dagster/partition"


def prune(instance: dg.DagsterInstance, now: datetime) -> int:
    """Delete superseded runs, oldest first: a good run of a later date exists for the same hour.

    :returns: number of runs deleted.
    """
    superseded = [
        record
        for record in _replaced(instance, now)
        if record.end_time and now.timestamp() - record.end_time > _keep(record).total_seconds()
    ]
    chosen = superseded[-MOST:]
    for record in chosen:
        _delete(instance, record.dagster_run.run_id)
    return len(chosen)


def _replaced(instance: dg.DagsterInstance, now: datetime) -> list[dg.RunRecord]:
    """Ended runs of the lineage job, newest first, for whose hour a later good run exists."""
    good: set[str] = set()
    replaced = []
    for record in instance.get_run_records(
        filters=dg.RunsFilter(job_name=lineage_hour.name, created_after=now - LOOK_BACK)
    ):
        run = record.dagster_run
        partition = run.tags.get(PARTITION_TAG)
        if not partition or not run.is_finished:
            continue
        if partition in good and BACKFILL_TAG not in run.tags:
            replaced.append(record)
        if run.is_success:
            good.add(partition)
    return replaced


def _keep(record: dg.RunRecord) -> timedelta:
    return KEEP if record.dagster_run.is_success else KEEP_FAILED


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, its events, and what that leaves: printed output; on SQLite also check rows and the run's file."""
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
    if isinstance(storage, SqliteEventLogStorage):
        for file in Path(storage.path_for_shard(run_id)).parent.glob(f"{run_id}.db*"):
            file.unlink(missing_ok=True)
