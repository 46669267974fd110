"""Grouping accuracy of the log templates on labelled lines: the very node of the lineage, on a server of its own.

Input: CSV files in the form of loghub (Zhu et al., "Loghub", ISSRE 2023), one system each: column ``Content``, and
``EventId`` where the truth is known.
"""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings

csv.field_size_limit(16 * 1024 * 1024)


@dataclass(frozen=True)
class LabelledFile:
    """Lines of one system, and the event of each; no events where the truth is not told."""

    name: str
    lines: list[str]
    events: list[str] | None


def read(folder: Path) -> list[LabelledFile]:
    """All CSV files under a folder (or the one file).

    :raises UserError: nothing there, or a file without lines in a column Content.
    """
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.csv"))
    if not paths:
        raise UserError(f"no CSV files in {folder}; give a folder of files with a column Content (and EventId)")
    names = [path.name for path in paths]
    return [
        _read_file(path, path.name if names.count(path.name) == 1 else str(path.relative_to(folder))) for path in paths
    ]


def _read_file(path: Path, name: str) -> LabelledFile:
    lines, events = [], []
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                lines.append(row["Content"] or "")
                events.append(row.get("EventId") or "")
    except (KeyError, csv.Error, OSError) as error:
        raise UserError(f"{path} is not a CSV file with a column Content ({error})") from error
    if not lines:
        raise UserError(f"{path} holds no lines")
    return LabelledFile(name, lines, events if all(events) else None)


def evaluate(folder: Path, progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Templates of all lines under a folder, and their accuracy where labels are given.

    :returns: ``{"files": {name: {"groups", "lines", "templates", "ga", "fga"}}, "ga", "fga"}``: groups is the template
        id of each line, as a string; accuracies are None without labels; the last two are means over labelled files.
    :raises UserError: nothing to read.
    """
    files = read(folder)
    answer: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="otel-pipeline-") as home:
        with temporary_server(Path(home)) as server:
            for number, file in enumerate(files):
                progress(file.name)
                database = f"{server.clickhouse_database}_{number}"
                groups = group(server.model_copy(update={"clickhouse_database": database}), file.lines)
                ga, fga = accuracy(file.events, groups) if file.events else (None, None)
                answer[file.name] = {
                    "groups": groups,
                    "lines": len(groups),
                    "templates": len(set(groups)),
                    "ga": ga,
                    "fga": fga,
                }
    return {"files": answer, "ga": _mean(answer, "ga"), "fga": _mean(answer, "fga")}


def group(settings: Settings, lines: Sequence[str]) -> list[str]:
    """The template id of each line, by the lineage's node in a database of its own."""
    migrate(settings)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
    apart = HOUR / (len(lines) + 1)
    with Database(settings) as db:
        rows = [[hour + apart * number, line] for number, line in enumerate(lines)]
        db.insert("otel_logs", rows, ["Timestamp", "Body"])
        log_templates.materialize(db, hour)
        return [str(row["TemplateId"]) for row in db.rows("evaluate__templates")]


def accuracy(truth: Iterable[str], groups: Iterable[str]) -> tuple[float, float]:
    """Grouping accuracy and F1 of groups.

    GA: share of lines whose group holds exactly the lines of their event (Zhu et al., "Tools and Benchmarks for
    Automated Log Parsing", ICSE-SEIP 2019). FGA: F1 over groups, a group being right when it equals that of an event
    (Jiang et al., "LILAC", FSE 2024).
    """
    events, templates = _members(truth), _members(groups)
    whole = set(events.values())
    right = [members for members in templates.values() if members in whole]
    precision, recall = len(right) / len(templates), len(right) / len(events)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return sum(map(len, right)) / sum(map(len, events.values())), f1


def _members(labels: Iterable[str]) -> dict[str, frozenset[int]]:
    members: dict[str, set[int]] = defaultdict(set)
    for number, label in enumerate(labels):
        members[label].add(number)
    return {label: frozenset(numbers) for label, numbers in members.items()}


def _mean(files: dict[str, dict[str, Any]], figure: str) -> float | None:
    values = [file[figure] for file in files.values() if file[figure] is not None]
    return fmean(values) if values else None


def drain3_figures(folder: Path) -> dict[str, tuple[float | None, float | None]]:
    """GA and FGA of Drain3 for each file; None without labels, or where it is not installed."""
    found: dict[str, tuple[float | None, float | None]] = {}
    for file in read(folder):
        groups = drain3(file.lines) if file.events else None
        found[file.name] = accuracy(file.events, groups) if file.events and groups else (None, None)
    return found


def drain3(lines: Sequence[str]) -> list[str] | None:
    """The baseline beside ours: Drain3 with two simple masks (addresses, numbers), cluster id of each line.

    None where the package (an extra, ``dev``) is not installed.
    """
    try:
        from drain3 import TemplateMiner
        from drain3.masking import MaskingInstruction
        from drain3.template_miner_config import TemplateMinerConfig
    except ImportError:
        return None
    config = TemplateMinerConfig()
    config.masking_instructions = [
        MaskingInstruction(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])", "IP"),
        MaskingInstruction(r"(?<!\w)[-+]?(?:0x[0-9a-fA-F]+|\d+)(?!\w)", "NUM"),
    ]
    config.profiling_enabled = False
    miner = TemplateMiner(config=config)
    return [str(miner.add_log_message(line)["cluster_id"]) for line in lines]
