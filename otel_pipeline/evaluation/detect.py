"""Per-trace detection on labelled data: the pipeline's baseline and score, with plain methods beside them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import anomaly_scores, lineage, normal_centroid
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.staging import scratch
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import labelled, plain_detect
from otel_pipeline.evaluation.figures import figures

BEFORE, AFTER = timedelta(seconds=60), timedelta(seconds=300)


def evaluate(folder: Path, progress: Callable[[str], None] = lambda _: None, plain: bool = False) -> dict[str, Any]:
    """Score every trace of a folder.

    The normal is learned from reference.json's windows, or robustly from everything.

    :param plain: add the plain methods, as ``"plain": {name: {"ap", "auc", "f1"}}``.
    :returns: ``{"threshold", "traces": [{"trace_id", "score", "anomalous"}], "ap", "auc", "f1"}``, traces in order of
        time; the last three are None without labels.
    :raises UserError: a folder that cannot be read, or too few traces to learn from.
    """
    data = labelled.read(folder)
    with labelled.loaded(data) as db:
        extent = labelled.extent(db)
        version = extent.start.replace(hour=0, minute=0, second=0, microsecond=0)
        progress("learning what is normal")
        learn(db, version, data.reference or [extent])
        hours = lineage.raw_hours(db, extent)
        for hour in hours:
            progress(f"scoring {hour:%H:%M}")
            anomaly_scores.materialize(db, hour, version=version)
        rows = db.rows("evaluation__traces")
        methods = plain_detect.methods(db, data.reference or [extent]) if plain else []
    labels = [label(utc(row["Timestamp"]), row["Services"], data.cases) for row in rows]
    scores = [row["Score"] for row in rows]
    flags = [row["Verdict"] == "anomalous" for row in rows]
    answer: dict[str, Any] = {
        "threshold": anomaly_scores.THRESHOLD,
        "traces": [
            {"trace_id": row["TraceId"], "score": row["Score"], "anomalous": flag}
            for row, flag in zip(rows, flags, strict=True)
        ],
        **figures(labels, scores, flags).document(),
    }
    if plain:
        traces = [row["TraceId"] for row in rows]
        answer["plain"] = {method.name: method.figures(labels, traces).document() for method in methods}
    return answer


def learn(db: Database, version: datetime, windows: Sequence[Window]) -> int:
    """Learn one baseline from windows; the number of traces.

    :raises UserError: too few.
    """
    with scratch(db, 1) as (excluded,):
        db.run("evaluation__nothing", stage=excluded)
        traces = normal_centroid.learn(db, version, windows, excluded)
    if not traces:
        raise UserError(f"too few traces to learn from; a baseline needs {normal_centroid.LEAST_TRACES}")
    return traces


def label(began: datetime, services: Sequence[str], cases: Sequence[labelled.Case]) -> bool | None:
    """Whether a trace is faulty: its root begins inside a fault's window and it has a span on the faulty service.

    Normal is what is further than 60 s before and 300 s after any window; anything else is left out (None), and all is
    without labels.
    """
    if not any(case.service for case in cases):
        return None
    if any(case.window.start <= began < case.window.end and case.service in services for case in cases):
        return True
    near = any(case.window.start - BEFORE <= began < case.window.end + AFTER for case in cases)
    return None if near else False
