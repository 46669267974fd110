"""Services that say something else than before, though they did not fail: the numbers in their log lines.

A service that answers wrongly without an error is seen at those that believe it; the numbers in its own lines tell what
it answered.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.causes import Suspect
from otel_pipeline.detection.model import Window

PIECES = 3  # of the reference, the nearest
LINE = 80  # characters of a line that are shown
SURE = 4.0  # standard deviations


def changed(
    db: Database, window: Window, references: Sequence[Window], services: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of ``said__changed``: numbers in lines of some services that are not as before."""
    if not references or not services:
        return []
    windows = [window, *references[:PIECES]]
    span = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    return db.rows("said__changed", **span, services=list(services))


def may_believe(suspect: Suspect) -> bool:
    """Whether a service behaves oddly, rather than slowly: then it may have been told something wrong."""
    return suspect.conduct >= max(SURE, suspect.time, suspect.way)


def believed(asked: Iterable[str], says: Collection[str], below: Callable[[str], Iterable[str]]) -> str | None:
    """The first service that says something else than before, while none on which it depends does.

    :param asked: services in question. :param says: those that say something else.
    """
    return next((name for name in asked if name in says and not any(other in says for other in below(name))), None)
