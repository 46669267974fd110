"""Two versions of the detector, both in one database, held against the same ledger: is the newer one no worse?"""

from collections.abc import Callable, Sequence
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


def evaluate(
    settings: Settings, old: str, new: str, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Compare what two versions made of the same traces. Nothing is written.

    :returns: ``{"old", "new", "traces": agreement, "figures": [{"figure", "old", "new", "worse"}], "no_worse"}``;
        without a ledger no figures, and ``no_worse`` None.
    :raises UserError: a version that has judged nothing here.
    """
    with Database(settings) as db:
        there = [row["Detector"] for row in db.rows("evaluation__detectors")]
        for version in (old, new):
            if version not in there:
                raise UserError(
                    f"detector {version} has judged nothing here (there is {', '.join(there) or 'none'});"
                    f" `otel-pipeline materialize --detector {version} --from T --to T` lets it"
                )
        agreement = db.one("evaluation__agreement", old=old, new=new)
    found = [_figures(settings, version, progress) for version in (old, new)]
    rows = _held(*found) if found[0] and found[1] else []
    return {
        "old": old,
        "new": new,
        "traces": agreement,
        "figures": rows,
        "no_worse": not any(row["worse"] for row in rows) if rows else None,
    }


def _figures(settings: Settings, version: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """Figures of one version against the ledger; nothing where there is none."""
    with Database(settings.model_copy(update={"detector_version": version})) as db:
        try:
            answer = shop.evaluate(db, lambda what: progress(f"detector {version}: {what}"))
        except UserError:
            return {}
    return {**answer["incidents"], "ap": answer["detect"]["methods"]["this"][shop.OVERALL]["ap"]}


def _held(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"figure": name, "old": old[name], "new": new[name], "worse": worse(old[name], new[name], more, slack)}
        for name, more, slack in FIGURES
    ]


def worse(old: float | None, new: float | None, more_is_better: bool, slack: float) -> bool:
    """Whether a figure has become worse; a figure that only the newer version lacks has."""
    if old is None or new is None:
        return old is not None
    return (old - new if more_is_better else new - old) > slack


def others(settings: Settings) -> Sequence[str]:
    """Versions that have judged traces here beside the one of the settings."""
    with Database(settings) as db:
        return [
            row["Detector"] for row in db.rows("evaluation__detectors") if row["Detector"] != settings.detector_version
        ]
