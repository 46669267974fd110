"""The on-call contract: what must hold of the lineage, as asset checks.

Two kinds. *Blocking* checks look at the hour that a run has just written, and stop the nodes behind it: nothing is
scored from a table that lost rows. Checks *about now* look at the last two hours, whatever the run was about, because
a check has one status, and people read it as the present.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from otel_pipeline.assets.node import whole
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import shifts
from otel_pipeline.evaluation import compare
from otel_pipeline.partitions import current_hour, hour_of
from otel_pipeline.resources.clickhouse import ClickHouse, one_line_failures
from otel_pipeline.resources.embedder import EmbeddingEndpoint
from otel_pipeline.settings import load

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR

ARRIVING = ("otel_logs", "otel_traces")
QUIET_SECONDS = 300  # without telemetry for so long, something is wrong on the way
EMBEDDING_LAG_SECONDS = 120
STORM_SHARE, STORM_LEAST = 0.5, 100
BASELINE_SECONDS = 26 * 3600  # one a day, and time to learn it


@dg.asset_check(asset="log_templates", blocking=True)
def every_line_has_a_template(context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse) -> dg.AssetCheckResult:
    """No line of the hour is lost on the way to its template, and none is counted twice."""
    row = _ask(context, clickhouse, "checks__lines", **_hour(context))
    return _result(row["Began"] <= row["Templated"] <= row["Present"], ERROR, row)


@dg.asset_check(asset="trace_summaries", blocking=True)
def every_trace_is_summarised_once(
    context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse
) -> dg.AssetCheckResult:
    """Every trace whose root lies in the hour has exactly one summary."""
    row = _ask(context, clickhouse, "checks__summaries", **_hour(context), whole=whole(context))
    return _result(row["Missing"] == 0 and row["Twice"] == 0, ERROR, row)


@dg.asset_check(asset="embeddings")
def vectors_are_comparable(
    context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse, embedder: EmbeddingEndpoint
) -> dg.AssetCheckResult:
    """All vectors of the model have one length, and only finite numbers in them."""
    row = _ask(context, clickhouse, "checks__vectors", model=embedder.client().model)
    return _result(len(row["Lengths"]) <= 1 and row["Broken"] == 0, ERROR, row)


@dg.asset_check(asset="embeddings")
def recent_texts_have_vectors(
    context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse, embedder: EmbeddingEndpoint
) -> dg.AssetCheckResult:
    """About now: what was first said in the last two hours can be searched by meaning within two minutes."""
    row = _ask(context, clickhouse, "checks__coverage", model=embedder.client().model)
    row["embedding_lag_seconds"] = float(row.pop("LagSeconds"))
    row["coverage"] = 1 - row["Missing"] / max(1, row["Texts"])
    return _result(row["embedding_lag_seconds"] <= EMBEDDING_LAG_SECONDS, ERROR, row)


@dg.asset_check(asset="normal_centroid")
def baseline_is_recent(context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse) -> dg.AssetCheckResult:
    """About now: where there has been traffic for longer than a day, a baseline of the last day exists."""
    row = _ask(context, clickhouse, "checks__baseline")
    recent = 0 <= row["AgeSeconds"] <= BASELINE_SECONDS
    return _result(recent or row["TrafficSeconds"] <= BASELINE_SECONDS, WARN, row)


@dg.asset_check(asset="anomaly_scores", blocking=True)
def every_trace_is_judged_by_its_past(
    context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse
) -> dg.AssetCheckResult:
    """One score a trace, by a baseline that had ended when it began, or "no baseline"; no anomaly without a reason."""
    row = _ask(context, clickhouse, "checks__scores", **_hour(context))
    faults = ("Twice", "WithoutBaseline", "FromTheFuture", "WithoutReason")
    return _result(row["Traces"] == row["Scores"] and not any(row[fault] for fault in faults), ERROR, row)


@dg.asset_check(asset="anomaly_scores")
def no_storm_of_anomalies(context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse) -> dg.AssetCheckResult:
    """About now: if most traces of two hours are anomalous, the system has changed, or the baseline is wrong."""
    row = _ask(context, clickhouse, "checks__storm")
    row["share"] = row["Anomalous"] / max(1, row["Judged"])
    return _result(row["share"] <= STORM_SHARE or row["Judged"] < STORM_LEAST, WARN, row)


@dg.asset_check(asset="incidents")
def version_is_no_worse_than_others() -> dg.AssetCheckResult:
    """The gate of a switch: no version of the lineage that stands beside does better on the ledger of injected faults.

    Not part of the lineage's runs; run it from the page of the asset, after `otel-pipeline materialize --version`.
    """
    settings = load()
    with one_line_failures():
        answers = [compare.evaluate(settings, other, settings.lineage_version) for other in compare.others(settings)]
    figures = {
        f"{row['figure']} of {answer[which]}": row[which] if row[which] is not None else "-"
        for answer in answers
        for row in answer["figures"]
        for which in ("old", "new")
    }
    return _result(all(answer["no_worse"] is not False for answer in answers), ERROR, figures)


@dg.asset_check(asset="incidents", blocking=True)
def incidents_are_founded(context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse) -> dg.AssetCheckResult:
    """Ids are unique; the example traces of an incident are anomalous by their scores, or at least unusual."""
    row = _ask(context, clickhouse, "checks__incidents", **_hour(context), unusual=shifts.UNUSUAL)
    return _result(row["Unfounded"] == 0 and row["Ids"] == row["Incidents"], ERROR, row)


@dg.asset_check(asset="error_patterns")
def every_incident_has_a_pattern(context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse) -> dg.AssetCheckResult:
    """Each incident of the hour is in the memory, as a known pattern or as a new, suspected one."""
    row = _ask(context, clickhouse, "checks__patterns", **_hour(context))
    return _result(row["Unmatched"] == 0, ERROR, row)


def arrives(table: str) -> dg.AssetChecksDefinition:
    """About now: telemetry of this kind keeps arriving. The sensor ``raw_telemetry`` evaluates it, without a run."""

    @dg.asset_check(asset=table, name=f"{table}_arrive", description=arrives.__doc__)
    def check(context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse) -> dg.AssetCheckResult:
        with one_line_failures(), clickhouse.database(run=context.run.run_id, check=f"{table}_arrive") as db:
            row = raw_tables(db).get(table)
        return arriving(row, datetime.now(UTC))

    return check


def raw_tables(db: Database) -> dict[str, dict[str, Any]]:
    """Rows of ``sensors__raw_tables`` by name."""
    return {row["Name"]: row for row in db.rows("sensors__raw_tables", database=db.settings.clickhouse_database)}


def arriving(row: dict[str, Any] | None, now: datetime) -> dg.AssetCheckResult:
    """Judge a row of ``sensors__raw_tables``. A table that nothing has ever come to is no fault: nobody sends yet."""
    if row is None or not row["Timed"]:
        waiting = {"kept": row["Kept"] if row else 0}
        return dg.AssetCheckResult(passed=True, metadata=waiting, description="nothing has arrived within a day")
    lag = lag_seconds(row, now)
    return _result(lag <= QUIET_SECONDS, WARN, {"lag_seconds": lag, "last_hour": row["LastHour"]})


def lag_seconds(row: dict[str, Any], now: datetime) -> float:
    """Seconds since the end of the newest minute in which something happened."""
    return max(0.0, (now - row["Newest"].replace(tzinfo=UTC)).total_seconds() - 60)


def _hour(context: dg.AssetCheckExecutionContext) -> dict[str, Any]:
    """Parameters of a check on what its run has written: the hour of the run; alone, a check looks at the open hour."""
    key = context.run.tags.get("dagster/partition")
    return {"hour": hour_of(key) if key else current_hour(datetime.now(UTC)), "run": context.run.run_id}


def _ask(
    context: dg.AssetCheckExecutionContext, clickhouse: ClickHouse, query: str, **parameters: Any
) -> dict[str, Any]:
    with one_line_failures(), clickhouse.database(run=context.run.run_id, check=query) as db:
        return db.one(query, **parameters)


def _result(passed: bool, severity: dg.AssetCheckSeverity, row: dict[str, Any]) -> dg.AssetCheckResult:
    metadata = {name: value if isinstance(value, int | float) else str(value) for name, value in row.items()}
    return dg.AssetCheckResult(passed=bool(passed), severity=severity, metadata=metadata)


CHECKS = [
    *(arrives(table) for table in ARRIVING),
    every_line_has_a_template,
    every_trace_is_summarised_once,
    vectors_are_comparable,
    recent_texts_have_vectors,
    baseline_is_recent,
    every_trace_is_judged_by_its_past,
    no_storm_of_anomalies,
    version_is_no_worse_than_others,
    incidents_are_founded,
    every_incident_has_a_pattern,
]
