"""Migrations: each file of ``sql/schema`` once, in order, recorded in ``schema_migrations``, safe to re-run."""

import re
from hashlib import sha256
from string import Template

from otel_pipeline import retention, sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.settings import Settings
from otel_pipeline.sqlfiles import SchemaFile, schema_files

TTL = re.compile(r"^TTL (.+)$", re.MULTILINE)


def migrate(settings: Settings) -> list[str]:
    """Bring the database of this version of the lineage to the newest schema.

    A file whose text has changed since it was recorded is run again (all are ``IF NOT EXISTS`` or ``OR REPLACE``); a
    table that exists gets its new TTL, so that the settings ``*_TTL_DAYS`` can be changed at any time.

    :returns: names of the files that were run.
    :raises UserError: no server, or rights missing.
    """
    beside = settings.database != settings.clickhouse_database
    applied = [f"{name} of version 1" for name in migrate(settings.raw)] if beside else []
    with Database(settings, database="", comment={"command": "migrate"}) as server:
        cluster = f"ON CLUSTER '{settings.clickhouse_cluster}'" if settings.clickhouse_cluster else ""
        server.client.command(f"CREATE DATABASE IF NOT EXISTS `{settings.database}` {cluster}")
    with Database(settings, comment={"command": "migrate"}) as db:
        files = schema_files()
        db.client.command(files[0].statement(settings))
        done = {row["Name"]: row["Checksum"] for row in db.rows("migrate__list")}
        for file in files:
            if beside and file.raw:
                _share(db, file, cluster)
                continue
            statement = file.statement(settings)
            checksum = sha256(statement.encode()).hexdigest()
            if done.get(file.name) == checksum:
                continue
            db.client.command(statement)
            if file.name in done and (ttl := TTL.search(statement)):
                table = file.name.split("_", 1)[1]
                engine = db.one("migrate__engine", table=table)["engine_full"]
                db.client.command(f"ALTER TABLE `{table}` {cluster} MODIFY TTL {retention.renewed(ttl[1], engine)}")
            db.insert("schema_migrations", [[file.name, checksum]], ["Name", "Checksum"])
            applied.append(file.name)
        return applied


def _share(db: Database, file: SchemaFile, cluster: str) -> None:
    """Let a raw table of version 1 stand here, too. What fills it needs to be there only once."""
    table = file.name.split("_", 1)[1]
    if not table.endswith("_mv"):
        names = {"table": table, "database": db.settings.clickhouse_database, "ON_CLUSTER": cluster}
        db.client.command(Template(sqlfiles.query("migrate__alias")).substitute(names))
