"""What each part of the score is worth: the pipeline's own code, with that part of every trace left blank.

Nothing in the pipeline knows of this: what is blank in all traces, normal or not, can neither be learned nor surprise.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import anomaly_scores, incidents, lineage, normal_centroid
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import detect, judged_incidents, labelled, ledger, rca
from otel_pipeline.evaluation import shop as shop_evaluation
from otel_pipeline.evaluation.figures import figures
from otel_pipeline.migrate import migrate

WHOLE = ""
PARTS = ("structure", "self time", "edge gap", "duration", "errors", "log templates")

Progress = Callable[[str], None]


def folder(path: Path, progress: Progress = lambda _: None) -> dict[str, Any]:
    """AS@1, AS@3, AP, AUC and F1 on a labelled folder, with everything ("") and without each part.

    :returns: ``{"parts": {part: {"as1", "as3", "ap", "auc", "f1"}}}``; None where labels are missing.
    :raises UserError: a folder that cannot be read.
    """
    data = labelled.read(path)
    with labelled.loaded(data) as db:
        return judged(db, data, progress)


def judged(
    db: Database, data: labelled.Labelled, progress: Progress = lambda _: None, parts: Sequence[str] = PARTS
) -> dict[str, Any]:
    """The same as :func:`folder`, of a folder that is loaded; the summaries are whole again afterwards."""
    db.run("evaluation__whole", source=db.settings.database)
    found = {}
    for part in (*parts, WHOLE):
        progress(f"without {part or 'nothing'}")
        _leave_out(db, part)
        causes = rca.judged(db, data)
        traces = detect.judged(db, data)
        found[part] = {name: causes[name] for name in ("as1", "as3")}
        found[part].update({name: traces[name] for name in ("ap", "auc", "f1")})
    return {"parts": {part: found[part] for part in (WHOLE, *parts)}}


def shop(db: Database, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Recall, precision, blame and AP on a kept soak, with everything and without each part.

    Works in a database of its own beside the kept one, which is only read.

    :returns: ``{"parts": {part: {"recall", "precision", "rightly_blamed", "ap", "auc", "f1"}}}``
    :raises UserError: there is nothing to judge by.
    """
    faults = ledger.read(db)
    if not faults:
        raise UserError("the ledger of this database names no fault")
    found = {}
    with _beside(db) as copy:
        for part in (WHOLE, *PARTS):
            progress(f"without {part or 'nothing'}")
            _leave_out(copy, part)
            for hour in lineage.raw_hours(db, labelled.extent(copy)):
                normal_centroid.materialize(copy, hour)
                anomaly_scores.materialize(copy, hour)
                incidents.materialize(copy, hour)
            found[part] = _shop_figures(db, copy, faults)
    return {"parts": found}


def _shop_figures(db: Database, copy: Database, faults: list[ledger.Fault]) -> dict[str, Any]:
    traces = copy.rows("evaluation__judged")
    seen = Window(utc(traces[0]["Timestamp"]), utc(traces[-1]["Timestamp"])) if traces else None
    faults = [f for f in faults if seen and seen.start <= f.window.start < seen.end]
    rows = shop_evaluation.incidents_of(copy)
    findings = [judged_incidents.judge(fault, rows, None) for fault in faults]
    told = judged_incidents.figures(findings, faults, rows, 0)
    labels = [label for _, label in ledger.labels(db, faults, traces)]
    flags = [row["Verdict"] == "anomalous" for row in traces]
    return {
        **{name: told[name] for name in ("recall", "precision", "rightly_blamed")},
        **figures(labels, [row["Score"] for row in traces], flags).document(),
    }


def _leave_out(db: Database, part: str) -> None:
    db.run("evaluation__clear")
    db.run("evaluation__without", part=part)


@contextmanager
def _beside(db: Database) -> Iterator[Database]:
    """A database on the same server with the summaries of this one, dropped afterwards."""
    name = f"{db.settings.database}_ablation"
    own = db.settings.raw.model_copy(update={"clickhouse_database": name})
    migrate(own)
    try:
        with Database(own, comment={"command": "evaluate"}) as copy:
            copy.run("evaluation__whole", source=db.settings.database)
            yield copy
    finally:
        db.run("evaluation__drop", database=name)
