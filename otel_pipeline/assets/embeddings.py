"""Node embeddings."""

import dagster as dg

from otel_pipeline.assets.node import node, run
from otel_pipeline.detection import embeddings as step
from otel_pipeline.detection.model import StepReport
from otel_pipeline.errors import Unavailable
from otel_pipeline.resources.clickhouse import ClickHouse
from otel_pipeline.resources.embedder import EmbeddingEndpoint


@node("embeddings", ["log_templates", "trace_summaries", "error_patterns"], alone=True, kinds=["openai"])
def embeddings(
    context: dg.AssetExecutionContext, clickhouse: ClickHouse, embedder: EmbeddingEndpoint
) -> dg.MaterializeResult:
    """One vector a distinct text and model: log templates and trace shapes. Never one a row.

    Last of the lineage and within a budget a run: detection does not wait for vectors. Keyed by model and text, so that
    running again adds only what is missing. While the embedder does not answer, or texts are left for later runs, the
    check on this node says so.
    """

    def materialize(db, hour):
        try:
            return step.materialize(db, embedder.client(), hour)
        except Unavailable as error:
            context.log.warning("%s", error)
            return StepReport(rows=0, metrics={"embedded": 0})

    return run(context, clickhouse, materialize)
