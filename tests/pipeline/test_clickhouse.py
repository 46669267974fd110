"""The one way to ClickHouse: named queries, inserts of plain rows, and errors that say what to do."""

import os
import subprocess
import sys

import pytest

from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.settings import REPOSITORY, Settings

QUERIES = sorted(path.stem for path in (REPOSITORY / "sql" / "query").glob("*.sql"))


def test_rows_and_inserts(database: Database) -> None:
    database.insert("schema_migrations", [["a", "1"], ["b", "2"]], ["Name", "Checksum"])
    database.insert("schema_migrations", [], ["Name", "Checksum"])
    found = {row["Name"]: row["Checksum"] for row in database.rows("migrate__list")}
    assert found["a"] == "1" and found["b"] == "2"


def test_an_insert_of_plain_rows_does_not_load_pandas(settings: Settings) -> None:
    code = """
import sys
from otel_pipeline.clickhouse import Database
from otel_pipeline.settings import load
with Database(load()) as db:
    db.insert("schema_migrations", [["c", "3"]], ["Name", "Checksum"])
    assert db.client.query("SELECT count() FROM schema_migrations WHERE Name = 'c'").result_rows == [(1,)]
print(sorted({"pandas", "pyarrow"} & set(sys.modules)))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **settings.environment()},
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM no_such_table", "a table is missing in .*; run `otel-pipeline migrate`"),
        ("SELECT groupArray(number) FROM numbers(400000000)", "ran out of memory; ask for a shorter window"),
        ("DROP TABLE otel_logs", "user reader lacks a right"),
    ],
)
def test_errors_say_what_to_do(settings: Settings, monkeypatch: pytest.MonkeyPatch, sql: str, message: str) -> None:
    monkeypatch.setattr(sqlfiles, "statement", lambda _name: sql)
    with Database(settings, role="reader") as db, pytest.raises(UserError, match=message):
        db.rows("any")


def test_an_error_of_ours_stays_what_it_is(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlfiles, "statement", lambda _name: "SELEKT 1")
    with Database(settings) as db, pytest.raises(Exception, match="Syntax error"):
        db.rows("any")


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_file_says_what_it_is_for(name: str) -> None:
    assert sqlfiles.query(name).startswith("-- "), "grain, key, and who calls it"
    assert [line for line in sqlfiles.query(name).splitlines() if not line.lstrip().startswith("--")] == (
        sqlfiles.statement(name).splitlines()
    )


def test_a_backfill_gives_way_to_the_present(settings: Settings) -> None:
    asked = "SELECT toUInt64(getSetting('priority')), toUInt64(getSetting('max_threads'))"
    with Database(settings) as present, Database(settings, history=True) as past:
        first, second = (db.client.query(asked).result_rows[0] for db in (present, past))
    assert 0 < first[0] < second[0], "0 would take no part in it"
    assert second[1] <= max(1, first[1])
