"""From how many texts on an index finds the nearest vectors, and its upkeep.

A scan over the vectors of a few thousand templates is exact and takes milliseconds. From ``VECTOR_INDEX_FROM``
templates on, their vectors stand a second time in a table of their own, one a model, with an HNSW graph: it answers as
fast at a million, and nearly as well (``make bench-search`` measures how well).
"""

import math
import re
import time
import zlib
from string import Template

from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database

CONNECTIONS = 16  # of a vector in the graph, per layer
CANDIDATES = 128  # looked at for each vector that is added
ABSENT_SECONDS = 60

# When a table (address, database, name) was found not to be there. A scan meanwhile is slower, and as right.
_absent: dict[tuple[str, str, str], float] = {}


def table_of(model: str, dimensions: int) -> str:
    """The table with the graph of a model's vectors: readable, and its own for every model."""
    word = re.sub(r"\W+", "_", model.lower())[:40].strip("_")
    return f"vector_index_{word}_{zlib.crc32(model.encode()):08x}_{dimensions}"


def maintain(db: Database, model: str) -> int:
    """Make the index when there are enough vectors, and add to it what is new.

    :returns: vectors in the index; 0 without one.
    """
    row = db.one("vector_index__count", model=model)
    if not row["Dimensions"]:
        return 0
    table = table_of(model, row["Dimensions"])
    exists = is_there(db, table)
    if not exists and row["Vectors"] < db.settings.vector_index_from:
        return 0
    if not exists:
        _create(db, table, row["Dimensions"])
    db.run("vector_index__fill", table=table, model=model, dimensions=row["Dimensions"])
    return db.one("vector_index__size", table=table)["Vectors"]


def is_there(db: Database, table: str, within: float = 0) -> bool:
    """Whether a model has an index.

    :param within: seconds for which it is believed that there is none, without asking again.
    """
    key = (db.address, db.client.database or "", table)
    if time.monotonic() - _absent.get(key, -math.inf) < within:
        return False
    exists = bool(db.one("vector_index__exists", table=table)["result"])
    if exists:
        _absent.pop(key, None)
    else:
        _absent[key] = time.monotonic()
    return exists


def _create(db: Database, table: str, dimensions: int) -> None:
    """Make the table. An index takes no server-side parameters; only a name and numbers of our own go in."""
    cluster = db.settings.clickhouse_cluster
    statement = Template(sqlfiles.query("vector_index__create")).substitute(
        TABLE=table,
        DIMENSIONS=int(dimensions),
        CONNECTIONS=CONNECTIONS,
        CANDIDATES=CANDIDATES,
        ON_CLUSTER=f"ON CLUSTER '{cluster}'" if cluster else "",
        REPLICATED="Replicated" if cluster else "",
    )
    db.client.command(statement)
    is_there(db, table)
