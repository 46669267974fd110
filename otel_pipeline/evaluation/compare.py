"""Two versions of the lineage: is the newer one no worse, on a ledger of faults that both judged, on labelled data?"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import shop
from otel_pipeline.settings import Settings

# Figure, whether more is better, and what may be lost without being worse: what one fault or a second of clock makes.
FIGURES = (
    ("recall", True, 0.0),
    ("precision", True, 0.0),
    ("false_per_quiet_hour", False, 0.0),
    ("ttd_p95_s", False, 1.0),
    ("ap", True, 0.01),
)
# Of the answers of `evaluate rca`, `detect` and `templates`.
LABELLED = tuple((name, True, 0.0) for name in ("as1", "as3", "as5", "ap", "auc", "f1", "ga", "fga"))


def evaluate(
    settings: Settings, old: int, new: int, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Compare what two versions made of the same traces. Nothing is written.

    :returns: ``{"old", "new", "traces": agreement, "figures": [{"figure", "old", "new", "worse"}], "no_worse"}``;
        without a ledger no figures, and ``no_worse`` None.
    :raises UserError: a version that has judged nothing here.
    """
    there = versions(settings)
    for version in (old, new):
        if version not in there:
            raise UserError(
                f"version {version} has judged nothing here (there is {', '.join(map(str, there)) or 'none'});"
                f" `otel-pipeline materialize --version {version} --from T --to T` lets it"
            )
    with Database(settings.version(old)) as db:
        names = {"old": settings.version(old).database, "new": settings.version(new).database}
        agreement = db.one("evaluation__agreement", **names)
    before, after = (_figures(settings, version, progress) for version in (old, new))
    rows = _held(before, after, FIGURES) if before and after else []
    return {"old": old, "new": new, "traces": agreement, "figures": rows, "no_worse": _verdict(rows)}


def answers(old: Path, new: Path) -> dict[str, Any]:
    """Compare two answers of `evaluate rca|detect|templates DIR --json`, by the code of the one version and the other.

    :returns: as :func:`evaluate`, without ``traces``.
    :raises UserError: a file that is no such answer, or answers of different kinds.
    """
    before, after = _answer(old), _answer(new)
    if before.keys() != after.keys():
        raise UserError(f"{old} and {new} are answers to different questions")
    rows = _held(before, after, [figure for figure in LABELLED if figure[0] in before])
    return {"old": str(old), "new": str(new), "figures": rows, "no_worse": _verdict(rows)}


def versions(settings: Settings) -> Sequence[int]:
    """Versions that have judged traces on this server."""
    with Database(settings, database="") as db:
        rows = db.rows("evaluation__versions", database=settings.clickhouse_database)
    return [row["Version"] for row in rows]


def others(settings: Settings) -> Sequence[int]:
    """Those beside the one of the settings."""
    return [version for version in versions(settings) if version != settings.lineage_version]


def _answer(path: Path) -> dict[str, Any]:
    """The figures of an answer."""
    try:
        answer = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    figures = {name: answer[name] for name, *_ in LABELLED if name in answer} if isinstance(answer, dict) else {}
    if not figures:
        raise UserError(f"{path} is no answer of `otel-pipeline evaluate rca|detect|templates DIR --json`")
    return figures


def _figures(settings: Settings, version: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Figures of one version against the ledger; nothing where there is none."""
    with Database(settings.version(version)) as db:
        try:
            answer = shop.evaluate(db, lambda what: progress(f"version {version}: {what}"))
        except UserError:
            return {}
    return {**answer["incidents"], "ap": answer["detect"]["methods"]["this"][shop.OVERALL]["ap"]}


def _held(old: dict[str, Any], new: dict[str, Any], figures: Sequence[tuple[str, bool, float]]) -> list[dict[str, Any]]:
    return [
        {"figure": name, "old": old[name], "new": new[name], "worse": worse(old[name], new[name], more, slack)}
        for name, more, slack in figures
    ]


def _verdict(rows: Sequence[dict[str, Any]]) -> bool | None:
    return not any(row["worse"] for row in rows) if rows else None


def worse(old: float | None, new: float | None, more_is_better: bool, slack: float) -> bool:
    """Whether a figure has become worse; a figure that only the newer version lacks has."""
    if old is None or new is None:
        return old is not None
    return (old - new if more_is_better else new - old) > slack
