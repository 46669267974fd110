"""All evaluations that the data at hand allows, each labelled folder loaded once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import ablation, detect, kept, labelled, rca, shop, templates
from otel_pipeline.settings import REPOSITORY, Settings

DATA = REPOSITORY.parent / "shared" / "data"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What can be measured with.

    :param labelled: folders with spans and faults. :param lines: folder of labelled log lines.
    """

    labelled: list[Path]
    lines: Path | None


def find(folder: Path | None) -> Found:
    """What a folder holds: one labelled folder, or several in it, and loghub's files.

    :raises UserError: nothing.
    """
    root = folder or DATA
    folders = [path.parent for pattern in ("faults.json", "*/faults.json") for path in sorted(root.glob(pattern))]
    lines = root / "loghub" if (root / "loghub").is_dir() else None
    if not folders and not lines:
        how = 'name the folder: make evaluate ARGS="all DIR"'
        raise UserError(f"nothing to measure with in {root} (no */faults.json, no loghub/); {how}")
    return Found(folders, lines)


def labelled_folder(path: Path, progress: Progress) -> dict[str, dict[str, Any]]:
    """Causes, traces and ablation of a labelled folder."""
    data = labelled.read(path)
    progress(f"loading {path.name}")
    with labelled.loaded(data) as db:
        return {
            "rca": rca.judged(db, data, progress, plain=True),
            "detect": detect.judged(db, data, progress, plain=True),
            "ablation": ablation.judged(db, data, progress),
        }


def lines(path: Path, progress: Progress) -> dict[str, Any]:
    """Templates of log lines, plain methods beside them."""
    return templates.evaluate(path, lambda name: progress(f"templates of {name}"), plain=True)


def kept_soak(settings: Settings, progress: Progress) -> dict[str, dict[str, Any]]:
    """Incidents, traces and ablation of a kept soak."""
    with kept.opened(settings) as db:
        return {"shop": shop.evaluate(db, progress), "ablation": ablation.shop(db, progress)}
