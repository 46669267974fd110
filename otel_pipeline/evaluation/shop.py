"""The pipeline's results on the sample shop, held against the ledger of what was really broken."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.anomaly_scores import THRESHOLD
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import judged_incidents, ledger, plain_detect, replay
from otel_pipeline.evaluation.figures import figures
from otel_pipeline.evaluation.ledger import GRACE, Fault

OVERALL = "all"


def evaluate(db: Database, progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Judge what stands in the database. Nothing is computed anew but what is to be beaten, and nothing is written.

    :returns: ``{"start", "end", "incidents": {figure: value}, "faults": [{"scenario", "start", "service", "found",
        "blamed", …}], "detect": {"threshold", "methods": {method: {scenario or "all": {"ap", "auc", "f1"}}}}}``
    :raises UserError: no faults in the ledger, or no traces judged.
    """
    faults = ledger.read(db)
    traces = db.rows("evaluation__judged")
    if not traces:
        raise UserError("no trace has been judged here; run the lineage first (`otel-pipeline materialize`)")
    judged = Window(utc(traces[0]["Timestamp"]), utc(traces[-1]["Timestamp"]))
    faults = [f for f in faults if f.window.start >= judged.start and f.window.start < judged.end]
    if not faults:
        raise UserError(
            "the ledger names no fault in the time that was judged; keep a soak: make soak ARGS='--keep DIR'"
        )
    return {
        "start": judged.start,
        "end": judged.end,
        **_incidents(db, faults, judged, progress),
        "detect": _detect(db, faults, traces, judged, progress),
    }


def incidents_of(db: Database) -> list[dict[str, Any]]:
    """Rows of ``evaluation__incidents``, times aware."""
    rows = db.rows("evaluation__incidents")
    for row in rows:
        row.update({column: utc(row[column]) for column in ("Start", "End", "DetectedAt")})
    return rows


def _incidents(
    db: Database, faults: Sequence[Fault], judged: Window, progress: Callable[[str], None]
) -> dict[str, Any]:
    rows = incidents_of(db)
    findings = []
    for fault in faults:
        progress(f"when was {fault.scenario} seen")
        findings.append(judged_incidents.judge(fault, rows, replay.first_shown(db, fault)))
    busy = sum((f.window.end + GRACE - f.window.start for f in faults), timedelta())
    quiet = max(0.0, (judged.end - judged.start - busy).total_seconds() / 3600)
    return {
        "incidents": judged_incidents.figures(findings, faults, rows, quiet),
        "faults": [
            {
                "scenario": finding.fault.scenario,
                "start": finding.fault.window.start,
                "service": finding.fault.service,
                "found": finding.found,
                "incidents": finding.incidents,
                "blamed": finding.blamed,
                "ttd_s": finding.replayed_s,
                "ttd_live_s": finding.live_s,
                "title": finding.title,
            }
            for finding in findings
        ],
    }


def _detect(
    db: Database,
    faults: Sequence[Fault],
    traces: Sequence[dict[str, Any]],
    judged: Window,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    progress("labelling traces")
    labels = ledger.labels(db, faults, traces)
    names = [row["TraceId"] for row in traces]
    scores = [row["Score"] for row in traces]
    flags = [row["Verdict"] == "anomalous" for row in traces]
    progress("plain methods")
    plain = plain_detect.methods(db, quiet_times(faults, judged))
    methods: dict[str, dict[str, Any]] = {name: {} for name in ("this", *(method.name for method in plain))}
    scenarios = sorted({scenario for scenario, label in labels if label})
    for scenario in (OVERALL, *scenarios):
        truth = [label if label is not True or scenario in (OVERALL, of) else None for of, label in labels]
        methods["this"][scenario] = figures(truth, scores, flags).document()
        for method in plain:
            methods[method.name][scenario] = method.figures(truth, names).document()
    counts = {scenario: sum(of == scenario for of, _ in labels) for scenario in scenarios}
    return {
        "threshold": THRESHOLD,
        "faulty": sum(counts.values()),
        "normal": sum(label is False for _, label in labels),
        "traces": counts,
        "methods": methods,
    }


def quiet_times(faults: Sequence[Fault], judged: Window) -> list[Window]:
    """The judged time between faults: what the plain methods learn from, to their advantage."""
    found, start = [], judged.start
    for fault in sorted(faults, key=lambda f: f.window.start):
        if fault.window.start > start:
            found.append(Window(start, fault.window.start))
        start = max(start, fault.window.end + GRACE)
    return [*found, Window(start, judged.end)] if judged.end > start else found
