"""A budget of names: whoever makes up a new service or operation with each span must not slow what judges the others.

Within an hour so many services and operations keep their names, those seen most in the day before first; the spans of
the others are summarised under :data:`OTHER`. Nothing is lost: the raw tables have every name. How many were put
together is told in the figures of trace_summaries.
"""

import logging
from datetime import datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.staging import scratch

log = logging.getLogger(__name__)

OTHER = "(other)"
SERVICES = 1000
OPERATIONS_OF_ONE = 1000
NAMES = 5000  # services' operations, all together


def bound(db: Database, spans: str, hour: datetime, *, whole: bool) -> int:
    """Put what is beyond the budget of the hour under one name.

    :param spans: a staging table with the columns Service and Operation; changed in place.
    :param whole: the hour is summarised anew; otherwise what has been summarised of it counts, too.
    :returns: names that had no room.
    """
    used = db.one("names__used", spans=spans, hour=hour, whole=whole)
    if used["Services"] <= SERVICES and used["Operations"] <= NAMES and used["MostOfOne"] <= OPERATIONS_OF_ONE:
        return 0
    budget = {"services": SERVICES, "operations": OPERATIONS_OF_ONE, "names": NAMES}
    with scratch(db, 1) as (kept,):
        db.run("names__kept", stage=kept, spans=spans, hour=hour, whole=whole, other=OTHER, **budget)
        left = used["Operations"] - db.one("staging__count", stage=kept)["Rows"]
        db.run("names__bound", spans=spans, kept=kept, other=OTHER)
    log.warning("%s: %d names of services and operations are beyond the budget, and go under %s", hour, left, OTHER)
    return left
