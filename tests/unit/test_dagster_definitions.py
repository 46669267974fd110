"""What Dagster is told of the lineage: complete, open where it must be, running unless stopped."""

import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import psutil
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from otel_pipeline.assets.incidents import page
from otel_pipeline.assets.node import column_schema, metadata
from otel_pipeline.automation import warm
from otel_pipeline.automation.jobs import lineage_hour
from otel_pipeline.checks import arriving
from otel_pipeline.definitions import defs
from otel_pipeline.detection.chain import NODES
from otel_pipeline.detection.model import StepReport
from otel_pipeline.partitions import HOURLY, current_hour, hour_of, key_of, start
from otel_pipeline.settings import load

GRAPH = defs.resolve_asset_graph()
BLOCKING = {"log_templates", "trace_summaries", "anomaly_scores", "incidents"}


@pytest.mark.parametrize("name", [*NODES, "otel_logs", "otel_traces", "otel_metrics", "hyperdx_sessions"])
def test_every_node_says_what_it_is(name: str) -> None:
    asset = GRAPH.get(dg.AssetKey(name))
    assert asset.description and asset.owners and asset.kinds and asset.group_name != "default"
    schema = asset.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert len(schema.columns) >= 6 and all(column.description for column in schema.columns)


@pytest.mark.parametrize("name", NODES)
def test_every_step_is_hourly_fresh_and_versioned(name: str) -> None:
    asset = GRAPH.get(dg.AssetKey(name))
    assert asset.partitions_def == HOURLY and asset.freshness_policy and asset.code_version
    assert asset.backfill_policy is None, "one hour a run, the same for every node"


def test_the_graph_is_the_lineage() -> None:
    order = [key.to_user_string() for level in GRAPH.toposorted_asset_keys_by_level for key in level]
    steps = [name for name in order if name in NODES]
    assert sorted(steps) == sorted(NODES)
    assert steps.index("log_templates") < steps.index("trace_summaries") < steps.index("normal_centroid")
    assert (
        steps.index("normal_centroid")
        < steps.index("anomaly_scores")
        < steps.index("incidents")
        < steps.index("embeddings")
    )
    assert lineage_hour.selection.resolve(GRAPH) == {dg.AssetKey(name) for name in NODES}


def test_checks_that_block_are_those_on_tables_that_others_read() -> None:
    blocking = {key.asset_key.to_user_string() for key in GRAPH.asset_check_keys if GRAPH.get_check_spec(key).blocking}
    assert blocking == BLOCKING
    assert {key.asset_key.to_user_string() for key in GRAPH.asset_check_keys} >= {*NODES, "otel_logs", "otel_traces"}


def test_automation_runs_unless_it_is_stopped() -> None:
    repository = defs.get_repository_def()
    automation = [*repository.sensor_defs, *repository.schedule_defs]
    assert len(automation) == 6
    assert all(item.default_status.value == "RUNNING" for item in automation)


def test_the_current_hour_is_open() -> None:
    now = HOURLY.start + timedelta(days=3, minutes=30)
    with partition_loading_context(now):
        assert HOURLY.get_last_partition_key() == key_of(current_hour(now))
    assert hour_of(key_of(current_hour(now))) == current_hour(now)


@pytest.mark.parametrize(("given", "first"), [("", "2025-11-01"), ("2023-01-29", "2023-01-29")])
def test_partitions_begin_where_derived_rows_do(given: str, first: str) -> None:
    settings = load(lineage_start=given, derived_ttl_days=90)
    assert start(settings, date(2026, 1, 31)) == datetime.fromisoformat(first).replace(tzinfo=UTC)


def test_figures_are_numbers_and_hashes_keep_their_digits() -> None:
    report = StepReport(
        rows=2,
        metrics={"anomalies": 1, "p99_score": 2.5, "same": 7},
        tables={
            "same": [{"name": "x"}],
            "worst": [{"TraceId": "ab", "Timestamp": datetime(2026, 1, 31, 8), "hash": 2**60 + 1}],
            "none": [],
        },
    )
    found = metadata(report, load(clickhouse_host="db.example", clickhouse_port=8443))
    assert found["anomalies"].value == 1.0 and found["p99_score"].value == 2.5
    (row,) = found["worst"].records
    assert row.data["hash"] == str(2**60 + 1)
    assert row.data["Timestamp"] == "2026-01-31T08:00:00.000+00:00"
    assert "[ab](http://db.example:8443/clickstack/search?" in found["worst_links"].value
    assert found["same"].value == 7.0 and len(found["same_list"].records) == 1
    assert "none" not in found


def test_columns_come_from_the_schema_files() -> None:
    by_name = {column.name: column for column in column_schema("anomaly_scores").columns}
    assert by_name["Reasons.Kind"].type == "Array(LowCardinality(String))"
    assert by_name["Verdict"].description == "normal, anomalous, no_baseline, partial"
    assert "WrittenAt" in by_name and "INDEX" not in by_name


def test_an_incident_reads_as_a_page() -> None:
    start = datetime(2026, 1, 31, 8, 10, tzinfo=UTC)
    row = {
        "Title": "payment: card processor timed out", "Start": start, "End": start + timedelta(minutes=2), "Open": True,
        "Anomalous": 30, "Traces": 40, "Operations": ["web:GET /pay"], "Causes": ["payment", "web"],
        "Confidence": [0.8, 0.2], "Why": ["errors begin here", "it waits"], "ReasonServices": ["payment"],
        "Reasons": ["new error"], "ReasonTraces": [30], "ExampleTraceIds": ["0123456789abcdef"],
    }  # fmt: skip
    text = page(row, load())
    assert "1. **`payment`** (80%): `errors begin here`" in text and "going on" in text
    assert "[01234567](http://127.0.0.1:8123/clickstack/search?" in text


@pytest.mark.parametrize(("minutes", "passed"), [(1, True), (30, False)])
def test_telemetry_that_stops_is_noticed(minutes: int, passed: bool) -> None:
    now = datetime(2026, 1, 31, 8, tzinfo=UTC)
    row = {"Kept": 9, "LastHour": 9, "Newest": (now - timedelta(minutes=minutes)).replace(tzinfo=None), "Timed": True}
    assert arriving(row, now).passed is passed
    assert arriving(None, now).passed, "nobody sends yet"


def test_the_process_of_a_run_is_known_by_number_and_age() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = psutil.Process(child.pid).create_time()

    def process(tag: str) -> psutil.Process | None:
        return warm.process_of(dg.DagsterRun(job_name="j", tags={warm.PROCESS_TAG: tag} if tag else {}))

    assert process(f"{child.pid}@{began}") is not None
    assert process(f"{child.pid}@{began - 60}") is None, "the number has been given to another process"
    assert process("") is None
    child.communicate(b"\n")
    assert process(f"{child.pid}@{began}") is None


def test_changed_code_is_noticed_by_warm_processes(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "CODE", {tmp_path: "*.py"})
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "module.py").touch()
    assert warm.newest_code() == pytest.approx(time.time(), abs=5)
    os.utime(tmp_path / "deep" / "module.py", (1, 1))
    assert warm.newest_code() == 1
