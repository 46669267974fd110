"""Node normal_centroid."""

import dagster as dg

from otel_pipeline.assets.node import node, run, whole
from otel_pipeline.detection import normal_centroid as step
from otel_pipeline.resources.clickhouse import ClickHouse
from otel_pipeline.resources.embedder import EmbeddingEndpoint


@node("normal_centroids", ["trace_summaries"], alone=True)
def normal_centroid(
    context: dg.AssetExecutionContext, clickhouse: ClickHouse, embedder: EmbeddingEndpoint
) -> dg.MaterializeResult:
    """What is normal, by root operation: the baseline versions whose windows end in the hour.

    One ends every midnight; a new system gets its first ones 2, 4, 8, ... minutes after its first traffic. Each looks
    back over seven days, without what was anomalous. Replaces each version's partition; see ``partitions.py``.
    """
    model = embedder.client().model
    return run(context, clickhouse, lambda db, hour: step.materialize(db, hour, model=model, whole=whole(context)))
