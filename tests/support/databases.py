"""Migrated databases for tests, used again: to empty one takes a hundredth of the time that it takes to build one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings

DEFINITION = """SELECT
    (SELECT arraySort(groupArray((name, create_table_query))) FROM system.tables WHERE database = {database:String}),
    (SELECT arraySort(groupArray((name, create_query))) FROM system.functions WHERE origin = 'SQLUserDefined'),
    (SELECT count() FROM system.detached_parts WHERE database = {database:String})"""
"""What must be as it was when the database was built; with what its table of migrations holds."""

FILLED = """SELECT name FROM system.tables
WHERE database = {database:String} AND total_rows > 0 AND engine LIKE '%MergeTree' AND name != 'schema_migrations'"""

BESIDE = "SELECT name FROM system.databases WHERE startsWith(name, {database:String}) AND name != {database:String}"

RUNNING = "KILL QUERY WHERE current_database = {database:String} AND query_id != queryID() SYNC"


class Databases:
    """Databases on one server, each handed to one user at a time, migrated and without a row.

    One that comes back is emptied. One whose tables, functions or migrations are no longer those of a new database, or
    into which somebody wrote after it came back, is dropped. So a user cannot tell an old one from a new one.
    """

    def __init__(self, server: Settings) -> None:
        self.server = server
        self._made = 0
        self._free: list[tuple[Settings, Any]] = []

    @contextmanager
    def one(self, *, new: bool = False) -> Iterator[Settings]:
        """Settings that point at a database of the caller's own until the block ends.

        :param new: nobody had it before, and nobody gets it afterwards: for tests after which a writer may be alive.
        """
        settings, definition = self._make() if new else self._take()
        try:
            yield settings
        finally:
            with Database(self.server, database="") as db:
                if new or not self._emptied(db, settings.clickhouse_database, definition):
                    drop(db, settings.clickhouse_database)
                else:
                    self._free.append((settings, definition))

    def _make(self) -> tuple[Settings, Any]:
        self._made += 1
        name = f"{self.server.clickhouse_database}_test_{self._made}"
        settings = self.server.model_copy(update={"clickhouse_database": name})
        migrate(settings)
        with Database(self.server, database="") as db:
            return settings, _definition(db, name)

    def _take(self) -> tuple[Settings, Any]:
        while self._free:
            settings, definition = self._free.pop()
            with Database(self.server, database="") as db:
                if not _names(db, FILLED, settings.clickhouse_database):
                    return settings, definition
                drop(db, settings.clickhouse_database)
        return self._make()

    def _emptied(self, db: Database, name: str, definition: Any) -> bool:
        """Whether the database is as if it were new."""
        db.client.command(RUNNING, parameters={"database": name})
        for beside in _names(db, BESIDE, f"{name}_"):
            drop(db, beside)
        if _definition(db, name) != definition:
            return False
        for table in _names(db, FILLED, name):
            db.client.command(f"TRUNCATE TABLE `{name}`.`{table}` SYNC")
        return not _names(db, FILLED, name)

    def close(self) -> None:
        """Drop all that are free."""
        with Database(self.server, database="") as db:
            for settings, _ in self._free:
                drop(db, settings.clickhouse_database)
        self._free.clear()


def drop(db: Database, name: str) -> None:
    """Drop a database, if it is there."""
    db.client.command(f"DROP DATABASE IF EXISTS `{name}` SYNC")


def _names(db: Database, sql: str, database: str) -> list[str]:
    return [row[0] for row in db.client.query(sql, parameters={"database": database}).result_rows]


def _definition(db: Database, name: str) -> Any:
    recorded = []
    defined = list(db.client.query(DEFINITION, parameters={"database": name}).result_rows)
    if any(table == "schema_migrations" for table, _ in defined[0][0]):
        recorded = db.client.query(
            f"SELECT Name, Checksum FROM `{name}`.schema_migrations FINAL ORDER BY Name"
        ).result_rows
    return defined, list(recorded)
