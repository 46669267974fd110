"""Trouble that traces do not show: in log lines, in silence, in metrics."""

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.signals import lines, silence


def find(db: Database, look: Window) -> list[Finding]:
    """All such trouble in a stretch of whole hours, the earliest first.

    What began before it may be among it, with the beginning as it was.
    """
    since = look.start - lines.PAST
    services = db.rows("lines__services", since=since, end=look.end)
    found = [*lines.find(db, look, services, since), *silence.find(db, look, services)]
    return sorted(found, key=lambda finding: (finding.window.start, finding.service, finding.kind))
