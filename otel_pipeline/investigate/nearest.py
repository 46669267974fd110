"""The nearest texts to a vector: by the HNSW graph of the lineage where there are many, else by a scan."""

import struct
from collections.abc import Mapping
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.vector_index import ABSENT_SECONDS, is_there, table_of

MOST = 1000  # neighbours that the engine takes from a graph (max_limit_for_vector_search_queries)


def index_for(db: Database, model: str, dimensions: int) -> str:
    """The table of the model's index; empty where there is none, and all vectors are to be scanned."""
    table = table_of(model, dimensions)
    return table if dimensions and is_there(db, table, ABSENT_SECONDS) else ""


def nearest(db: Database, table: str, vector: list[float], limit: int) -> dict[int, float]:
    """Hashes of the nearest texts by the graph, the nearest first, with their cosine similarity.

    :param limit: at most :data:`MOST`.
    """
    return _found(db.rows("search__nearest", table=table, vector=as_hex(vector), limit=limit))


def nearest_of(
    db: Database, table: str, vector: list[float], limit: int, filters: Mapping[str, Any]
) -> dict[int, float]:
    """The same of templates that pass a filter, by a scan over their vectors.

    :param filters: service, severity, start, end: as those of ``search``.
    """
    return _found(db.rows("search__nearest_of", table=table, vector=as_hex(vector), limit=limit, **filters))


def nearest_of_all(db: Database, model: str, vector: list[float], limit: int) -> dict[int, float]:
    """The same of all texts of the model, by the graph where there is one."""
    if table := index_for(db, model, len(vector)):
        return nearest(db, table, vector, limit)
    return _found(db.rows("search__scan", model=model, vector=as_hex(vector), limit=limit))


def as_hex(vector: list[float]) -> str:
    """A vector as a parameter of a query: float32 in hex, which the engine reads faster than the figures' digits."""
    return struct.pack(f"<{len(vector)}f", *vector).hex()


def _found(rows: list[dict[str, Any]]) -> dict[int, float]:
    return {row["TextHash"]: 1 - row["Distance"] for row in rows}
