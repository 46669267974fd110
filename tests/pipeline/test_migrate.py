"""Migrations on a real server: once each, safe to run again, TTLs that follow the settings."""

from otel_pipeline.clickhouse import Database
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings
from otel_pipeline.sqlfiles import schema_files


def test_each_file_is_run_once(settings: Settings, database: Database) -> None:
    assert migrate(settings) == []
    recorded = {row["Name"] for row in database.rows("migrate__list")}
    assert recorded == {file.name for file in schema_files()}


def test_all_of_it_is_safe_to_run_again(settings: Settings, database: Database) -> None:
    database.client.command("INSERT INTO otel_logs (Timestamp, Body) VALUES (now64(9), 'still here')")
    database.client.command("TRUNCATE TABLE schema_migrations")
    assert migrate(settings) == [file.name for file in schema_files()]
    assert database.client.query("SELECT Body FROM otel_logs").result_rows == [("still here",)]


def test_a_changed_ttl_reaches_tables_that_exist(settings: Settings, database: Database) -> None:
    ran = migrate(settings.model_copy(update={"raw_ttl_days": 3}))
    assert "001_otel_logs" in ran and "005_hyperdx_sessions" not in ran
    definition = database.client.command("SHOW CREATE TABLE otel_logs")
    assert "toIntervalDay(3)" in str(definition)
