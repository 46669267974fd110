"""Files into the raw tables: whole or not at all."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from otel_pipeline import importer
from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from tests.support.traffic import LINE_COLUMNS, SPAN_COLUMNS, YESTERDAY, Traffic, shop

START = YESTERDAY


def parquet(path: Path, rows: list[list[object]], columns: tuple[str, ...], leave_out: tuple[str, ...] = ()) -> Path:
    """Write rows as Parquet; maps are left out, as files from elsewhere have fewer columns than the table."""
    simple = [name for name in columns if not name.endswith("Attributes") and name not in leave_out]
    arrays = {name: pa.array([row[columns.index(name)] for row in rows]) for name in simple}
    pq.write_table(pa.table(arrays), path)
    return path


def files(folder: Path, traffic: Traffic) -> dict[importer.Kind, Path]:
    """Both files of some traffic."""
    return {
        "traces": parquet(folder / "t.parquet", traffic.spans, SPAN_COLUMNS),
        "logs": parquet(folder / "l.parquet", traffic.lines, LINE_COLUMNS),
    }


def counts(db: Database) -> tuple[int, int, int]:
    """Spans, lines, and what the sensors think has arrived."""
    raw = "(SELECT count() FROM otel_traces), (SELECT count() FROM otel_logs)"
    return db.client.query(f"SELECT {raw}, (SELECT sum(Rows) FROM raw_arrivals)").result_rows[0]


def test_a_file_is_imported_once_however_often(database: Database, tmp_path: Path):
    traffic = shop(START, 20)
    spans, lines = len(traffic.spans), len(traffic.lines)
    first = importer.run(database, files(tmp_path, traffic))
    assert [(item.rows, item.there) for item in first] == [(spans, 0), (lines, 0)]
    again = importer.run(database, files(tmp_path, traffic))
    assert [(item.rows, item.there) for item in again] == [(0, spans), (0, lines)]
    assert counts(database) == (spans, lines, spans + lines)


def test_rows_older_than_the_retention_are_kept(database: Database, tmp_path: Path):
    old = shop(datetime(2023, 1, 29, 8, tzinfo=UTC), 5)
    done = importer.run(database, files(tmp_path, old))
    for table in ("otel_traces", "otel_logs", "raw_arrivals"):
        database.client.command(f"OPTIMIZE TABLE {table} FINAL")
    assert counts(database)[0] == len(old.spans)
    assert done[0].kept_until is not None
    assert done[0].kept_until > datetime.now(UTC) + timedelta(days=29)


def test_a_line_without_a_time_takes_that_of_its_span(database: Database, tmp_path: Path):
    traffic = shop(START, 5)
    traffic.lines[0][0] = datetime(1900, 1, 1, tzinfo=UTC)
    done = importer.run(database, files(tmp_path, traffic))
    assert done[1].mended == 1
    assert database.client.query("SELECT min(Timestamp) > '2000-01-01' FROM otel_logs").result_rows == [(True,)]


def test_bad_files_are_refused_whole_with_the_reason(database: Database, tmp_path: Path):
    traffic = shop(START, 5)
    good = files(tmp_path, traffic)
    for name, content in (("empty.parquet", b""), ("text.parquet", b"PAR1 but not really"), ("cut.parquet", None)):
        path = tmp_path / name
        path.write_bytes(good["traces"].read_bytes()[:-100] if content is None else content)
        with pytest.raises(UserError, match="not a Parquet file"):
            importer.run(database, {"traces": path, "logs": good["logs"]})
    lacking = parquet(tmp_path / "x.parquet", traffic.spans, SPAN_COLUMNS, ("TraceId",))
    with pytest.raises(UserError, match="lacks TraceId"):
        importer.run(database, {"logs": good["logs"], "traces": lacking})
    broken = tmp_path / "x.jsonl"
    broken.write_text('{"Timestamp": "2026-11-01 10:00:00", "ServiceName": "a", "Body": "x"}\n{"Timestamp": "what"}\n')
    with pytest.raises(UserError, match=r"x\.jsonl: "):
        importer.run(database, {"logs": broken, "traces": good["traces"]})
    with pytest.raises(UserError, match="no such file"):
        importer.run(database, {"traces": tmp_path / "none.parquet"})
    with pytest.raises(UserError, match="unknown format"):
        importer.run(database, {"traces": Path(__file__)})
    timeless = shop(START, 5)
    for row in timeless.lines:
        row[0], row[1], row[2] = datetime(1900, 1, 1, tzinfo=UTC), "", ""
    with pytest.raises(UserError, match="have no usable Timestamp"):
        importer.run(database, {"logs": parquet(tmp_path / "y.parquet", timeless.lines, LINE_COLUMNS)})
    assert counts(database) == (0, 0, 0)
    left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'staging%'"
    assert database.client.query(left).result_rows == [(0,)]
