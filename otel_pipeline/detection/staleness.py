"""When a confirmed pattern is believed no longer: not seen for long, its check fails, or its versions are gone."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import memory
from otel_pipeline.detection.memory import LINEAGE, Pattern
from otel_pipeline.detection.model import HOUR

MOST_FAILURES = 3  # of its check, in a row


def why_stale(
    pattern: Pattern, now: datetime, versions: Mapping[str, set[str]], stale_days: int, version_days: int
) -> str:
    """The reason, or nothing. What is known to be harmless, and what is not confirmed, does not go stale.

    :param now: end of the hour that is looked at.
    :param versions: ``service.version`` by service in that hour.
    """
    if pattern.Status != "confirmed" or pattern.Harmless:
        return ""
    unseen = now - max(pattern.last_seen, pattern.ReviewedAt)
    if unseen > timedelta(days=stale_days):
        return f"not seen for {unseen.days} days"
    if pattern.CheckFailures >= MOST_FAILURES:
        return f"its check failed {pattern.CheckFailures} times in a row"
    running = versions.get(pattern.service_name, set())
    gone = pattern.Versions and running and not running & set(pattern.Versions)
    if gone and unseen > timedelta(days=version_days):
        return f"seen only in versions {', '.join(pattern.Versions)}; {', '.join(sorted(running))} runs now"
    return ""


def retire(db: Database, patterns: Iterable[Pattern], hour: datetime) -> list[Pattern]:
    """Mark what has gone stale by the end of the hour; the patterns that were changed."""
    versions = {row["Service"]: set(row["Running"]) for row in db.rows("error_patterns__versions", hour=hour)}
    days = (db.settings.pattern_stale_days, db.settings.pattern_version_days)
    changed = []
    for pattern in patterns:
        if reason := why_stale(pattern, hour + HOUR, versions, *days):
            stale = replace(pattern, Status="stale", ChangedBy=LINEAGE)
            memory.write(db, stale, "stale", reason)
            changed.append(stale)
    return changed
