"""Search over many log lines, nearest vectors beside other libraries, and how fast lines get their vectors.

    python -m benchmarks.search [--lines 10000000] [--vectors 200000 | --vectors 1000000]

Lines are made in the engine of the messages that the installed Python packages log (benchmarks/corpus.py), with values
that vary; vectors are real ones of those messages, moved by what real changes of wording do to a vector. Nothing is
uniform noise. A query's own embedding is timed apart. Ends with one JSON line: log_lines, template_p95_ms,
lines_p95_ms, vectors, vector_p95_ms, recall_at_10, build_s, peers {name: {p95_ms, recall_at_10}}, embed_lines_per_s,
embed_ratio; progress goes to stderr. Lines are embedded by what is distinct in them, as the lineage does;
counting their templates, the step before it, is told apart. The plan's query that embeds and scans every line is
measured on a sample and extrapolated. Peers are FAISS and usearch, and hnswlib where it happens to be installed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks import vector_peers
from benchmarks.corpus import VALUE, templates
from benchmarks.timing import p95, seconds
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import embeddings, log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.embedding import Embedder
from otel_pipeline.evaluation.memory import Model
from otel_pipeline.investigate.nearest import as_hex
from otel_pipeline.investigate.search import search, words_of
from otel_pipeline.localdb.launcher import temporary_server

LINES_AN_HOUR = 1_000_000
QUERIES = 200
SAMPLE = 200  # lines that are embedded one by one
ROUNDS = 100
GENERATE = """
INSERT INTO otel_logs (Timestamp, ServiceName, SeverityText, TraceId, Body)
WITH
    sipHash64(number, {hour:DateTime}) AS h,
    1 + toUInt32(length(seed) * pow((h % 1000003) / 1000003, 2)) AS pick,
    (SELECT groupArray((Severity, Parts)) FROM seed) AS seed
SELECT
    {hour:DateTime} + toIntervalMillisecond(h % 3600000),
    concat('service-', toString(cityHash64(seed[pick].2) % 20)),
    seed[pick].1,
    hex(sipHash128(h DIV 7)),
    arrayStringConcat(arrayMap((part, i) -> concat(part, if(i < length(seed[pick].2), multiIf(
        (h + i) % 3 = 0, toString((h DIV i) % 100000),
        (h + i) % 3 = 1, concat('id-', lower(hex(h))),
        concat(toString(h % 900), ' ms')
    ), '')), seed[pick].2, arrayEnumerate(seed[pick].2)))
FROM numbers({lines:UInt64})
"""


class Known(Embedder):
    """Vectors of the local model, each text once: a query's embedding is not what is timed here."""

    def __init__(self, model: Model) -> None:
        self.model = model.model
        self._real = model
        self._known: dict[str, np.ndarray] = {}

    def embed(self, texts: list[str]) -> np.ndarray:
        """Vectors of texts."""
        if missing := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known.update(zip(missing, self._real.embed(missing), strict=True))
        return np.stack([self._known[text] for text in texts])


