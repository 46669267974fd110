"""Versions of the detector beside each other: rows of several in one partition, each written as if it were alone.

A connection sees the rows of the version that its settings name (``DETECTOR_VERSION``): see
:mod:`otel_pipeline.clickhouse`. Here the others' rows are kept when a partition is replaced.
"""

from collections.abc import Callable

from otel_pipeline.clickhouse import VERSIONED, Database

Statement = Callable[..., None]


def mark(db: Database, stage: str, table: str, statement: Statement) -> None:
    """Rows that will be written into the staging table are of this connection's version."""
    if table in VERSIONED:
        statement(db, "staging__detector", stage=stage, detector=db.settings.detector_version)


def drop_others(db: Database, stage: str, table: str, partition: str) -> None:
    """Take the other versions' rows out of a staging table that holds the partition's."""
    if _others(db, table, partition):
        db.run("staging__of_detector", stage=stage, detector=db.settings.detector_version, own=False)


def keep_others(
    db: Database, stage: str, table: str, partition: str, *, aside: str, create: Statement, statement: Statement
) -> None:
    """Put the other versions' rows of the partition into the staging table that will replace it.

    :param aside: name for a table to do it in.
    """
    if _others(db, table, partition):
        create(db, aside, table)
        statement(db, "staging__amend", stage=aside, table=table, partition=partition)
        db.run("staging__of_detector", stage=aside, detector=db.settings.detector_version, own=True)
        statement(db, "staging__attach", stage=stage, table=aside, partition=partition)


def _others(db: Database, table: str, partition: str) -> int:
    if table not in VERSIONED:
        return 0
    where = {"table": table, "partition": partition, "detector": db.settings.detector_version}
    return db.one("staging__others", **where)["Rows"]
