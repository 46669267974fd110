"""The jobs that sensors and schedules run. One process each: a process a step would cost 5 s a step."""

import dagster as dg

from otel_pipeline import end_of_life
from otel_pipeline.detection.chain import NODES
from otel_pipeline.resources.clickhouse import ClickHouse, one_line_failures

# Runs of the present go before those of a backfill, whose priority is 0.
PRESENT = {"dagster/priority": "10"}
# Reads everything that was ever judged: for people who are about to switch versions.
GATE = dg.AssetCheckKey(dg.AssetKey("incidents"), "version_is_no_worse_than_others")
# Every event is in the event log; a run's process need not print it as well.
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}

lineage_hour = dg.define_asset_job(
    "lineage_hour",
    selection=dg.AssetSelection.assets(*NODES) - dg.AssetSelection.checks(GATE),
    description="The whole lineage over one hour, with its checks.",
    executor_def=dg.in_process_executor,
    tags=PRESENT,
    config=QUIET,
)

daily_normal = dg.define_asset_job(
    "daily_normal",
    selection=dg.AssetSelection.assets("normal_centroid"),
    description="The baseline versions that end in one hour.",
    executor_def=dg.in_process_executor,
    tags=PRESENT,
    config=QUIET,
)


@dg.op
def delete_what_is_not_seen(context: dg.OpExecutionContext, clickhouse: ClickHouse) -> None:
    """Delete templates, vectors and patterns whose last sight is too long ago; raw and derived tables have a TTL."""
    with one_line_failures(context.retry_number), clickhouse.database(run=context.run_id, job="end_of_life") as db:
        for table, rows in end_of_life.delete(db).items():
            context.log.info("%s: %d rows not seen for %d days", table, rows, db.settings.template_ttl_days)


@dg.job(
    description="Deletes what has not been seen for TEMPLATE_TTL_DAYS.",
    executor_def=dg.in_process_executor,
    config=QUIET,
)
def retention_job() -> None:
    """End of life of what has no time of its own."""
    delete_what_is_not_seen()
