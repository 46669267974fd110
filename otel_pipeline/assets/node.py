"""What all nodes of the lineage share: how they are declared, run on the hour of their partition, and reported."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import dagster as dg

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import StepReport, utc
from otel_pipeline.detection.version import CODE_VERSION
from otel_pipeline.links import trace_url
from otel_pipeline.partitions import HOURLY
from otel_pipeline.resources.clickhouse import ClickHouse, one_line_failures
from otel_pipeline.sanitize import Markdown, Terminal, Untrusted
from otel_pipeline.settings import Settings
from otel_pipeline.sqlfiles import schema_files

OWNERS = ["team:on-call"]
GROUP = "lineage"  # one group, raw tables included: the UI folds each group into one box
COLUMN = re.compile(r"^\s+`?([\w.]+)`? (.+?)(?: DEFAULT \S+)? COMMENT '((?:[^']|'')*)'", re.MULTILINE)

TRIGGER_TAG = "otel_pipeline/trigger"  # why a run was asked for
BACKFILL_TAG = "dagster/backfill"
LIVE, LATE = "live", "late"
INCREMENTAL = (LIVE, LATE)

EXACT = 2**53  # larger whole numbers, such as hashes, lose digits in a browser

# Every hour is closed by a schedule, with or without traffic; a node that has not run for longer than that is idle.
FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=timedelta(minutes=75), fail_window=timedelta(hours=3))


def node(
    table: str, deps: Iterable[str], *, alone: bool = False, kinds: Iterable[str] = ()
) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """Declare an hourly node of the lineage; its docstring is its description.

    :param table: derived table that it writes.
    :param alone: one run at a time (a pool of its name): for nodes that read and write beyond their hour.
    """

    def declare(function: Callable[..., dg.MaterializeResult]) -> dg.AssetsDefinition:
        return dg.asset(
            partitions_def=HOURLY,
            deps=list(deps),
            group_name=GROUP,
            owners=OWNERS,
            kinds={"clickhouse", *kinds},
            tags={"grain": "hour"},
            code_version=CODE_VERSION,
            freshness_policy=FRESHNESS,
            pool=function.__name__ if alone else None,
            metadata={"dagster/table_name": table, "dagster/column_schema": column_schema(table)},
        )(function)

    return declare


def run(
    context: dg.AssetExecutionContext,
    clickhouse: ClickHouse,
    materialize: Callable[[Database, datetime], StepReport],
) -> dg.MaterializeResult:
    """Run a step of ``otel_pipeline.detection`` on the hour of the partition, and report it."""
    hour = context.partition_time_window.start
    asset = context.asset_key.to_user_string()
    comment = {"run": context.run.run_id, "asset": asset, "partition": context.partition_key}
    history = BACKFILL_TAG in context.run.tags
    with one_line_failures(context.retry_number), clickhouse.database(history=history, **comment) as db:
        report = materialize(db, hour)
        return dg.MaterializeResult(metadata=metadata(report, db.settings))


def whole(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> bool:
    """Whether the run is to compute its hour anew as a whole: unless a sensor asked for what has arrived since."""
    return context.run.tags.get(TRIGGER_TAG) not in INCREMENTAL


def metadata(report: StepReport, settings: Settings) -> dict[str, Any]:
    """Figures (which Dagster plots by partition) and small tables of a step. Traces are linked into HyperDX."""
    figures = {name: dg.MetadataValue.float(float(value)) for name, value in report.metrics.items()}
    found: dict[str, Any] = {"dagster/partition_row_count": report.rows, **figures}
    for name, rows in report.tables.items():
        if rows:
            key = f"{name}_list" if name in figures else name
            found[key] = dg.MetadataValue.table([dg.TableRecord(_cells(row)) for row in rows])
            if "TraceId" in rows[0]:
                found[f"{key}_links"] = dg.MetadataValue.md(Markdown.lines(_link(row, settings) for row in rows))
    return found


def _link(row: Mapping[str, Any], settings: Settings) -> Markdown:
    """A trace as an item of a Markdown list: cells of a table cannot be links."""
    began = row.get("Timestamp")
    url = trace_url(settings, row["TraceId"], utc(began) if began else None)
    operation = Untrusted(row.get("RootOperation", ""))
    return Markdown.fill("- {} {} {} ms", Markdown.link(row["TraceId"], url), operation, row.get("duration_ms", 0))


def _cells(row: Mapping[str, Any]) -> dict[str, str | int | float | bool | None]:
    cells: dict[str, str | int | float | bool | None] = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            cells[name] = utc(value).isoformat(timespec="milliseconds")
        elif isinstance(value, str):
            cells[name] = Terminal.of(value)
        elif isinstance(value, float | bool | None) or (isinstance(value, int) and abs(value) < EXACT):
            cells[name] = value
        else:
            cells[name] = Terminal.of(value)
    return cells


@cache
def column_schema(table: str) -> dg.TableSchema:
    """Columns, types and comments of a table, as its schema file declares them."""
    (file,) = [f for f in schema_files() if f.name == f"{f.number:03}_{table}"]
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, description=comment.replace("''", "'"))
            for name, kind, comment in COLUMN.findall(file.path.read_text())
        ]
    )
