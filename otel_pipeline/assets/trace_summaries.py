"""Node trace_summaries."""

import dagster as dg

from otel_pipeline.assets.node import node, run, whole
from otel_pipeline.detection import trace_summaries as step
from otel_pipeline.resources.clickhouse import ClickHouse


@node("trace_summaries", ["otel_traces", "otel_logs", "log_templates"])
def trace_summaries(context: dg.AssetExecutionContext, clickhouse: ClickHouse) -> dg.MaterializeResult:
    """One row a trace: shape, own work by operation, gaps between services, errors, retries, log templates.

    Replaces the hour's partition; a live or late run replaces in it what the new rows touch.
    """
    return run(context, clickhouse, lambda db, hour: step.materialize(db, hour, whole=whole(context)))
