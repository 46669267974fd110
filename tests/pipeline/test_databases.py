"""The tests' own databases: one that was used before cannot be told from a new one."""

from collections.abc import Callable

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.migrate import migrate
from otel_pipeline.sqlfiles import schema_files
from tests.support.databases import Databases

LINE = "INSERT INTO otel_logs (Timestamp, Body) VALUES (now64(9), 'left behind')"
ROWS = """SELECT name, total_rows FROM system.tables
WHERE database = currentDatabase() AND total_rows > 0 AND name != 'schema_migrations'"""
ARRIVED = "SELECT count() FROM raw_arrivals"


def command(sql: str) -> Callable[[Database], object]:
    return lambda db: db.client.command(sql)


def version_2(db: Database) -> None:
    migrate(db.settings.version(2))


USES = {
    "nothing": lambda db: None,
    "rows": command(LINE),
    "a table": command("CREATE TABLE more (a UInt8) ENGINE = MergeTree ORDER BY a"),
    "a column": command("ALTER TABLE otel_logs ADD COLUMN More String"),
    "no migrations": command("DROP TABLE schema_migrations SYNC"),
    "a forgotten migration": command("TRUNCATE TABLE schema_migrations"),
    "a part put aside": lambda db: (
        db.client.command(LINE),
        db.client.command("ALTER TABLE otel_logs DETACH PARTITION ALL"),
    ),
    "a function": command("CREATE OR REPLACE FUNCTION otel_pipeline_pad_v1 AS x -> 'changed'"),
    "another version": version_2,
    "itself gone": lambda db: db.client.command(f"DROP DATABASE {db.settings.database} SYNC"),
}


@pytest.mark.parametrize("use", USES)
def test_who_comes_next_finds_a_new_database(databases: Databases, use: str) -> None:
    with databases.one() as settings, Database(settings) as db:
        functions = db.client.query("SELECT name, create_query FROM system.functions WHERE origin = 'SQLUserDefined'")
        USES[use](db)
    with databases.one() as settings, Database(settings) as db:
        assert db.client.query(ROWS).result_rows == []
        assert migrate(settings) == []
        assert {row["Name"] for row in db.rows("migrate__list")} == {file.name for file in schema_files()}
        now = db.client.query("SELECT name, create_query FROM system.functions WHERE origin = 'SQLUserDefined'")
        assert sorted(now.result_rows) == sorted(functions.result_rows)
        assert db.client.query("SELECT name FROM system.columns WHERE name = 'More'").result_rows == []
        assert db.client.query("SELECT name FROM system.tables WHERE name = 'more'").result_rows == []
        others = "SELECT name FROM system.databases WHERE startsWith(name, currentDatabase() || '_')"
        assert db.client.query(others).result_rows == []
        db.client.command(LINE)
        assert db.client.query(ARRIVED).result_rows == [(1,)], "what follows from an insert does"


def test_a_token_of_an_insert_is_forgotten_with_its_rows(databases: Databases) -> None:
    for _ in range(2):
        with databases.one() as settings, Database(settings) as db:
            db.client.command(LINE, settings={"insert_deduplication_token": "same"})
            assert db.client.query("SELECT count() FROM otel_logs").result_rows == [(1,)]


def test_what_is_written_into_a_free_database_reaches_nobody(databases: Databases) -> None:
    with databases.one() as settings:
        pass
    with Database(settings) as late:
        late.client.command(LINE)
    with databases.one() as settings, Database(settings) as db:
        assert db.client.query(ROWS).result_rows == []
