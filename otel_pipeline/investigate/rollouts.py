"""Rollouts that only log lines tell of: a deployer's, an orchestrator's, events of Kubernetes.

A line is one when it speaks of rolling out and names a service that is known; a service may be named with what an
orchestrator appends (``cart-7d9f8c-x2x4z``). Nothing is decided by it: it is a deploy among the others.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.investigate.model import Deploy

MOST_LINES = 60  # of a template in the time that is looked at: more is traffic
SAME = timedelta(minutes=3)
TEXT = 120
LETTER = r"[A-Za-z0-9_]"


def rollouts(db: Database, look: Window, began: datetime, known: Sequence[Deploy]) -> list[Deploy]:
    """What log lines tell, as far as nothing else does.

    :param began: when the trouble began. :param known: deploys that are told otherwise.
    """
    rows = db.rows("investigate__rollouts", start=look.start, end=look.end, most=MOST_LINES)
    if not rows:
        return []
    services = [row["Service"] for row in db.rows("investigate__known", end=look.end)]
    return tell(rows, services, began, known)


def tell(
    rows: Sequence[dict[str, Any]], services: Sequence[str], began: datetime, known: Sequence[Deploy]
) -> list[Deploy]:
    """Rows of ``investigate__rollouts``; one deploy a service and a few minutes."""
    found: list[Deploy] = []
    for row in rows:
        at, line = utc(row["At"]), " ".join(row["Line"].split())
        for service in named(line, services, row["Writer"]):
            if any(d.service == service and abs(d.at - at) <= SAME for d in [*known, *found]):
                continue
            found.append(Deploy("rollout", service, "", line[:TEXT], at, round((began - at).total_seconds(), 1)))
    return found


def named(line: str, services: Sequence[str], writer: str) -> list[str]:
    """The services that a line names, but the one that wrote it; ``cart-api`` is not ``cart``, ``cart-7d9f8c`` is."""
    left, found = line.lower(), []
    for service in sorted({s for s in services if len(s) > 2 and s != writer}, key=lambda s: (-len(s), s)):
        pattern = rf"(?<!{LETTER})(?<!{LETTER}[-.]){re.escape(service.lower())}(?!{LETTER}|-[a-z]+(?![a-z0-9]))"
        left, times = re.subn(pattern, " ", left)
        if times:
            found.append(service)
    return found
