"""Node error_patterns. Last step of an hour: notes that the hour has been processed with what the first step saw."""

import dagster as dg

from otel_pipeline.assets.node import node, run, whole
from otel_pipeline.detection import error_patterns as step
from otel_pipeline.detection import lineage
from otel_pipeline.errors import Unavailable
from otel_pipeline.resources.clickhouse import ClickHouse
from otel_pipeline.resources.embedder import EmbeddingEndpoint


@node("error_patterns", ["incidents"], alone=True)
def error_patterns(
    context: dg.AssetExecutionContext, clickhouse: ClickHouse, embedder: EmbeddingEndpoint
) -> dg.MaterializeResult:
    """The memory: each incident matches a known pattern, with its cause and remedy, or is noted as a suspected one.

    Keyed by pattern; counts each incident once, however often the hour is run. What people wrote stays.
    """

    def materialize(db, hour):
        try:
            report = step.materialize(db, hour, embedder.client(), whole=whole(context))
        except Unavailable as error:
            context.log.warning("matching by structure alone: %s", error)
            report = step.materialize(db, hour, whole=whole(context))
        lineage.finish(db, hour, context.run.run_id)
        return report

    return run(context, clickhouse, materialize)
