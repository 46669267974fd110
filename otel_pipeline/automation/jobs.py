"""The jobs that sensors and schedules run. One process each: a process a step would cost 5 s a step."""

import dagster as dg

from otel_pipeline.detection.chain import NODES

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
