"""The lineage as Dagster runs it, against a real engine: the same tables as without Dagster, and nothing lost."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from otel_pipeline.assets.node import LATE, TRIGGER_TAG
from otel_pipeline.automation import retention, sensors
from otel_pipeline.automation.schedules import close_hour, daily_baseline
from otel_pipeline.clickhouse import Database
from otel_pipeline.definitions import defs
from otel_pipeline.detection import chain, lineage, shifts
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.partitions import current_hour, key_of
from otel_pipeline.resources import clickhouse
from otel_pipeline.settings import Settings
from tests.support import telemetry

FIRST = current_hour(datetime.now(UTC)) - 5 * HOUR
SECOND = FIRST + HOUR
FAULTY = (SECOND + timedelta(minutes=3), SECOND + timedelta(minutes=5))


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance; what it runs finds the test's database, and no embedder."""
    for name, value in settings.model_copy(update={"embedder_port": free_port()}).environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def run(instance: dg.DagsterInstance, hour: datetime) -> dg.ExecuteInProcessResult:
    """One hour, as the sensor has it run."""
    job = defs.resolve_job_def("lineage_hour")
    return job.execute_in_process(instance=instance, partition_key=key_of(hour), raise_on_error=False)


def started(instance: dg.DagsterInstance, hour: datetime) -> dg.DagsterRun:
    """A run of an hour that is in progress."""
    job, tags = defs.resolve_job_def("lineage_hour"), {"dagster/partition": key_of(hour)}
    return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)


def fail(instance: dg.DagsterInstance, hour: datetime) -> None:
    """A run of an hour that has failed."""
    instance.report_run_failed(started(instance, hour))


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Failed steps and why."""
    return {
        str(event.step_key): event.step_failure_data.user_failure_data.description or ""
        if event.step_failure_data.user_failure_data
        else str(event.step_failure_data.error)
        for event in result.all_events
        if event.event_type_value == "STEP_FAILURE"
    }


def tick(instance: dg.DagsterInstance, sensor: dg.SensorDefinition):
    """What a sensor answers now."""
    repository = defs.get_repository_def()
    resources = {"clickhouse": clickhouse.ClickHouse()}
    context = dg.build_sensor_context(instance=instance, repository_def=repository, resources=resources)
    return sensor.evaluate_tick(context)


def requested(instance: dg.DagsterInstance) -> list[str]:
    """Partitions that the sensor asks for now."""
    return [str(request.partition_key) for request in tick(instance, sensors.dirty_hours).run_requests or []]


def test_dagster_leaves_the_same_tables_as_the_command_line(instance: dg.DagsterInstance, database: Database) -> None:
    telemetry.fill(database, FIRST, FIRST + timedelta(minutes=10))
    telemetry.fill(database, SECOND, SECOND + timedelta(minutes=8), FAULTY)
    for hour in (FIRST, SECOND):
        result = run(instance, hour)
        assert result.success, failures(result)
        evaluations = result.get_asset_check_evaluations()
        assert len(evaluations) == 9 and all(e.passed for e in evaluations), evaluations
    by_dagster = lineage.checksums(database)
    assert {row["table"]: row["rows"] for row in by_dagster}["incidents"] == 1

    for table in [*lineage.TABLES, "log_template_texts", "lineage_state"]:
        database.client.command(f"TRUNCATE TABLE {table}")
    chain.run(database, None, Window(FIRST, SECOND + HOUR))
    assert lineage.checksums(database) == by_dagster

    assert run(instance, SECOND).success
    assert lineage.checksums(database) == by_dagster, "the same again, nothing doubled"

    (event,) = instance.fetch_materializations(dg.AssetKey("anomaly_scores"), limit=1).records
    materialization = event.asset_materialization
    assert materialization and materialization.partition == key_of(SECOND)
    figures = materialization.metadata
    assert isinstance(figures["anomalies"].value, float) and figures["anomalies"].value >= 200
    assert isinstance(figures["worst"], dg.TableMetadataValue) and "/clickstack/search" in str(
        figures["worst_links"].value
    )
    report = next(m for m in result.get_asset_materialization_events() if m.asset_key == dg.AssetKey("incidents"))
    assert "**`payment`**" in str(report.materialization.metadata["report"].value)


def test_the_sensor_follows_the_raw_tables(
    instance: dg.DagsterInstance, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert requested(instance) == []
    telemetry.fill(database, FIRST, FIRST + timedelta(minutes=1))
    telemetry.fill(database, SECOND, SECOND + timedelta(minutes=1))
    assert requested(instance) == [key_of(FIRST)], "late hours one after the other"
    present = current_hour(datetime.now(UTC))
    telemetry.fill(database, present, present + timedelta(minutes=1))
    assert requested(instance) == [key_of(present), key_of(FIRST)], "the present does not wait for them"

    in_progress = started(instance, present)
    assert requested(instance) == [key_of(FIRST)], "not what is in progress"
    instance.report_run_canceled(in_progress)
    instance.delete_run(in_progress.run_id)
    assert run(instance, present).success

    for hour in (FIRST, SECOND):
        assert run(instance, hour).success
    assert requested(instance) == []

    late = FIRST + timedelta(minutes=30)
    telemetry.fill(database, late, late + timedelta(minutes=1))
    assert requested(instance) == [], "it was run a moment ago; late data can wait a minute"
    monkeypatch.setattr(sensors, "LATE_EVERY", timedelta())
    assert requested(instance) == [key_of(FIRST)]
    assert run(instance, FIRST).success
    assert requested(instance) == []


def test_hours_with_next_to_nothing_new_come_last_and_seldom(
    instance: dg.DagsterInstance, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends a span for each of many past hours keeps nobody waiting."""
    one = (
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ServiceName)"
        " SELECT {at:DateTime}, lower(hex({n:UInt32})), 'a', 'x'"
    )
    for number in range(20):
        database.client.command(one, parameters={"at": FIRST - timedelta(hours=number), "n": number + 1})
    telemetry.fill(database, SECOND + timedelta(minutes=30), SECOND + timedelta(minutes=31))
    assert requested(instance) == [key_of(SECOND)], "what is much goes first, though it is not the oldest"
    job, tags = defs.resolve_job_def("lineage_hour"), {TRIGGER_TAG: LATE}
    assert job.execute_in_process(instance=instance, partition_key=key_of(SECOND), tags=tags).success
    assert requested(instance) == [], "then there is a pause"
    monkeypatch.setattr(sensors, "LITTLE_EVERY", timedelta())
    monkeypatch.setattr(sensors, "LITTLE_PAUSE", 0.0)
    assert requested(instance) == [key_of(FIRST - timedelta(hours=19))], "and one at a time"


