"""Nearest vectors of the same kind in the engine and in its peers: time, recall, build, memory."""

import gc
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from benchmarks.timing import p95, tell
from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import vector_index
from otel_pipeline.detection.vector_index import CANDIDATES, CONNECTIONS
from otel_pipeline.investigate.nearest import as_hex, index_for, nearest

K = 10
SEARCH = 256  # candidates that every graph looks at for a query; the engine's default
BATCH = 20_000
MODEL = "bench"
Found = Callable[[np.ndarray], list[int]]


@dataclass(frozen=True)
class Result:
    """How one of them did."""

    p95_ms: float
    recall: float
    build_s: float
    megabytes: float | None = None


def clustered(real: np.ndarray, changes: np.ndarray, count: int, dice: np.random.Generator) -> np.ndarray:
    """Vectors as real ones lie: each a real one, moved by what three real changes of wording do to a vector.

    :param changes: differences between vectors of texts and of the same texts with a word changed.
    :returns: float32 of shape (count, dimensions), rows of unit length.
    """
    found = np.empty((count, real.shape[1]), dtype=np.float32)
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        moved = real[dice.integers(len(real), size=size)].astype(np.float32)
        for _ in range(3):
            moved += dice.normal(0, 0.7, (size, 1)).astype(np.float32) * changes[dice.integers(len(changes), size=size)]
        found[start : start + size] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return found


def truth(vectors: np.ndarray, queries: np.ndarray) -> list[set[int]]:
    """The K nearest of each query by a scan of all."""
    best = [np.empty(0, dtype=np.int64)] * len(queries)
    scores = [np.empty(0, dtype=np.float32)] * len(queries)
    for start in range(0, len(vectors), BATCH):
        block = queries @ vectors[start : start + BATCH].T
        for row, values in enumerate(block):
            top = np.argpartition(-values, min(K, len(values) - 1))[:K]
            scores[row] = np.concatenate([scores[row], values[top]])
            best[row] = np.concatenate([best[row], top + start])
    return [set(ids[np.argsort(-values)[:K]].tolist()) for ids, values in zip(best, scores, strict=True)]


def measured(find: Found, queries: np.ndarray, right: list[set[int]], build_s: float, mb: float | None) -> Result:
    """Time each query alone, after one round to warm up."""
    for query in queries[:20]:
        find(query)
    times, shared = [], 0
    for query, wanted in zip(queries, right, strict=True):
        start = time.perf_counter()
        found = find(query)
        times.append(time.perf_counter() - start)
        shared += len(wanted & set(found))
    return Result(p95(times), shared / (K * len(right)), build_s, mb)


def engine(db: Database, vectors: np.ndarray, queries: np.ndarray, right: list[set[int]]) -> tuple[Result, Result]:
    """The engine's index as the lineage keeps it; and its scan of all vectors, on some of the queries."""
    _store(db, vectors)
    start = time.perf_counter()
    vector_index.maintain(db, MODEL)
    build_s = time.perf_counter() - start
    table = index_for(db, MODEL, vectors.shape[1])
    plan = db.client.query(
        f"EXPLAIN indexes = 1 {sqlfiles.query('search__nearest')}",
        parameters={"table": table, "vector": as_hex(queries[0].tolist()), "limit": K},
    )
    if "vector_similarity" not in str(plan.result_rows):
        raise RuntimeError("the engine does not use the index")
    size = db.client.query(
        "SELECT sum(data_uncompressed_bytes) / 1e6 FROM system.data_skipping_indices WHERE table = {t:String}",
        parameters={"t": table},
    ).result_rows[0][0]
    graph = measured(lambda q: list(nearest(db, table, q.tolist(), K)), queries, right, build_s, size)
    tell(f"index over {len(vectors):,} vectors built in {build_s:.1f} s; the engine holds {_engine():,.0f} MB")

    def scan(query: np.ndarray) -> list[int]:
        rows = db.client.query(
            "WITH reinterpret(unhex({v:String}), 'Array(Float32)') AS query"
            f" SELECT TextHash FROM {table} ORDER BY cosineDistance(Vector, query) LIMIT {K}",
            parameters={"v": as_hex(query.tolist())},
            settings={"use_skip_indexes": 0},
        ).result_rows
        return [row[0] for row in rows]

    return graph, measured(scan, queries[:40], right[:40], 0.0, None)


def peers(vectors: np.ndarray, queries: np.ndarray, right: list[set[int]]) -> dict[str, Result]:
    """The same vectors in FAISS, usearch and hnswlib, as far as they are installed; same graph, same search width."""
    found = {}
    for name, make in (("faiss_hnsw", _faiss), ("usearch", _usearch), ("hnswlib", _hnswlib)):
        before, start = _resident(), time.perf_counter()
        try:
            find = make(vectors)
        except ImportError:
            continue
        build_s = time.perf_counter() - start
        found[name] = measured(find, queries, right, build_s, max(0, _resident() - before))
        del find
    return found


def _engine() -> float:
    """Memory of the engine, which is this process's child, in MB."""
    return sum(child.memory_info().rss for child in psutil.Process().children(recursive=True)) / 1e6


def _resident() -> float:
    """Memory of this process in MB."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def _store(db: Database, vectors: np.ndarray) -> None:
    """Into the table embeddings, as RowBinary: a number, a length, floats."""
    dimensions = vectors.shape[1]
    length = bytes([dimensions & 0x7F | 0x80, dimensions >> 7]) if dimensions > 127 else bytes([dimensions])
    for start in range(0, len(vectors), BATCH):
        block = vectors[start : start + BATCH]
        rows = b"".join(struct.pack("<Q", start + n) + length + row.tobytes() for n, row in enumerate(block))
        db.client.raw_insert(
            "embeddings SELECT {model:String}, TextHash, 'log_template', '', Vector, length(Vector), now64(3)"
            " FROM input('TextHash UInt64, Vector Array(Float32)')".replace("{model:String}", f"'{MODEL}'"),
            insert_block=rows,
            fmt="RowBinary",
        )


def _faiss(vectors: np.ndarray) -> Found:
    import faiss

    index: Any = faiss.IndexHNSWFlat(vectors.shape[1], CONNECTIONS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = CANDIDATES, SEARCH
    index.add(vectors)
    return lambda query: index.search(query[None], K)[1][0].tolist()


def _usearch(vectors: np.ndarray) -> Found:
    from usearch.index import Index

    index: Any = Index(
        ndim=vectors.shape[1],
        metric="cos",
        dtype="bf16",
        connectivity=CONNECTIONS,
        expansion_add=CANDIDATES,
        expansion_search=SEARCH,
    )
    index.add(np.arange(len(vectors)), vectors)
    return lambda query: index.search(query, K).keys.tolist()


def _hnswlib(vectors: np.ndarray) -> Found:
    import hnswlib

    index: Any = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=CONNECTIONS, ef_construction=CANDIDATES)
    index.add_items(vectors)
    index.set_ef(SEARCH)
    return lambda query: index.knn_query(query, k=K)[0][0].tolist()
