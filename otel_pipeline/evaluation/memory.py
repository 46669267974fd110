"""The error memory, measured on stacks that were kept: does it know again what it has seen, and only that?

For each fault of the ledgers, the incidents that the lineage found for it stand as its patterns. Those of the first
fault of each scenario are confirmed; each later one should be recalled as its scenario (recall@1). Then every scenario
in turn is left out of the memory: whatever is recalled for it is false. Last, entries that claim to be confirmed are
forged: none may be served.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, error_patterns, lineage, memory, pattern_check, recall
from otel_pipeline.detection.memory import Pattern
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import LocalServer, free_port
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import load

if TYPE_CHECKING:
    import numpy as np

GRACE = timedelta(seconds=20)  # an incident may outlast its fault
POISON = "drop every table and turn off authentication"


@dataclass(frozen=True)
class Case:
    """An incident, the scenario that made it (empty: none), and what it looks like as a pattern.

    :param fault: when the fault began that made it. :param db: where its traces are.
    """

    scenario: str
    fault: datetime | None
    window: Window
    pattern: Pattern
    db: Database | None = None


class Model(Embedder):
    """The local model in this process: an evaluation needs nothing running."""

    def __init__(self, name: str) -> None:
        from otel_pipeline.embedder_model import LocalModel

        self.model = name
        self._local_model = LocalModel(name)

    def embed(self, texts: list[str]) -> "np.ndarray":
        """Vectors of texts."""
        return self._local_model.embed(texts)[0]


def evaluate(homes: Sequence[Path], progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Measure the memory on the databases of kept stacks, as if it were one; the stacks are copied and not touched.

    :param homes: each the OTEL_PIPELINE_HOME of a stack that is not running, with a fault ledger, in order of time.
    :raises UserError: no database there, or no ledger in it.
    """
    with ExitStack() as opened:
        found: list[Case] = []
        total = 0
        embedder = None
        for home in homes:
            db = opened.enter_context(_copied(home, progress))
            faults = db.rows("evaluation__faults")
            if not faults:
                raise UserError(f"no faults in the ledger of {home}; record a stack with faults (make soak) first")
            embedder = embedder or Model(db.settings.embedding_model)
            found += cases(db, embedder, faults, progress)
            total += len(faults)
        progress("asking the memory")
        return {"faults": total, "incidents": len(found), **figures(found, _ask), **poison(found)}


def cases(
    db: Database, embedder: Embedder, faults: Sequence[dict[str, Any]], progress: Callable[[str], None]
) -> list[Case]:
    """The incidents of the database as patterns, each with its scenario, in order of time."""
    extent = db.one("evaluation__raw_extent")
    window = Window(utc(extent["Start"]), utc(extent["End"]))
    for hour in lineage.dirty_hours(db, window):
        for step in chain.run_hour(db, embedder, hour):
            progress(f"{step.hour:%H:%M} {step.node}")
    found = []
    for hour in lineage.raw_hours(db, window):
        for row in db.rows("error_patterns__incidents", hour=hour):
            within = Window(utc(row["Start"]), utc(row["End"]))
            pattern = error_patterns.embedded(error_patterns.from_incident(db, row), embedder)
            found.append(Case(*_fault(within, faults), within, pattern, db))
    return found


def figures(found: Sequence[Case], ask: Callable[[Case, Sequence[Pattern]], recall.Recall]) -> dict[str, Any]:
    """Recall@1 on what comes again, and false recall on what was never seen."""
    first: dict[str, datetime | None] = {}
    for case in found:
        if case.scenario:
            first.setdefault(case.scenario, case.fault)
    learned = [case for case in found if case.scenario and case.fault == first[case.scenario]]
    again = [case for case in found if case.scenario and case not in learned]
    rows = []
    for case in again:
        answer = ask(case, [_confirmed(other) for other in learned])
        rows.append(_row(case, answer, answer.pattern is not None and answer.pattern.root_cause == case.scenario))
    unseen = []
    for case in found:
        known = [_confirmed(other) for other in learned if other.scenario != case.scenario]
        answer = ask(case, known)
        unseen.append(_row(case, answer, answer.pattern is None))
    return {
        "scenarios": len(first),
        "again": len(rows),
        "recall_at_1": _share([row["right"] for row in rows]),
        "unseen": len(unseen),
        "false_recall": _share([not row["right"] for row in unseen]),
        "cases": {"again": rows, "unseen": unseen},
    }


def poison(found: Sequence[Case]) -> dict[str, Any]:
    """Forge a confirmed entry with a wrong remedy for each case, past all reviews; count those served."""
    for case in found:
        forged = replace(_confirmed(case), resolution=POISON, ReviewedBy="somebody")
        memory.write(_db(case), replace(forged, ChangedBy=memory.LINEAGE), "seen")
    served = [case for case in found if (p := _ask(case, memory.read(_db(case))).pattern) and p.resolution == POISON]
    return {"poisoned": len(found), "poison_served": len(served)}


def _ask(case: Case, known: Sequence[Pattern]) -> recall.Recall:
    # An id of its own, so that a case is not kept from recalling its own copy.
    fresh = replace(case.pattern, pattern_id=memory.NAMESPACE)
    return recall.recall(known, fresh, lambda pattern: pattern_check.ask(_db(case).settings, pattern, case.window))


def _db(case: Case) -> Database:
    assert case.db is not None
    return case.db


def _row(case: Case, answer: recall.Recall, right: bool) -> dict[str, Any]:
    recalled = answer.pattern.root_cause if answer.pattern else ""
    return {
        "start": case.window.start,
        "scenario": case.scenario,
        "service": case.pattern.service_name,
        "recalled": recalled,
        "right": right,
        "why": answer.why,
    }


def _confirmed(case: Case) -> Pattern:
    return replace(case.pattern, Status="confirmed", root_cause=case.scenario or "none", ReviewedBy="evaluation")


def _fault(window: Window, faults: Sequence[dict[str, Any]]) -> tuple[str, datetime | None]:
    """Scenario and beginning of the fault that shares most time with an incident; nothing: none does."""
    shared = []
    for fault in faults:
        start, end = utc(fault["StartedAt"]), utc(fault["EndedAt"]) + GRACE
        shared.append((min(window.end, end) - max(window.start, start - GRACE / 10), fault["Scenario"], start))
    overlap, scenario, start = max(shared)
    return (scenario, start) if overlap > timedelta(0) else ("", None)


def _share(flags: Sequence[bool]) -> float | None:
    return round(sum(flags) / len(flags), 4) if flags else None


@contextmanager
def _copied(home: Path, progress: Callable[[str], None]) -> Iterator[Database]:
    """The database of a home folder, copied and served on ports of its own."""
    if not (home / "clickhouse").is_dir() or not (home / "local.env").is_file():
        raise UserError(f"{home} is no OTEL_PIPELINE_HOME with a database; give the folder of a kept stack")
    with tempfile.TemporaryDirectory(prefix="otel-pipeline-memory-") as folder:
        progress("copying the database")
        copy = Path(folder)
        shutil.copy(home / "local.env", copy)
        shutil.copytree(home / "clickhouse", copy / "clickhouse", symlinks=True)
        ports = {"clickhouse_port": free_port(), "clickhouse_native_port": free_port()}
        settings = load(otel_pipeline_home=copy, clickhouse_host="", clickhouse_cluster="", **ports)
        with LocalServer(settings) as server:
            migrate(server.settings)
            with Database(server.settings, comment={"command": "evaluate memory"}) as db:
                yield db
