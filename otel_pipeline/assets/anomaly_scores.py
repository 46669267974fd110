"""Node anomaly_scores."""

import dagster as dg

from otel_pipeline.assets.node import node, run
from otel_pipeline.detection import anomaly_scores as step
from otel_pipeline.resources.clickhouse import ClickHouse


@node("anomaly_scores", ["trace_summaries", "normal_centroid"], code_version=step.CODE_VERSION)
def anomaly_scores(context: dg.AssetExecutionContext, clickhouse: ClickHouse) -> dg.MaterializeResult:
    """Score, verdict and reasons of each trace, by the newest baseline whose window had ended when the trace began.

    Replaces the hour's partition. The table `worst` links into HyperDX.
    """
    return run(context, clickhouse, step.materialize)
