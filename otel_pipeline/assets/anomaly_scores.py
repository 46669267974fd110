"""Node anomaly_scores."""

import dagster as dg

from otel_pipeline.assets.node import node, run, whole
from otel_pipeline.detection import anomaly_scores as step
from otel_pipeline.resources.clickhouse import ClickHouse


@node("anomaly_scores", ["trace_summaries", "normal_centroid"])
def anomaly_scores(context: dg.AssetExecutionContext, clickhouse: ClickHouse) -> dg.MaterializeResult:
    """Score, verdict and reasons of each trace, by the newest baseline whose window had ended when the trace began.

    Replaces the hour's partition; a live or late run replaces in it what the new rows touch.
    The table `worst` links into HyperDX.
    """
    return run(context, clickhouse, lambda db, hour: step.materialize(db, hour, whole=whole(context)))
