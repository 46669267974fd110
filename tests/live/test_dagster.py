"""Dagster with its daemon: sensors, queue, runs as processes, backfills; against a real engine."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import psutil
import pytest

from otel_pipeline.assets.node import LIVE, TRIGGER_TAG
from otel_pipeline.automation.warm import process_of
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, lineage
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.partitions import current_hour, key_of
from tests.support import telemetry
from tests.support.dagster import Dagster, dagster
from tests.support.processes import eventually

STATUS = dg.DagsterRunStatus
DELAY_SECONDS = 60  # from the end of a trace to its row, at most
PRESENT = current_hour(datetime.now(UTC))
PAST = [PRESENT - 6 * HOUR, PRESENT - 5 * HOUR]
DERIVED = [*lineage.TABLES, "log_template_texts", "lineage_state"]

LAUNCH = """mutation Launch($parameters: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $parameters) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
BACKFILL = """query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status numPartitions } } }"""
TERMINATE = """mutation Terminate($id: String!) { terminateRun(runId: $id) { __typename } }"""
STOP = """mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }"""
SENSORS = (
    """{ repositoriesOrError { ... on RepositoryConnection { nodes { sensors { name id sensorState { id } } } } } }"""
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dagster, Database]]:
    """Webserver and daemon on an empty database."""
    with temporary_server(tmp_path_factory.mktemp("live")) as settings, Database(settings) as db:
        with dagster(settings, daemon=True) as found:
            yield found, db


def runs(ui: Dagster, *statuses: dg.DagsterRunStatus, **tags: str) -> list[dg.DagsterRun]:
    """Runs, newest first."""
    with dg.DagsterInstance.from_config(str(ui.home)) as instance:
        return list(instance.get_runs(filters=dg.RunsFilter(statuses=statuses or None, tags=tags)))


def test_traces_are_scored_without_anybody_doing_anything(running: tuple[Dagster, Database]) -> None:
    _, db = running
    now = datetime.now(UTC).replace(microsecond=0)
    count = telemetry.fill(db, now - timedelta(seconds=20), now)

    def scored() -> bool:
        return db.client.query("SELECT count() FROM anomaly_scores").result_rows == [(count,)]

    eventually(scored, DELAY_SECONDS, "a row of scores for each trace")


def in_progress(ui: Dagster, db: Database, **tags: str) -> tuple[dg.DagsterRun, psutil.Process]:
    """A run at work; new telemetry sees to it that there is one."""

    def look() -> tuple[dg.DagsterRun, psutil.Process] | None:
        now = datetime.now(UTC).replace(microsecond=0)
        telemetry.fill(db, now - timedelta(seconds=1), now)
        return next(((run, process) for run in runs(ui, STATUS.STARTED, **tags) if (process := process_of(run))), None)

    return eventually(look, 60, "a run in progress")


def test_a_run_can_be_stopped_from_the_page(running: tuple[Dagster, Database]) -> None:
    ui, db = running
    run, process = in_progress(ui, db)
    ui.ask(TERMINATE, id=run.run_id)
    eventually(lambda: runs(ui, STATUS.CANCELED), 30, "the run is cancelled")
    process.wait(10)


def test_a_run_whose_process_dies_is_failed_and_its_hour_done_again(running: tuple[Dagster, Database]) -> None:
    ui, db = running
    _, process = in_progress(ui, db)
    process.kill()
    eventually(lambda: runs(ui, STATUS.FAILURE), 45, "the run is failed")
    hours = Window(PRESENT, datetime.now(UTC) + HOUR)
    eventually(lambda: not lineage.dirty_hours(db, hours), 60, "the hour is done again")


def launch_backfill(ui: Dagster, hours: list[datetime]) -> str:
    """As from the asset page, all nodes of the lineage selected; its id."""
    parameters = {
        "assetSelection": [{"path": [name]} for name in chain.NODES],
        "partitionNames": [key_of(hour) for hour in hours],
    }
    launched = ui.ask(LAUNCH, parameters=parameters)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return launched["backfillId"]


def ended(ui: Dagster, backfill: str) -> str:
    """How a backfill ended; nothing while it goes on."""
    status = ui.ask(BACKFILL, id=backfill)["partitionBackfillOrError"]["status"]
    return status if status not in ("REQUESTED", "IN_PROGRESS") else ""


def test_a_backfill_lets_the_present_go_first(running: tuple[Dagster, Database]) -> None:
    ui, db = running
    hours = [PRESENT - n * HOUR for n in range(12, 6, -1)]
    backfill = launch_backfill(ui, hours)
    eventually(lambda: runs(ui, STATUS.STARTED, **{"dagster/backfill": backfill}), 60, "the backfill is at work")
    in_progress(ui, db, **{TRIGGER_TAG: LIVE})
    assert not ended(ui, backfill), "the present has not waited for the end of the backfill"
    assert eventually(lambda: ended(ui, backfill), 180, "the backfill ends") == "COMPLETED_SUCCESS"
    with dg.DagsterInstance.from_config(str(ui.home)) as instance:
        records = instance.get_run_records(dg.RunsFilter(tags={"dagster/backfill": backfill}))
    times = sorted((record.start_time, record.end_time) for record in records)
    assert len(times) == len(hours)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times)), "one at a time"


def test_a_backfill_from_the_asset_page_leaves_the_same_tables(running: tuple[Dagster, Database]) -> None:
    ui, db = running
    for repository in ui.ask(SENSORS)["repositoriesOrError"]["nodes"]:
        for sensor in repository["sensors"]:
            ui.ask(STOP, id=sensor["sensorState"]["id"])
    eventually(lambda: not runs(ui, STATUS.QUEUED, STATUS.STARTING, STATUS.STARTED), 60, "no run in progress")
    for table in ["otel_traces", "otel_logs", "raw_arrivals", *DERIVED]:
        db.client.command(f"TRUNCATE TABLE {table}")
    for number, hour in enumerate(PAST):
        faulty = (hour + timedelta(minutes=3), hour + timedelta(minutes=4)) if number else None
        telemetry.fill(db, hour, hour + timedelta(minutes=5), faulty)

    backfill = launch_backfill(ui, PAST)
    assert eventually(lambda: ended(ui, backfill), 120, "the backfill ends") == "COMPLETED_SUCCESS"
    done = runs(ui, **{"dagster/backfill": backfill})
    assert [run.tags["dagster/partition"] for run in done] == [key_of(hour) for hour in reversed(PAST)], "one an hour"
    assert {run.status for run in done} == {STATUS.SUCCESS}

    by_backfill = lineage.checksums(db)
    for table in DERIVED:
        db.client.command(f"TRUNCATE TABLE {table}")
    chain.run(db, None, Window(PAST[0], PAST[-1] + HOUR))
    assert lineage.checksums(db) == by_backfill
    assert {row["table"]: row["rows"] for row in by_backfill}["anomaly_scores"] == 2 * 5 * telemetry.TRACES_PER_MINUTE
