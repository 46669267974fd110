"""The partitions of the lineage, each with its reason.

Hours, because an event is written per partition and asset: minutes would drown Dagster's event log. The current hour
is open (``end_offset=1``): the sensor materialises it again and again while it fills.

The baseline (``normal_centroid``) has hours too, although it is daily: a version ends every midnight, but a new system
gets its first ones within the hour; and learning needs the verdicts on the hours before, as scoring needs what was
learned. Hour by hour both hold, live and in a backfill alike. That no hour is judged by its own future is not left to
a partition mapping: a trace is judged only by versions whose window had ended when it began.

A backfill runs one hour a run (the default policy, the same for every node) and one run at a time (``dagster.yaml``),
in the order of the hours: each hour finds the templates, verdicts and patterns of those before.
"""

from datetime import UTC, date, datetime, time, timedelta

import dagster as dg

from otel_pipeline.settings import Settings, load

KEY_FORMAT = "%Y-%m-%d-%H:%M"


def start(settings: Settings, today: date) -> datetime:
    """The first hour that has a partition. Older telemetry is for `otel-pipeline materialize`.

    By default as far back as derived rows are kept; from the first of a month, so that it seldom changes.
    """
    first = settings.lineage_start
    day = date.fromisoformat(first) if first else (today - timedelta(days=settings.derived_ttl_days)).replace(day=1)
    return datetime.combine(day, time(), UTC)


# Every node that follows the raw tables.
HOURLY = dg.HourlyPartitionsDefinition(start_date=start(load(), datetime.now(UTC).date()), end_offset=1)


def key_of(hour: datetime) -> str:
    """The partition key of an hour (aware, UTC)."""
    return hour.strftime(KEY_FORMAT)


def hour_of(key: str) -> datetime:
    """The start of the hour with this partition key."""
    return datetime.strptime(key, KEY_FORMAT).replace(tzinfo=UTC)


def current_hour(now: datetime) -> datetime:
    """The start of the hour that is open now."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