def test_an_hour_that_fails_is_tried_again_after_a_while(instance: dg.DagsterInstance, database: Database) -> None:
    telemetry.fill(database, FIRST, FIRST + timedelta(minutes=1))
    fail(instance, FIRST)
    now = datetime.now(UTC)
    assert requested(instance) == []
    assert not sensors.rested(instance, FIRST, now + timedelta(seconds=5))
    assert sensors.rested(instance, FIRST, now + sensors.LATE_EVERY + timedelta(seconds=5))


def test_a_live_hour_that_keeps_failing_is_tried_again_within_a_minute(instance: dg.DagsterInstance) -> None:
    present = current_hour(datetime.now(UTC))
    for _ in range(6):
        fail(instance, present)
    now = datetime.now(UTC)
    assert not sensors.rested(instance, present, now + timedelta(seconds=30))
    assert sensors.rested(instance, present, now + timedelta(seconds=60))


@pytest.mark.parametrize(
    ("verdict", "latency", "founded"), [("anomalous", 0.0, True), ("normal", 1.5, True), ("normal", 0.5, False)]
)
def test_an_incident_is_founded_on_traces_that_are_unusual_at_the_least(
    database: Database, verdict: str, latency: float, founded: bool
) -> None:
    """Nearly all traffic may become unusual though no trace is anomalous by itself: such an incident must pass."""
    database.insert(
        "anomaly_scores",
        [[SECOND, SECOND, "t", verdict, latency]],
        ["Hour", "Timestamp", "TraceId", "Verdict", "Latency"],
    )
    database.insert(
        "incidents", [[SECOND, "i", SECOND, SECOND, ["t"]]], ["Hour", "IncidentId", "Start", "End", "ExampleTraceIds"]
    )
    row = database.one("checks__incidents", hour=SECOND, unusual=shifts.UNUSUAL)
    assert (row["Incidents"], row["Unfounded"]) == (1, 0 if founded else 1)


