"""What services say differently than before (:mod:`otel_pipeline.detection.said`), as changes."""

from collections.abc import Sequence
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import said
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.model import Change

KIND = "numbers"


def moved(db: Database, focus: Window, reference: Sequence[Window], services: Sequence[str]) -> list[Change]:
    """Numbers in the lines of some services that are not as before; of each message the first."""
    found: dict[tuple[str, str], Change] = {}
    for row in said.changed(db, focus, reference, services):
        found.setdefault((row["Service"], row["Message"]), _change(row))
    return list(found.values())


def _change(row: dict[str, Any]) -> Change:
    usual = row["Usual"][1]
    moved = f"number {row['Place']} in what it logs: {row['Now']:g}, usually {usual:g}"
    now, before = row["Example"][: said.LINE], row["UsualExample"][: said.LINE]
    what = f"{moved} ({row['Lines']} lines such as {now!r}, before {before!r})"
    return Change(KIND, row["Service"], what, usual, row["Now"])
