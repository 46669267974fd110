"""Search over many log lines, nearest vectors beside other libraries, and how fast lines get their vectors.

    python -m benchmarks.search [--lines 10000000] [--vectors 200000 | --vectors 1000000]

Lines are made in the engine of the messages that the installed Python packages log (benchmarks/corpus.py), with values
that vary; vectors are real ones of those messages, moved by what real changes of wording do to a vector. Nothing is
uniform noise. A query's own embedding is timed apart. Ends with one JSON line: log_lines, template_p95_ms,
lines_p95_ms, vectors, vector_p95_ms, recall_at_10, build_s, peers {name: {p95_ms, recall_at_10}}, embed_lines_per_s,
embed_ratio; progress goes to stderr. What failed is null there, its reason is on stderr, and the exit status is 1.

Lines are embedded by what is distinct in them, as the lineage does; counting their templates, the step before it, is
told apart. The plan's query that embeds and scans every line is measured on a sample and extrapolated. Peers are FAISS
and usearch, and hnswlib where it happens to be installed.
"""

import argparse
import json
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import search_lines, vector_peers
from benchmarks.corpus import VALUE, templates
from benchmarks.timing import tell
from otel_pipeline.clickhouse import Database
from otel_pipeline.evaluation.memory import Model
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings

MODEL = "all-MiniLM-L6-v2"
QUERIES = 200
KEYS = (
    "log_lines",
    "template_p95_ms",
    "lines_p95_ms",
    "vectors",
    "vector_p95_ms",
    "recall_at_10",
    "build_s",
    "peers",
    "embed_lines_per_s",
    "embed_ratio",
)


def main() -> int:
    """Measure, and print the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--vectors", type=int, default=200_000)
    parser.add_argument("--templates", type=int, default=1000, help="Distinct messages (default 1000)")
    arguments = parser.parse_args()
    line: dict[str, Any] = dict.fromkeys(KEYS)
    try:
        failed = measure(arguments, line)
    except Exception:
        traceback.print_exc()
        failed = True
    print(json.dumps({key: line[key] for key in KEYS}))
    return int(failed)


def measure(arguments: argparse.Namespace, line: dict[str, Any]) -> bool:
    """Fill in the figures; whether a part of them failed."""
    failed = False
    model = Model(MODEL)
    said = templates(arguments.templates)
    tell(f"{len(said):,} messages of the packages installed here")
    with tempfile.TemporaryDirectory() as home, temporary_server(Path(home)) as settings:
        parts = (
            lambda: search_lines.measure(settings, model, said, arguments.lines),
            lambda: of_vectors(settings, model, said, arguments.vectors, line.get("naive_lines_per_s")),
        )
        for part in parts:
            try:
                line.update(part())
            except Exception:
                traceback.print_exc()
                failed = True
    return failed


def of_vectors(
    settings: Settings, model: Model, said: Sequence[tuple[str, str]], count: int, naive: float | None
) -> dict[str, Any]:
    """The engine's index and its peers on the same vectors.

    :param naive: lines a second that the model embeds one by one, if known.
    """
    dice = np.random.default_rng(7)
    texts = [template.replace(VALUE, "<*>") for _, template in said]
    real, moved = model.embed(texts), model.embed([changed(text, dice) for text in texts])
    vectors = vector_peers.clustered(real, moved - real, count, dice)
    queries = moved[dice.choice(len(moved), size=min(QUERIES, len(moved)), replace=False)]
    right = vector_peers.truth(vectors, queries)
    with Database(settings.model_copy(update={"vector_index_from": 1}), comment={"command": "bench-search"}) as db:
        graph, scan = vector_peers.engine(db, vectors, queries, right)
    found = {"clickhouse_exact_scan": scan, **vector_peers.peers(vectors, queries, right)}
    tell(f"{count:,} vectors; build s, index MB, p95 ms, recall@10:")
    for name, r in {"this": graph, **found}.items():
        tell(f"  {name:22} {r.build_s:8.1f} {r.megabytes or 0:8.0f} {r.p95_ms:8.2f} {r.recall:6.3f}")
    answers = {name: {"p95_ms": round(r.p95_ms, 2), "recall_at_10": round(r.recall, 4)} for name, r in found.items()}
    if naive:
        slow = 1000 * count / naive + scan.p95_ms
        tell(f"  the plan's query, which embeds and scans each line: {slow / 1000:,.0f} s (extrapolated from a sample)")
        answers["plan_naive"] = {"p95_ms": round(slow), "recall_at_10": 1.0}
    return {
        "vectors": count,
        "vector_p95_ms": round(graph.p95_ms, 2),
        "recall_at_10": round(graph.recall, 4),
        "build_s": round(graph.build_s, 1),
        "peers": answers,
    }


def changed(text: str, dice: np.random.Generator) -> str:
    """A text with one of its words gone: how one message is said in two versions of a program."""
    words = text.split()
    del words[int(dice.integers(len(words)))]
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