def test_without_clickhouse_a_run_fails_in_one_line(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse, "FIRST_WAIT_SECONDS", 0)
    monkeypatch.setenv("CLICKHOUSE_PORT", str(free_port()))
    result = run(instance, FIRST)
    retried = [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert len(retried) == clickhouse.RETRIES
    (why,) = failures(result).values()
    assert why.startswith("no ClickHouse at http://127.0.0.1") and "\n" not in why
    assert "no ClickHouse at" in str(tick(instance, sensors.dirty_hours).skip_message)


def test_what_a_retry_cannot_mend_is_not_retried(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", "wrong")
    result = run(instance, FIRST)
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert "refuses user" in failures(result)["log_templates"]


def test_a_table_that_lost_rows_stops_the_lineage(
    instance: dg.DagsterInstance, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otel_pipeline.assets import trace_summaries as node

    summarise = node.step.materialize

    def lossy(db: Database, hour: datetime, **how: bool):
        report = summarise(db, hour, **how)
        db.client.command("DELETE FROM trace_summaries WHERE TraceId = (SELECT min(TraceId) FROM trace_summaries)")
        return report

    monkeypatch.setattr(node.step, "materialize", lossy)
    telemetry.fill(database, FIRST, FIRST + timedelta(minutes=1))
    result = run(instance, FIRST)
    assert not result.success
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert [e.check_name for e in failed] == ["every_trace_is_summarised_once"]
    assert failed[0].metadata["Missing"].value == 1
    assert "anomaly_scores" not in {m.step_key for m in result.get_asset_materialization_events()}
    assert requested(instance) == [], "it rests after a failure"
    assert lineage.dirty_hours(database, Window(FIRST, SECOND)) == [FIRST], "but is not forgotten"


def test_queries_say_which_run_and_node_sent_them(instance: dg.DagsterInstance, database: Database) -> None:
    result = run(instance, FIRST)
    database.client.command("SYSTEM FLUSH LOGS")
    comments = database.client.query(
        "SELECT DISTINCT log_comment FROM system.query_log WHERE position(log_comment, {run:String}) > 0",
        parameters={"run": result.run_id},
    ).result_rows
    found = [json.loads(comment) for (comment,) in comments]
    assert set(chain.NODES) <= {comment.get("asset") for comment in found}
    assert {comment["partition"] for comment in found if "asset" in comment} == {key_of(FIRST)}


def test_superseded_runs_are_deleted_and_partitions_stay(instance: dg.DagsterInstance) -> None:
    runs = [run(instance, FIRST).run_id for _ in range(2)]
    now = datetime.now(UTC)
    assert retention.prune(instance, now) == 0, "not at once"
    assert retention.prune(instance, now + timedelta(minutes=11)) == 1
    assert [record.run_id for record in instance.get_runs()] == runs[1:]
    assert instance.get_materialized_partitions(dg.AssetKey("anomaly_scores")) == {key_of(FIRST)}
    left = [[p for p in Path(instance.root_directory).rglob(f"*{one}*") if p.is_file()] for one in runs]
    assert not left[0] and left[1]
    assert retention.prune(instance, now + timedelta(minutes=11)) == 0


def test_raw_tables_are_observed(instance: dg.DagsterInstance, database: Database) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    telemetry.fill(database, now - timedelta(minutes=3), now - timedelta(minutes=2))
    events = tick(instance, sensors.raw_telemetry).asset_events
    seen = {e.asset_key.to_user_string(): e.metadata for e in events if isinstance(e, dg.AssetObservation)}
    assert seen["otel_traces"]["dagster/row_count"].value == 240
    assert seen["otel_logs"]["rows_last_hour"].value == 120
    assert seen["otel_metrics"]["dagster/row_count"].value == 0
    lag = seen["otel_traces"]["lag_seconds"].value
    assert isinstance(lag, float) and 0 <= lag <= 130
    assert all(e.passed for e in events if isinstance(e, dg.AssetCheckEvaluation))


@pytest.mark.parametrize(("schedule", "minute"), [(close_hour, 5), (daily_baseline, 20)])
def test_schedules_name_the_hour_that_has_ended(schedule: dg.ScheduleDefinition, minute: int) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight.replace(minute=minute)
    context = dg.build_schedule_context(scheduled_execution_time=at, repository_def=defs.get_repository_def())
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == key_of(midnight - HOUR)
