"""What a service says has changed, though nothing failed: numbers in its log lines, against quiet times.

A service that answers wrongly without an error is seen at those that believe it; its own lines tell what it answered.
"""

from collections.abc import Sequence
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.model import Change

PIECES = 3  # of the reference, the nearest
LINE = 80
KIND = "numbers"


def moved(db: Database, focus: Window, reference: Sequence[Window], services: Sequence[str]) -> list[Change]:
    """Numbers in the lines of some services that are not as before; of each message the first."""
    if not reference or not services:
        return []
    windows = [focus, *reference[:PIECES]]
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    found: dict[tuple[str, str], Change] = {}
    for row in db.rows("investigate__numbers", **where, services=list(services)):
        found.setdefault((row["Service"], row["Message"]), _change(row))
    return list(found.values())


def _change(row: dict[str, Any]) -> Change:
    usual = row["Usual"][1]
    moved = f"number {row['Place']} in what it logs: {row['Now']:g}, usually {usual:g}"
    what = f"{moved} ({row['Lines']} lines such as {row['Example'][:LINE]!r}, before {row['UsualExample'][:LINE]!r})"
    return Change(KIND, row["Service"], what, usual, row["Now"])
