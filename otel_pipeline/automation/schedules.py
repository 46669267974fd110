"""Schedules: what happens by the clock, UTC. Both run unless they are stopped."""

from datetime import UTC, timedelta

import dagster as dg

from otel_pipeline.assets.node import TRIGGER_TAG
from otel_pipeline.automation.jobs import daily_normal, lineage_hour, retention_job
from otel_pipeline.detection.model import HOUR
from otel_pipeline.partitions import current_hour, key_of


@dg.schedule(
    job=lineage_hour,
    cron_schedule="5 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def close_hour(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Run the hour that has just ended once more as a whole, when its last spans are in; also an hour without any."""
    hour = current_hour(context.scheduled_execution_time) - HOUR
    return dg.RunRequest(partition_key=key_of(hour), tags={TRIGGER_TAG: "close"})


@dg.schedule(
    job=daily_normal,
    cron_schedule="20 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_baseline(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Learn the baseline that ended at midnight, when spans up to 15 minutes late are in: it judges the whole day."""
    midnight = context.scheduled_execution_time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return dg.RunRequest(partition_key=key_of(midnight - timedelta(hours=1)), tags={TRIGGER_TAG: "daily"})


@dg.schedule(
    job=retention_job,
    cron_schedule="40 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def end_of_life(_: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Delete what has not been seen for TEMPLATE_TTL_DAYS: templates, masks, vectors, unconfirmed patterns."""
    return dg.RunRequest()


SCHEDULES = [close_hour, daily_baseline, end_of_life]
