"""Node trace_summaries."""

import dagster as dg

from otel_pipeline.assets.node import node, run
from otel_pipeline.detection import trace_summaries as step
from otel_pipeline.resources.clickhouse import ClickHouse


@node("trace_summaries", ["otel_traces", "otel_logs", "log_templates"], code_version=step.CODE_VERSION)
def trace_summaries(context: dg.AssetExecutionContext, clickhouse: ClickHouse) -> dg.MaterializeResult:
    """One row a trace: shape, own work by operation, gaps between services, errors, retries, log templates.

    Replaces the hour's partition.
    """
    return run(context, clickhouse, step.materialize)
