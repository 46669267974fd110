"""Node log_templates. First step of an hour: notes what has arrived, for the last step to say what was processed."""

import dagster as dg

from otel_pipeline.assets.node import node, run, whole
from otel_pipeline.detection import lineage
from otel_pipeline.detection import log_templates as step
from otel_pipeline.resources.clickhouse import ClickHouse


@node("log_template_counts", ["otel_logs"], alone=True, kinds=["drain"])
def log_templates(context: dg.AssetExecutionContext, clickhouse: ClickHouse) -> dg.MaterializeResult:
    """Every log line's template, with counts by hour, service and severity. Complete, not sampled.

    Writes log_template_counts (replaces the hour's partition), and the catalogue log_templates.
    """

    def materialize(db, hour):
        lineage.begin(db, hour, context.run.run_id)
        return step.materialize(db, hour, whole=whole(context))

    return run(context, clickhouse, materialize)
