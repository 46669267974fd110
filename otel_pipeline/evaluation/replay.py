"""When did the data show a fault? The incidents' own code, run over what had happened by then, step by step."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import bursts
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.evaluation.ledger import GRACE, Fault

STEP = timedelta(seconds=5)


def first_shown(db: Database, fault: Fault) -> datetime | None:
    """When traces that had ended by then first made an incident that touches the fault; None: never.

    What comes on top in a live system is the time from a trace's end to its score.
    """
    now = fault.window.start + STEP
    while now < fault.window.end + GRACE:
        if any(fault.touches(w.start, w.end) for w in _shown(db, fault.window.start, now)):
            return now
        now += STEP
    return None


def _shown(db: Database, around: datetime, now: datetime) -> Sequence[Window]:
    hour = around.replace(minute=0, second=0, microsecond=0)
    bins = bursts.course(db, Window(hour - HOUR, hour + 2 * HOUR), until=now)
    return [burst.window for burst in bursts.bursts(bins)]
