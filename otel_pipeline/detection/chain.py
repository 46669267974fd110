"""The whole lineage, hour by hour, without Dagster: for `materialize`, `evaluate`, tests. Assets run the same code.

Vectors come last: search needs them, detection does not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import (
    anomaly_scores,
    embeddings,
    error_patterns,
    incidents,
    lineage,
    log_templates,
    normal_centroid,
    trace_summaries,
)
from otel_pipeline.detection.model import StepReport, Window
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import Unavailable

NODES = (
    "log_templates",
    "trace_summaries",
    "normal_centroid",
    "anomaly_scores",
    "incidents",
    "error_patterns",
    "embeddings",
)


@dataclass(frozen=True)
class Step:
    """One node's work on one hour."""

    hour: datetime
    node: str
    report: StepReport


def run(
    db: Database,
    embedder: Embedder | None,
    window: Window,
    progress: Callable[[Step], None] | None = None,
    *,
    whole: bool = True,
) -> list[Step]:
    """Run the lineage over every hour of the window that holds raw rows, oldest first.

    :param embedder: without it, or while it does not answer, steps that need vectors leave them out; all else works.
    :param whole: compute everything anew, not only what has arrived since the hours were last processed.
    :param progress: called after each step.
    """
    done = []
    for hour in lineage.raw_hours(db, window):
        for step in run_hour(db, embedder, hour, whole=whole):
            done.append(step)
            if progress:
                progress(step)
    return done


def run_hour(db: Database, embedder: Embedder | None, hour: datetime, *, whole: bool = True) -> Iterator[Step]:
    """Run the lineage over one hour, and note what it was processed with."""
    arrivals = lineage.arrived(db, hour)
    yield Step(hour, "log_templates", log_templates.materialize(db, hour, whole=whole))
    yield Step(hour, "trace_summaries", trace_summaries.materialize(db, hour, whole=whole))
    model = embedder.model if embedder else ""
    yield Step(hour, "normal_centroid", normal_centroid.materialize(db, hour, model=model, whole=whole))
    yield Step(hour, "anomaly_scores", anomaly_scores.materialize(db, hour, whole=whole))
    yield Step(hour, "incidents", incidents.materialize(db, hour, whole=whole))
    try:
        yield Step(hour, "error_patterns", error_patterns.materialize(db, hour, embedder, whole=whole))
    except Unavailable:  # matching by structure alone
        yield Step(hour, "error_patterns", error_patterns.materialize(db, hour, whole=whole))
    lineage.record(db, hour, arrivals)
    if embedder:
        try:
            yield Step(hour, "embeddings", embeddings.materialize(db, embedder, hour))
        except Unavailable:
            yield Step(hour, "embeddings", StepReport(rows=0, metrics={"embedded": 0}))
