"""Accuracy of the log templates on labelled lines: the very node of the lineage, on a server of its own.

Input: CSV files in the form of loghub (Zhu et al., "Loghub", ISSRE 2023), one system each: column ``Content``, and
``EventId`` and ``EventTemplate`` where the truth is known; or made-up systems (:mod:`.logworlds`).
"""

import csv
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import logworlds
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings

csv.field_size_limit(16 * 1024 * 1024)


@dataclass(frozen=True)
class LabelledFile:
    """Lines of one system, and the event of each; no events where the truth is not told, no templates likewise."""

    name: str
    lines: list[str]
    events: list[str] | None
    templates: Mapping[str, str] | None = None


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
    templates: dict[str, str] = {}
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                lines.append(row["Content"] or "")
                events.append(row.get("EventId") or "")
                templates[events[-1]] = row.get("EventTemplate") or ""
    except (KeyError, csv.Error, OSError) as error:
        raise UserError(f"{path} is not a CSV file with a column Content ({error})") from error
    if not lines:
        raise UserError(f"{path} holds no lines")
    return LabelledFile(name, lines, events if all(events) else None, templates if all(templates.values()) else None)


def made_up(
    seeds: Iterable[int], styles: Iterable[str] = tuple(logworlds.STYLES), lines: int = logworlds.LINES
) -> list[LabelledFile]:
    """A made-up system of each style and seed."""
    worlds = [logworlds.make(style, seed, lines) for style in styles for seed in seeds]
    return [LabelledFile(f"{w.style} {w.seed}", w.lines, w.events, w.templates) for w in worlds]


def evaluate(
    source: Path | Sequence[LabelledFile], progress: Callable[[str], None] = lambda _: None, *, plain: bool = False
) -> dict[str, Any]:
    """Templates of all lines under a folder (or of systems that were read), and their accuracy where labels are given.

    :param plain: also the figures of plain methods: masking tokens that hold a digit, and Drain3.
    :returns: ``{"files": {name: {"groups", "texts", "lines", "templates", "events", "ga", "fga", "pa", "plain"}}, "ga",
        "fga", "pa", "plain"}``: groups is the template id of each line, as a string; texts the text of each id;
        events the
        number of true templates; accuracies are None without labels; the last four are means over labelled files.
    :raises UserError: nothing to read.
    """
    files = read(source) if isinstance(source, Path) else source
    answer: dict[str, Any] = {}
    with databases() as settings:
        for number, file in enumerate(files):
            progress(file.name)
            groups, texts = group(settings(number), file.lines)
            ga, fga = accuracy(file.events, groups) if file.events else (None, None)
            answer[file.name] = {
                "groups": groups,
                "texts": texts,
                "lines": len(groups),
                "templates": len(set(groups)),
                "events": len(set(file.events)) if file.events else None,
                "ga": ga,
                "fga": fga,
                "pa": parsing_accuracy(file.events, file.templates, [texts[g] for g in groups])
                if file.events and file.templates
                else None,
                "plain": plain_figures(file) if plain else {},
            }
    methods = {method for file in answer.values() for method in file["plain"]}
    return {
        "files": answer,
        **{figure: _mean(answer.values(), figure) for figure in ("ga", "fga", "pa")},
        "plain": {
            method: {
                figure: _mean((file["plain"].get(method, {}) for file in answer.values()), figure)
                for figure in ("ga", "fga")
            }
            for method in sorted(methods)
        },
    }


@contextmanager
def databases() -> Iterator[Callable[[int], Settings]]:
    """A server in a temporary folder; the settings of as many databases on it as one likes."""
    with tempfile.TemporaryDirectory(prefix="otel-pipeline-") as home, temporary_server(Path(home)) as server:
        yield lambda number: server.model_copy(update={"clickhouse_database": f"{server.clickhouse_database}_{number}"})


def group(settings: Settings, lines: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The template id of each line, by the lineage's node in a database of its own, and the text of each template."""
    migrate(settings)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
    apart = HOUR / (len(lines) + 1)
    with Database(settings) as db:
        rows = [[hour + apart * number, line] for number, line in enumerate(lines)]
        db.insert("otel_logs", rows, ["Timestamp", "Body"])
        log_templates.materialize(db, hour)
        texts = {str(row["TemplateId"]): row["Text"] for row in db.rows("evaluate__template_texts")}
        return [str(row["TemplateId"]) for row in db.rows("evaluate__templates")], texts


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


def parsing_accuracy(events: Iterable[str], templates: Mapping[str, str], texts: Iterable[str]) -> float:
    """PA: share of lines whose template reads as the true one (Dai et al., "Logram", TSE 2022)."""
    truth = {event: normal(text) for event, text in templates.items()}
    seen: dict[str, str] = {}
    right = [
        truth[event] == (seen.get(text) or seen.setdefault(text, normal(text)))
        for event, text in zip(events, texts, strict=True)
    ]
    return sum(right) / len(right)


_GLUED = re.compile(r"[\w.+/@#$%~*&?-]*<\*>(?:[\w.+/@#$%~*&?-]|<\*>)*")
_JOINED = re.compile(r"<\*>(?:[\s,:;.|/-]*<\*>)+")


def normal(template: str) -> str:
    """A template whose wildcards are one, whatever they are glued to, quoted by or listed with."""
    text = _GLUED.sub("<*>", template)
    text = re.sub(r"[\"']<\*>[\"']", "<*>", text)
    return re.sub(r"\s+", " ", _JOINED.sub("<*>", text)).strip()


def _mean(files: Iterable[Mapping[str, Any]], figure: str) -> float | None:
    values = [file[figure] for file in files if file.get(figure) is not None]
    return fmean(values) if values else None


def plain_figures(file: LabelledFile) -> dict[str, dict[str, float | int]]:
    """GA, FGA and number of templates of the plain methods; none without labels."""
    found: dict[str, dict[str, float | int]] = {}
    for name, method in {"digits": digits, "Drain3": drain3}.items():
        if file.events and (groups := method(file.lines)):
            ga, fga = accuracy(file.events, groups)
            found[name] = {"ga": ga, "fga": fga, "templates": len(set(groups))}
    return found


_DIGITS = re.compile(r"\S*\d\S*")


def digits(lines: Sequence[str]) -> list[str]:
    """The plainest method: what holds a digit is masked, the rest is the template."""
    return [_DIGITS.sub("<*>", line) for line in lines]


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
