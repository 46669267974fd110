"""Per-trace detection on labelled data: the pipeline's baseline and score, with plain methods beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import anomaly_scores, lineage, normal_centroid
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.staging import scratch
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import labelled

BEFORE, AFTER = timedelta(seconds=60), timedelta(seconds=300)


@dataclass(frozen=True)
class Figures:
    """How well a score tells faulty traces from normal ones; None without both kinds."""

    ap: float | None
    auc: float | None
    f1: float | None = None


def evaluate(folder: Path, progress: Callable[[str], None] = lambda _: None, plain: bool = False) -> dict[str, Any]:
    """Score every trace of a folder.

    The normal is learned from reference.json's windows, or robustly from everything.

    :param plain: add the plain methods, as ``"plain": {name: {"ap", "auc"}}``.
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
        methods = _plain(db, data.reference or [extent]) if plain else {}
    labels = [label(utc(row["Timestamp"]), row["Services"], data.cases) for row in rows]
    scores = [row["Score"] for row in rows]
    flags = [row["Verdict"] == "anomalous" for row in rows]
    own = figures(labels, scores, flags)
    answer: dict[str, Any] = {
        "threshold": anomaly_scores.THRESHOLD,
        "traces": [
            {"trace_id": row["TraceId"], "score": row["Score"], "anomalous": flag}
            for row, flag in zip(rows, flags, strict=True)
        ],
        "ap": own.ap,
        "auc": own.auc,
        "f1": own.f1,
    }
    if plain:
        beside = {name: figures(labels, [values[row["TraceId"]] for row in rows]) for name, values in methods.items()}
        answer["plain"] = {name: {"ap": f.ap, "auc": f.auc} for name, f in beside.items()}
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


def figures(labels: Sequence[bool | None], scores: Sequence[float], flags: Sequence[bool] | None = None) -> Figures:
    """Average precision, area under the ROC curve and, with flags, F1, over labelled traces. Ties count half."""
    known = [(score, truth) for score, truth in zip(scores, labels, strict=True) if truth is not None]
    positive = sum(truth for _, truth in known)
    negative = len(known) - positive
    if not positive or not negative:
        return Figures(None, None)
    groups: dict[float, list[int]] = {}
    for score, truth in known:
        groups.setdefault(score, [0, 0])[truth] += 1
    seen_true = seen_false = 0
    precision_sum = pairs = 0.0
    for score in sorted(groups, reverse=True):
        false, true = groups[score]
        pairs += true * (negative - seen_false - false / 2)
        seen_true, seen_false = seen_true + true, seen_false + false
        precision_sum += true * seen_true / (seen_true + seen_false)
    f1 = None
    if flags is not None:
        hit = sum(flag and truth is True for flag, truth in zip(flags, labels, strict=True))
        flagged = sum(flag and truth is not None for flag, truth in zip(flags, labels, strict=True))
        f1 = round(2 * hit / (flagged + positive), 4)
    return Figures(round(precision_sum / positive, 4), round(pairs / (positive * negative), 4), f1)


def _plain(db: Database, windows: Sequence[Window]) -> dict[str, dict[str, float]]:
    """The methods to beat, by trace id: raw duration, z-score of the duration in its operation, error flag, distance of
    the trace's shape (a vector of its calls) to the one centroid of all.
    """
    span = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    rows = db.rows("evaluation__plain", **span)
    return {
        name: {row["TraceId"]: row[column] for row in rows}
        for name, column in (
            ("duration", "Duration"),
            ("duration z-score by operation", "DurationZ"),
            ("error flag", "Error"),
            ("one centroid", "Distance"),
        )
    }