def main() -> None:
    """Measure, and print the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--vectors", type=int, default=200_000)
    parser.add_argument("--templates", type=int, default=1000, help="Distinct messages (default 1000)")
    arguments = parser.parse_args()
    model = Model("all-MiniLM-L6-v2")
    said = templates(arguments.templates)
    tell(f"{len(said):,} messages of the packages installed here")
    queries = ask(said)
    with tempfile.TemporaryDirectory() as home, temporary_server(Path(home)) as settings:
        small = settings.model_copy(update={"vector_index_from": 1})
        with Database(settings, comment={"command": "bench-search"}) as db:
            lines = of_lines(db, model, said, arguments.lines, queries)
        texts = [template.replace(VALUE, "<*>") for _, template in said]
        with Database(small, comment={"command": "bench-search"}) as db:
            vectors = of_vectors(db, model, texts, arguments.vectors, lines["naive_lines_per_s"])
    line = {
        "log_lines": arguments.lines,
        "template_p95_ms": round(lines["template_p95_ms"], 1),
        "lines_p95_ms": round(lines["lines_p95_ms"], 1),
        **vectors,
        "embed_lines_per_s": round(lines["embed_lines_per_s"]),
        "embed_ratio": round(lines["embed_lines_per_s"] / lines["naive_lines_per_s"]),
    }
    print(json.dumps(line))


def tell(text: str) -> None:
    """Progress and details, beside the JSON line."""
    print(text, file=sys.stderr, flush=True)


def ask(said: Sequence[tuple[str, str]]) -> list[str]:
    """What people might ask: the middle words of messages, in lower case."""
    words = [template.replace(VALUE, " ").lower().split() for _, template in said[:: max(1, len(said) // 60)]]
    return [" ".join(found[:6]) for found in words if len(found) >= 3]


def of_lines(
    db: Database, model: Model, said: Sequence[tuple[str, str]], count: int, queries: list[str]
) -> dict[str, float]:
    """Fill, run the lineage's steps, search."""
    db.client.command("CREATE TABLE seed (Severity String, Parts Array(String)) ENGINE = Memory")
    db.insert("seed", [[severity, template.split(VALUE)] for severity, template in said], ["Severity", "Parts"])
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 12 * HOUR
    known, counting, embedding = Known(model), 0.0, 0.0
    for number in range((count + LINES_AN_HOUR - 1) // LINES_AN_HOUR):
        hour = first + number * HOUR
        size = min(LINES_AN_HOUR, count - number * LINES_AN_HOUR)
        db.client.command(GENERATE, parameters={"hour": hour, "lines": size})
        counted = seconds(lambda hour=hour: log_templates.materialize(db, hour))
        embedded = seconds(lambda hour=hour: embeddings.materialize(db, model, hour))
        tell(f"{size:,} lines more: templates counted in {counted:.1f} s, what is new embedded in {embedded:.1f} s")
        if not number:  # nothing is known yet
            counting, embedding = counted, embedded
    stored = db.client.query("SELECT count() FROM otel_logs").result_rows[0][0]
    distinct = db.client.query("SELECT count() FROM log_templates FINAL").result_rows[0][0]
    sample = [
        r[0]
        for r in db.client.query(
            f"SELECT Body FROM otel_logs WHERE cityHash64(Body) % 997 = 0 LIMIT {SAMPLE}"
        ).result_rows
    ]
    naive = len(sample) / seconds(lambda: model.embed(sample))
    embed = p95([seconds(lambda q=q: model.embed([q])) for q in queries[:30]])
    known.embed(queries)
    wide = {"service": "", "severity": "", "coded": [], "start": first, "end": first + timedelta(days=2), "limit": 10}

    def nearest(query: str) -> None:
        vector = as_hex(known.embed([query])[0].tolist())
        rows = db.rows("search__templates", vector=vector, model=known.model, words=words_of(query), **wide)
        assert rows[0]["Count"] > 0

    codes = [
        r[0]
        for r in db.client.query(
            "SELECT extract(Body, 'id-[0-9a-f]{16}') AS Code FROM otel_logs"
            " WHERE Code != '' AND cityHash64(Body) % 9973 = 0 LIMIT 10"
        ).result_rows
    ]
    for query in [*queries[:10], *codes]:
        nearest(query)
        search(db, known, query)
    asked = [queries[n % len(queries)] for n in range(ROUNDS)]
    times = [seconds(lambda q=q: nearest(q)) for q in asked]
    # One search in ten is for a code, which is looked up in the lines themselves.
    asked = [codes[n % len(codes)] if codes and n % 10 == 0 else q for n, q in enumerate(asked)]
    full = [seconds(lambda q=q: search(db, known, q)) for q in asked]
    middle = 1000 * sorted(full)[len(full) // 2]
    tell(f"{stored:,} lines of {distinct:,} templates: nearest templates with counts p95 {p95(times):.1f} ms")
    tell(
        f"  with example lines p95 {p95(full):.1f} ms, median {middle:.1f}; a query's own embedding p95 {embed:.1f} ms"
    )
    first_lines = min(count, LINES_AN_HOUR)
    rate = first_lines / embedding
    tell(
        f"embedding {first_lines:,} new lines by what is distinct: {embedding:.1f} s, {rate:,.0f} lines/s"
        f" ({first_lines / (counting + embedding):,.0f} with the {counting:.1f} s of counting their templates);"
        f" each line: {naive:,.0f} lines/s (sample of {len(sample)})"
    )
    return {
        "template_p95_ms": p95(times),
        "lines_p95_ms": p95(full),
        "embed_lines_per_s": rate,
        "naive_lines_per_s": naive,
    }


def of_vectors(db: Database, model: Model, texts: list[str], count: int, naive: float) -> dict[str, object]:
    """The engine's index and its peers on the same vectors."""
    dice = np.random.default_rng(7)
    changed = [changed_text(text, dice) for text in texts]
    real, moved = model.embed(texts), model.embed(changed)
    vectors = vector_peers.clustered(real, moved - real, count, dice)
    queries = moved[dice.choice(len(moved), size=min(QUERIES, len(moved)), replace=False)]
    right = vector_peers.truth(vectors, queries)
    graph, scan = vector_peers.engine(db, vectors, queries, right)
    found = {"clickhouse_exact_scan": scan, **vector_peers.peers(vectors, queries, right)}
    tell(f"{count:,} vectors; build s, index MB, p95 ms, recall@10:")
    for name, r in {"this": graph, **found}.items():
        tell(f"  {name:22} {r.build_s:8.1f} {r.megabytes or 0:8.0f} {r.p95_ms:8.2f} {r.recall:6.3f}")
    slow = 1000 * count / naive + scan.p95_ms
    tell(f"  the plan's query, which embeds and scans all: {slow / 1000:,.0f} s (from a sample of {SAMPLE} lines)")
    answers = {name: {"p95_ms": round(r.p95_ms, 2), "recall_at_10": round(r.recall, 4)} for name, r in found.items()}
    answers["plan_naive"] = {"p95_ms": round(slow), "recall_at_10": 1.0}
    return {
        "vectors": count,
        "vector_p95_ms": round(graph.p95_ms, 2),
        "recall_at_10": round(graph.recall, 4),
        "build_s": round(graph.build_s, 1),
        "peers": answers,
    }


def changed_text(text: str, dice: np.random.Generator) -> str:
    """A text with one of its words gone: how one message is said in two versions of a program."""
    words = text.split()
    del words[int(dice.integers(len(words)))]
    return " ".join(words)


if __name__ == "__main__":
    main()
