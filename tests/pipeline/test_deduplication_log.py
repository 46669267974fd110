"""A server killed between logging a token and committing its part takes the repetition, and once only."""

import shutil
from pathlib import Path

from otel_pipeline.clickhouse import Database
from otel_pipeline.localdb.deduplication import forget_uncommitted
from otel_pipeline.localdb.launcher import LocalServer, free_port
from otel_pipeline.settings import Settings, load

TABLE = """CREATE TABLE numbers (day Date, number UInt8) ENGINE = MergeTree PARTITION BY day ORDER BY number
SETTINGS non_replicated_deduplication_window = 100"""


def insert(db: Database, token: str, number: int) -> None:
    """One row under a token."""
    options = {"insert_deduplication_token": token}
    db.client.command(f"INSERT INTO numbers VALUES ('2026-01-0{number % 2 + 1}', {number})", settings=options)


def numbers(db: Database) -> list[int]:
    """What the table holds."""
    return [row[0] for row in db.client.query("SELECT number FROM numbers ORDER BY number").result_rows]


def test_a_token_without_its_part_is_forgotten(tmp_path: Path) -> None:
    settings: Settings = load(
        otel_pipeline_home=tmp_path, clickhouse_port=free_port(), clickhouse_native_port=free_port()
    )
    with LocalServer(settings) as server:
        with Database(server.settings, database="") as db:
            db.client.command(f"CREATE DATABASE {settings.clickhouse_database}")
        with Database(server.settings) as db:
            db.client.command(TABLE)
            for number in (1, 2, 3):
                insert(db, f"token-{number}", number)
            query = "SELECT path FROM system.parts WHERE table = 'numbers' AND active AND name LIKE '%_2_2_0'"
            (part,) = db.client.query(query).result_rows[0]
            db.client.command("OPTIMIZE TABLE numbers FINAL")  # tokens of merged parts must stay known
    shutil.rmtree(part)  # as the crash leaves it: logged, but not there
    for merged in Path(part).parent.glob("20260101_2_2_*"):
        shutil.rmtree(merged)
    with LocalServer(settings) as server, Database(server.settings) as db:
        assert numbers(db) == [1, 3]
        for _ in range(2):
            for number in (1, 2, 3):
                insert(db, f"token-{number}", number)
        assert numbers(db) == [1, 2, 3]
    assert forget_uncommitted(tmp_path / "clickhouse" / "data") == 0
