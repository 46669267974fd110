"""Idempotent writes: fill a table of one's own, then swap it in as the partition of the hour.

Staging tables have names of their own for each run, so that two runs never meet; what a killed run leaves behind is
dropped by a later one.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from string import Template

from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import Unavailable

STALE_SECONDS = 3 * 3600


@contextmanager
def scratch(db: Database, count: int) -> Iterator[list[str]]:
    """Names for tables of one run; whatever stands under them is dropped at the end."""
    run = f"{int(time.time())}_{uuid.uuid4().hex[:12]}"
    names = [f"staging_{run}_{number}" for number in range(count)]
    try:
        yield names
    finally:
        for name in names:
            db.run("staging__drop", stage=name)


@contextmanager
def replacing_partition(db: Database, table: str, key: datetime) -> Iterator[str]:
    """A staging table in the form of ``table``; when the block ends well, its rows replace those of the partition.

    :param key: value of the partition key: the hour, for a table PARTITION BY Hour.
    """
    drop_stale(db)
    with scratch(db, 1) as (stage,):
        create_like(db, stage, table)
        yield stage
        partition = str(int(key.timestamp()))
        if db.one("staging__count", stage=stage)["Rows"]:
            _statement(db, "staging__replace", stage=stage, table=table, partition=partition)
        else:
            db.run("staging__clear", table=table, partition=partition)


@contextmanager
def amending_partition(db: Database, table: str, key: datetime) -> Iterator[str]:
    """Like :func:`replacing_partition`, but the staging table holds the partition's rows to begin with.

    They are linked, not copied: what it costs is what is changed in it.

    :raises Unavailable: somebody else has written the partition meanwhile; nothing has been changed.
    """
    partition = str(int(key.timestamp()))
    with replacing_partition(db, table, key) as stage:
        before = db.one("staging__newest", table=table, partition=partition)
        if before["Parts"]:
            _statement(db, "staging__amend", stage=stage, table=table, partition=partition)
        yield stage
        if db.one("staging__newest", table=table, partition=partition)["Block"] != before["Block"]:
            raise Unavailable(f"another run has written {table} of {key:%Y-%m-%d %H:00} at the same time; run it again")


def replace_traces(db: Database, stage: str, traces: str, fresh: str, key: datetime) -> None:
    """Put rows of traces in the place of those that they have in a staging table, all of one partition.

    :param traces: table with the TraceIds to take out; fresh: table with the rows to put in.
    """
    db.run("staging__without", stage=stage, traces=traces)
    if db.one("staging__count", stage=fresh)["Rows"]:
        _statement(db, "staging__attach", stage=stage, table=fresh, partition=str(int(key.timestamp())))


def create_like(db: Database, stage: str, table: str) -> None:
    """Make an empty table in the form of another."""
    _statement(db, "staging__create", stage=stage, table=table)


def drop_stale(db: Database) -> None:
    """Drop staging tables of runs that were killed."""
    for row in db.rows("staging__list"):
        if int(row["name"].split("_")[1]) < time.time() - STALE_SECONDS:
            db.run("staging__drop", stage=row["name"])


def _statement(db: Database, name: str, **identifiers: str) -> None:
    """Run a statement in whose place ClickHouse takes no parameters; only names made here may go in."""
    if not all(identifier.isidentifier() or identifier.isdigit() for identifier in identifiers.values()):
        raise ValueError(f"not identifiers: {identifiers}")
    db.client.command(Template(sqlfiles.query(name)).substitute(identifiers))
