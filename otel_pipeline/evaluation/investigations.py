"""The investigation on a kept stack: is its first cause the service that was broken, and is it calm where nothing was?

It is asked about the window of each fault in the ledger, about the quiet times between them, and how each service did
in those. The ledger judges; nothing that is asked sees it.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import ledger
from otel_pipeline.evaluation.ledger import Fault
from otel_pipeline.evaluation.shop import quiet_times
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.model import Investigation

SHORTEST, BEFORE = timedelta(seconds=25), timedelta(seconds=5)
USUAL = ("as usual", "too little to compare with")


def evaluate(
    db: Database, embedder: Embedder | None, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Ask, and hold the answers against the ledger.

    :raises UserError: no faults in the ledger, or no traces.
    """
    row = db.one("evaluation__summarised")
    judged = Window(utc(row["Start"]), utc(row["End"]))
    faults = [fault for fault in ledger.read(db) if judged.start <= fault.window.start < judged.end]
    if not faults:
        raise UserError(
            "the ledger names no fault in the time that was summarised; keep a soak: make soak ARGS='--keep DIR'"
        )
    told = [_of_fault(db, embedder, fault, progress) for fault in faults]
    # Requests that had begun just before a fault may meet it.
    quiet = [Window(w.start, w.end - BEFORE) for w in quiet_times(faults, judged) if w.end - w.start >= SHORTEST]
    calm = [_of_quiet(db, embedder, window, progress) for window in quiet]
    services = sorted({service for row in calm for service in row["services"]})
    statuses = [_status(db, embedder, w, s, progress) for w in quiet for s in services]
    return {
        "faults": told,
        "right": sum(row["right"] for row in told),
        "quiet": calm,
        "calm": sum(row["verdict"] != "trouble" for row in calm),
        "status_checks": len(statuses),
        "wolves": [row for row in statuses if row["unusual"] or row["verdict"] == "trouble"],
    }


def _of_fault(db: Database, embedder: Embedder | None, fault: Fault, progress: Callable[[str], None]) -> dict[str, Any]:
    progress(f"asking about {fault.scenario}")
    began = time.perf_counter()
    found = investigate(db, fault.window, embedder=embedder)
    blamed = _blamed(found)
    return {
        "scenario": fault.scenario,
        "start": fault.window.start,
        "service": fault.service,
        "blamed": blamed,
        "right": blamed == fault.service,
        "verdict": found.verdict,
        "headline": found.headline,
        "seconds": round(time.perf_counter() - began, 2),
    }


def _of_quiet(
    db: Database, embedder: Embedder | None, window: Window, progress: Callable[[str], None]
) -> dict[str, Any]:
    progress(f"asking about quiet {window.start:%H:%M:%S}")
    found = investigate(db, window, embedder=embedder)
    seen = db.rows("investigate__services", starts=[window.start], ends=[window.end])
    return {
        "start": window.start,
        "end": window.end,
        "verdict": found.verdict,
        "blamed": _blamed(found),
        "headline": found.headline,
        "services": [row["Service"] for row in seen],
    }


def _status(
    db: Database, embedder: Embedder | None, window: Window, service: str, progress: Callable[[str], None]
) -> dict[str, Any]:
    progress(f"how did {service} do at {window.start:%H:%M:%S}")
    found = investigate(db, window, service=service, embedder=embedder)
    return {
        "service": service,
        "start": window.start,
        "end": window.end,
        "verdict": found.verdict,
        "unusual": _unusual(found),
    }


def _blamed(found: Investigation) -> str:
    return found.causes[0].service if found.causes else ""


def _unusual(found: Investigation) -> Sequence[str]:
    if not found.status:
        return []
    figures = [
        f"{f.name}: {f.now:g}, usually {f.low:g} to {f.high:g}" for f in found.status.figures if f.note not in USUAL
    ]
    return [*figures, *found.status.new]
