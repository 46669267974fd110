"""Log lines that belong to no trace: rollouts, configuration, jobs, services that only log.

New ones near the trouble are told with their time; new errors among them are trouble of their own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.investigate.model import LoneLine
from otel_pipeline.investigate.novel import CERTAIN, LEAST, SHOWN_WORDINGS, Novel

AHEAD = timedelta(minutes=10)  # before the window: what may have brought the trouble
LEAST_QUIET = 3  # minutes of quiet times; fewer cannot show what is usual
ERROR = 17
RISE_TIMES = 5.0
SHOWN = 8
MOST_NEW = 0.5  # of the templates of a service: then the service itself is new, and its lines are no news
MOSTLY_LINES = 3


@dataclass(frozen=True)
class Lone:
    """Lines outside traces.

    :param lines: new ones, in order of time. :param errors: new errors among them, by service.
    :param services: lines of the window by service, error lines among them, however usual.
    """

    lines: Sequence[LoneLine] = ()
    errors: Sequence[Novel] = ()
    services: dict[str, tuple[int, int]] | None = None

    @property
    def count(self) -> int:
        """All lines of the window."""
        return sum(lines for lines, _ in (self.services or {}).values())


def lone(db: Database, window: Window, quiet: Sequence[Window], service: str | None = None) -> Lone:
    """What lines outside traces tell about a window.

    :param service: only its lines.
    """
    ahead = Window(window.start - AHEAD, window.end)
    rows = db.rows(
        "investigate__lone",
        start=ahead.start,
        end=ahead.end,
        starts=[w.start for w in quiet],
        ends=[min(w.end, ahead.start) for w in quiet],
        hours=sorted({hour for w in (ahead, *quiet) for hour in w.hours()}),
    )
    rows = [row for row in rows if service in (None, row["Service"])]
    minutes = sum(max(0.0, (min(w.end, ahead.start) - w.start).total_seconds()) for w in quiet) / 60
    return tell(rows, window, minutes)


def tell(rows: Sequence[dict[str, Any]], window: Window, quiet: float) -> Lone:
    """What rows of ``investigate__lone`` tell.

    :param quiet: minutes of quiet times.
    """
    services: dict[str, tuple[int, int]] = {}
    for row in rows:
        if utc(row["Last"]) >= window.start:
            lines, errors = services.get(row["Service"], (0, 0))
            services[row["Service"]] = (
                lines + row["Lines"],
                errors + (row["Lines"] if row["Severity"] >= ERROR else 0),
            )
    if quiet < LEAST_QUIET:
        return Lone(services=services)
    known = {row["Service"] for row in rows if row["Before"]}
    new = [row for row in rows if not row["Before"]]
    lines = [
        LoneLine(utc(row["First"]), row["Service"], row["Example"] or row["Text"], row["Lines"], row["Severity"])
        for row in new
        # Of a service that talks all the time in new ways, new ways are no news.
        if row["Service"] not in known or _few(row, rows)
    ]
    ahead = (window.end - window.start + AHEAD).total_seconds() / 60
    errors = [found for name in services if (found := _errors(name, rows, ahead / quiet))]
    return Lone(sorted(lines, key=lambda new_line: (-new_line.severity, new_line.at))[:SHOWN], errors, services)


def _few(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> bool:
    mine = [other for other in rows if other["Service"] == row["Service"]]
    new = sum(not other["Before"] for other in mine)
    return new <= max(MOSTLY_LINES, MOST_NEW * len(mine))


def _errors(service: str, rows: Sequence[dict[str, Any]], longer: float) -> Novel | None:
    """New errors of a service, or far more of the known ones; None where there are none.

    :param longer: length of the window over that of the quiet times.
    """
    mine = [row for row in rows if row["Service"] == service and row["Severity"] >= ERROR]
    new = [row for row in mine if not row["Before"]]
    count = sum(row["Lines"] for row in new)
    singles = sum(row["Before"] == 1 for row in mine)
    surprise = poisson_surprise(count, (singles + 0.5) * longer)
    told = new
    if count < LEAST or surprise < CERTAIN:
        count, before = sum(row["Lines"] for row in mine), sum(row["Before"] for row in mine)
        usual = (before + 0.5) * longer
        surprise = poisson_surprise(count, usual)
        if count < LEAST or count < RISE_TIMES * usual or surprise < CERTAIN:
            return None
        told = mine
    said = sorted(((row["Example"] or row["Text"], row["Lines"]) for row in told), key=lambda s: (-s[1], s[0]))
    return Novel(
        service=service,
        traces=count,
        visits=0,
        failing=count,
        usual=0.0,
        first=min(utc(row["First"]) for row in told),
        last=max(utc(row["Last"]) for row in told),
        surprise=round(surprise, 1),
        said=tuple(said[:SHOWN_WORDINGS]),
    )


def poisson_surprise(count: int, usual: float) -> float:
    """-log10 of P(at least ``count`` | mean ``usual``), by Chernoff's bound of the tail."""
    if count <= usual:
        return 0.0
    return (count * math.log(count / usual) - (count - usual)) / math.log(10)
