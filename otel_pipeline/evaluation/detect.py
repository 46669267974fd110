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
from otel_pipeline.evaluation import labelled, plain_detect, plain_two_sided
from otel_pipeline.evaluation.figures import figures

BEFORE, AFTER = timedelta(seconds=60), timedelta(seconds=300)


def evaluate(folder: Path, progress: Callable[[str], None] = lambda _: None, plain: bool = False) -> dict[str, Any]:
    """Score every trace of a folder.

    The normal is learned from reference.json's windows; robustly from everything without them, or where they hold too
    little.

    Labels are those of labels.parquet where there is one, or else by time and service, see :func:`label`.

    :param plain: add the plain methods, as ``"plain": {name: {"ap", "auc", "f1"}}``.
    :returns: ``{"threshold", "traces": [{"trace_id", "score", "anomalous"}], "ap", "auc", "f1"}``, traces in order of
        time; the last three are None without labels.
    :raises UserError: a folder that cannot be read, or too few traces to learn from.
    """
    data = labelled.read(folder, need_faults=False)
    with labelled.loaded(data) as db:
        return judged(db, data, progress, plain)


def judged(
    db: Database, data: labelled.Labelled, progress: Callable[[str], None] = lambda _: None, plain: bool = False
) -> dict[str, Any]:
    """The same as :func:`evaluate`, of a folder that is loaded."""
    extent = labelled.extent(db)
    version = extent.start.replace(hour=0, minute=0, second=0, microsecond=0)
    windows = normal(data, extent)
    progress("learning what is normal")
    is_known = windows != [extent]
    if not learn(db, version, windows, is_known) and not learn(db, version, windows := [extent]):
        raise UserError(f"too few traces to learn from; a baseline needs {normal_centroid.LEAST_TRACES}")
    for hour in lineage.raw_hours(db, extent):
        progress(f"scoring {hour:%H:%M}")
        anomaly_scores.materialize(db, hour, version=version)
    rows = db.rows("evaluation__traces")
    methods = plain_detect.methods(db, windows) if plain else []
    if plain and (path := data.files.get("traces")) and path.suffix == ".parquet":
        methods.append(plain_detect.excess(plain_two_sided.spans(path), windows))
    if data.labels is None:
        labels = [label(utc(row["Timestamp"]), row["Services"], data.cases) for row in rows]
    else:
        labels = [data.labels.get(row["TraceId"]) for row in rows]
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


def normal(data: labelled.Labelled, extent: Window) -> list[Window]:
    """What the normal is learned from: the parts of known-normal windows that hold data, or else everything."""
    parts = [Window(max(w.start, extent.start), min(w.end, extent.end)) for w in data.reference]
    return [part for part in parts if part.start < part.end] or [extent]


def learn(db: Database, version: datetime, windows: Sequence[Window], known_normal: bool = False) -> int:
    """Learn one baseline from windows; the number of traces, 0 when there are too few."""
    with scratch(db, 1) as (excluded,):
        db.run("normal_centroid__excluded", stage=excluded)
        return normal_centroid.learn(db, version, windows, excluded, known_normal=known_normal)


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
