"""All that Dagster knows of: the only wiring. Nothing heavy is imported here; a test holds it to that."""

import dagster as dg

from otel_pipeline.assets.anomaly_scores import anomaly_scores
from otel_pipeline.assets.embeddings import embeddings
from otel_pipeline.assets.error_patterns import error_patterns
from otel_pipeline.assets.incidents import incidents
from otel_pipeline.assets.log_templates import log_templates
from otel_pipeline.assets.normal_centroid import normal_centroid
from otel_pipeline.assets.raw import RAW
from otel_pipeline.assets.trace_summaries import trace_summaries
from otel_pipeline.automation.jobs import daily_normal, lineage_hour, retention_job
from otel_pipeline.automation.schedules import SCHEDULES
from otel_pipeline.automation.sensors import SENSORS
from otel_pipeline.checks import CHECKS
from otel_pipeline.resources.clickhouse import ClickHouse
from otel_pipeline.resources.embedder import EmbeddingEndpoint

defs = dg.Definitions(
    assets=[
        *RAW,
        log_templates,
        trace_summaries,
        embeddings,
        normal_centroid,
        anomaly_scores,
        incidents,
        error_patterns,
    ],
    asset_checks=CHECKS,
    jobs=[lineage_hour, daily_normal, retention_job],
    sensors=SENSORS,
    schedules=SCHEDULES,
    # Both read the settings, so that one environment variable points the command line and Dagster at the same server.
    resources={"clickhouse": ClickHouse(), "embedder": EmbeddingEndpoint()},
    # Asset pages and backfills use this one too: steps of an hour follow each other anyway.
    executor=dg.in_process_executor,
)
