"""``otel-pipeline forget``: find, count, erase, count again, and keep a record that names nobody."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.erasure.files import Files
from otel_pipeline.erasure.subject import SHORTEST_IN_TEXT, Subject
from otel_pipeline.erasure.tables import Eraser
from otel_pipeline.settings import Settings
from otel_pipeline.stack import record

RECORD = "forgotten.jsonl"


@dataclass
class Report:
    """What was there, what is left. ``complete`` when nothing is, and nothing remains to be done."""

    kind: str
    digest: str
    at: str
    traces: int = 0
    sessions: int = 0
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether it is all gone from here. Backups are told, not touched."""
        return not self.after and not self.left

    def document(self) -> dict[str, Any]:
        """As JSON; it names nobody."""
        return {**asdict(self), "complete": self.complete}


def forget(settings: Settings, subject: Subject, *, dry_run: bool = False) -> Report:
    """Erase a subject from everything that this installation keeps.

    :param dry_run: count only.
    :raises UserError: no ClickHouse.
    """
    report = Report(subject.kind, subject.digest, datetime.now(UTC).isoformat(timespec="seconds"))
    home = settings.otel_pipeline_home
    with Database(settings.raw, comment={"command": "forget"}) as db:
        eraser = Eraser(db, subject)
        eraser.find()
        files = Files(home, subject)
        report.before = {**eraser.counts(), **files.counts()}
        if not dry_run:
            # What waits in the spool of a running intake would come into the tables afterwards.
            if not files.wait_for_spool():
                report.notes.append("the spool was rewritten: no intake runs that could have emptied it")
            eraser.find()
            files = Files(home, subject)
            report.left += files.erase(stack_runs=_runs(home))
            report.after = {**eraser.erase(), **files.counts()}
            report.left += [f"{name}: replaced files are still on disk, for some minutes" for name in eraser.files_left]
        report.traces, report.sessions = len(subject.traces), len(subject.sessions)
        report.backups = [*_backups_of(db), *sorted(str(path) for path in (home / "backups").glob("*"))]
        if queries := eraser.mentioned_in_queries():
            report.notes.append(f"{queries} queries in system.query_log mention it; the log keeps 3 days")
    if subject.kind != "trace" and len(subject.value) < SHORTEST_IN_TEXT:
        report.notes.append(f"shorter than {SHORTEST_IN_TEXT} characters: texts were not searched, attributes were")
    if report.backups:
        report.notes.append("backups still hold it: after restoring one, run this again")
    if not dry_run:
        _keep(home / RECORD, report)
    return report


def _runs(home: Path) -> bool:
    try:
        os.close(record.take_lock(home))
    except Exception:
        return True
    return False


def _backups_of(db: Database) -> list[str]:
    try:
        rows = db.client.query("SELECT name, toString(start_time) FROM system.backups ORDER BY start_time").result_rows
    except Exception:  # a server that does not let us see them
        return []
    return [f"{name} of {at}" for name, at in rows]


def _keep(path: Path, report: Report) -> None:
    """Append the report to the record, for the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(report.document()) + "\n")
