"""A labelled folder: spans and log lines, the windows of faults, what is known to be normal.

otel_traces.parquet  otel_logs.parquet     columns of otel_traces and otel_logs
faults.json          [{"start", "end", "service"?, "pod"?, "type"?}, …]
reference.json       [[start, end], …]     optional: windows of known-normal traffic
labels.parquet       TraceId, Faulty       optional: which traces are faulty; null: left out
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from otel_pipeline import importer
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import lineage, log_templates, trace_summaries
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import temporary_server


@dataclass(frozen=True)
class Case:
    """A fault's window, and the faulty service where the label tells it."""

    window: Window
    service: str


@dataclass(frozen=True)
class Labelled:
    """What a folder holds."""

    files: dict[importer.Kind, Path]
    cases: list[Case]
    reference: list[Window]
    labels: dict[str, bool | None] | None = None


def read(folder: Path, need_faults: bool = True) -> Labelled:
    """Read the descriptions in a folder; the telemetry itself is left to the importer.

    :param need_faults: without it, a folder that has no faults.json is one without labels.
    :raises UserError: nothing to evaluate, or a file that is not of the form above.
    """
    found: dict[importer.Kind, Path] = {}
    kinds: tuple[importer.Kind, ...] = ("traces", "logs")
    for kind in kinds:
        paths = sorted(path for path in folder.glob(f"otel_{kind}.*") if path.suffix.lower() in importer.FORMATS)
        if paths:
            found[kind] = paths[0]
    if "traces" not in found:
        raise UserError(f"no otel_traces.parquet in {folder}; see `otel-pipeline evaluate --help` for the files")
    faults = _json(folder / "faults.json") if need_faults or (folder / "faults.json").exists() else []
    if not isinstance(faults, list) or not all(isinstance(fault, dict) for fault in faults):
        raise UserError(f"{folder / 'faults.json'}: not a list of objects with start and end")
    cases = [
        Case(_window(folder / "faults.json", f.get("start"), f.get("end")), str(f.get("service") or "")) for f in faults
    ]
    path = folder / "reference.json"
    pairs = _json(path) if path.exists() else []
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise UserError(f"{path}: not a list of [start, end]")
    return Labelled(found, cases, [_window(path, *pair) for pair in pairs], _labels(folder / "labels.parquet"))


def _labels(path: Path) -> dict[str, bool | None] | None:
    if not path.exists():
        return None
    import pyarrow.parquet as pq

    columns = pq.read_table(path, columns=["TraceId", "Faulty"]).to_pydict()
    return dict(zip(columns["TraceId"], columns["Faulty"], strict=True))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from error


def _window(path: Path, start: Any, end: Any) -> Window:
    try:
        window = Window(utc(datetime.fromisoformat(start)), utc(datetime.fromisoformat(end)))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {start!r} to {end!r} are not two ISO 8601 times") from error
    if window.end <= window.start:
        raise UserError(f"{path}: the window {start} to {end} is empty")
    return window


@contextmanager
def loaded(labelled: Labelled) -> Iterator[Database]:
    """The folder's telemetry in a server of its own, through the importer and the first nodes of the lineage."""
    with tempfile.TemporaryDirectory(prefix="otel-pipeline-") as home:
        with temporary_server(Path(home)) as settings, Database(settings, comment={"command": "evaluate"}) as db:
            done = _import(db, labelled.files)
            extent = Window(min(item.start for item in done), max(item.end for item in done))
            for hour in lineage.raw_hours(db, extent):
                log_templates.materialize(db, hour)
                trace_summaries.materialize(db, hour)
            yield db


def _import(db: Database, files: dict[importer.Kind, Path]) -> list[importer.Imported]:
    """Import the files; a system that wrote no log lines has spans all the same."""
    try:
        return importer.run(db, files)
    except importer.NoRows:
        return importer.run(db, {"traces": files["traces"]})


def extent(db: Database) -> Window:
    """First to last trace."""
    row = db.one("evaluation__extent")
    return Window(utc(row["Start"]), utc(row["End"]))
