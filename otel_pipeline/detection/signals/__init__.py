"""Trouble that traces do not show: in log lines, in silence, in metrics."""

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.signals import lines, saturation, silence


def find(db: Database, look: Window) -> list[Finding]:
    """All such trouble in a stretch of whole hours, the earliest first.

    What began before it may be among it, with the beginning as it was.
    """
    since = look.start - lines.PAST
    services = db.rows("lines__services", since=since, end=look.end)
    traffic = silence.traffic(db, look)
    found = lines.find(db, look, services, since)
    quiet = silence.find(db, look, traffic, services)
    # Of a service whose lines tell of trouble, metrics tell the same once more.
    measured = [
        m
        for m in saturation.find(db, look, traffic.services)
        if not any(f.service == m.service and _overlap(f.window, m.window) for f in found)
    ]
    return sorted(
        [*found, *quiet, *measured], key=lambda finding: (finding.window.start, finding.service, finding.kind)
    )


def _overlap(one: Window, other: Window) -> bool:
    return one.start < other.end and other.start < one.end
