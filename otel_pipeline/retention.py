"""How long rows are kept, and the exception for old rows that were imported: those are kept as if they had come then.

A TTL reads ``<time> + toIntervalDay(<days>)``; with a hold ``greatest(<time>, <hold>) + toIntervalDay(<days>)``.
"""

import re
from datetime import datetime

TTL = re.compile(r" TTL (?P<time>.+?) \+ toIntervalDay\((?P<days>\d+)\)")
HOLD = re.compile(r"^greatest\((?P<time>.+), (?P<hold>toDateTime\('[^']*', 'UTC'\))\)$")


def days(engine: str) -> int | None:
    """Days that a table keeps its rows; None for ever.

    :param engine: ``engine_full`` of system.tables.
    """
    found = TTL.search(engine)
    return int(found["days"]) if found else None


def held(engine: str, now: datetime) -> str:
    """The TTL of a table that keeps all its present rows as if they had come now.

    :raises ValueError: a table without a TTL.
    """
    found = TTL.search(engine)
    if found is None:
        raise ValueError(f"no TTL in {engine}")
    before = HOLD.match(found["time"])
    time = before["time"] if before else found["time"]
    return f"greatest({time}, toDateTime('{now:%Y-%m-%d %H:%M:%S}', 'UTC')) + toIntervalDay({found['days']})"


def renewed(ttl: str, engine: str) -> str:
    """A new TTL for a table, with the hold that it has, if it has one.

    :param ttl: ``<time> + toIntervalDay(<days>)``.
    """
    time, _, interval = ttl.rpartition(" + ")
    found = TTL.search(engine)
    hold = HOLD.match(found["time"]) if found else None
    return f"greatest({time}, {hold['hold']}) + {interval}" if hold else ttl
