"""The nearest texts to a vector where there are many: by the HNSW graph that the lineage keeps."""

import struct

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.vector_index import table_of


def index_for(db: Database, model: str, dimensions: int) -> str:
    """The table of the model's index; empty where there is none, and all vectors are to be scanned."""
    table = table_of(model, dimensions)
    return table if dimensions and db.one("vector_index__exists", table=table)["result"] else ""


def nearest(db: Database, table: str, vector: list[float], limit: int) -> dict[int, float]:
    """Hashes of the nearest texts with their cosine similarity, the nearest first."""
    rows = db.rows("search__nearest", table=table, vector=vector, limit=limit)
    return {row["TextHash"]: row["Similarity"] for row in rows}


def as_hex(vector: list[float]) -> str:
    """A vector as a parameter of a query: float32 in hex, which the engine reads faster than the figures' digits."""
    return struct.pack(f"<{len(vector)}f", *vector).hex()
