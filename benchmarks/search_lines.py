"""Search over many log lines, and how fast lines get their vectors: the first half of ``make bench-search``."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from benchmarks.corpus import VALUE
from benchmarks.engine_time import Meter
from benchmarks.timing import p95, seconds, tell
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import embeddings, log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.embedding import Embedder
from otel_pipeline.evaluation.memory import Model
from otel_pipeline.investigate.search import ranked, search
from otel_pipeline.settings import Settings

LINES_AN_HOUR = 1_000_000
SAMPLE = 200  # lines that are embedded one by one
ROUNDS = 100
WARM = 10
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
CODES = """
SELECT extract(Body, 'id-[0-9a-f]{16}') AS Code
FROM otel_logs
WHERE Code != '' AND cityHash64(Body) % 9973 = 0
LIMIT 1 BY toStartOfHour(Timestamp)
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


def measure(settings: Settings, model: Model, said: Sequence[tuple[str, str]], count: int) -> dict[str, Any]:
    """Fill, run the lineage's steps, search."""
    with Database(settings, comment={"command": "bench-search"}) as db:
        counting, embedding = fill(db, model, said, count)
        naive = one_by_one(db, model)
        embed_rate = min(count, LINES_AN_HOUR) / embedding
        tell(
            f"embedding {min(count, LINES_AN_HOUR):,} new lines by what is distinct: {embedding:.1f} s,"
            f" {embed_rate:,.0f} lines/s ({min(count, LINES_AN_HOUR) / (counting + embedding):,.0f} with the"
            f" {counting:.1f} s of counting their templates); each line: {naive:,.0f} lines/s (sample of {SAMPLE})"
        )
        return {
            "log_lines": count,
            **searched(settings, model, ask(said)),
            "embed_lines_per_s": round(embed_rate),
            "embed_ratio": round(embed_rate / naive),
            "naive_lines_per_s": naive,
        }


def fill(db: Database, model: Model, said: Sequence[tuple[str, str]], count: int) -> tuple[float, float]:
    """Lines, their templates and vectors, hour by hour.

    :returns: seconds of counting and of embedding in the first hour, when nothing is known yet.
    """
    db.client.command("CREATE TABLE seed (Severity String, Parts Array(String)) ENGINE = Memory")
    db.insert("seed", [[severity, template.split(VALUE)] for severity, template in said], ["Severity", "Parts"])
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 12 * HOUR
    taken = []
    for number in range((count + LINES_AN_HOUR - 1) // LINES_AN_HOUR):
        hour = first + number * HOUR
        size = min(LINES_AN_HOUR, count - number * LINES_AN_HOUR)
        made = seconds(lambda: db.client.command(GENERATE, parameters={"hour": hour, "lines": size}))  # noqa: B023
        counted = seconds(lambda: log_templates.materialize(db, hour))  # noqa: B023
        embedded = seconds(lambda: embeddings.materialize(db, model, hour))  # noqa: B023
        taken.append((counted, embedded))
        tell(
            f"{size:,} lines more: made in {made:.1f} s, templates counted in {counted:.1f} s,"
            f" what is new embedded in {embedded:.1f} s"
        )
    return taken[0]


def one_by_one(db: Database, model: Model) -> float:
    """Lines a second where each line is embedded, from a sample."""
    query = f"SELECT Body FROM otel_logs WHERE cityHash64(Body) % 997 = 0 LIMIT {SAMPLE}"
    sample = [row[0] for row in db.client.query(query).result_rows]
    return len(sample) / seconds(lambda: model.embed(sample))


def ask(said: Sequence[tuple[str, str]]) -> list[str]:
    """What people might ask: the middle words of messages, in lower case."""
    words = [template.replace(VALUE, " ").lower().split() for _, template in said[:: max(1, len(said) // 60)]]
    return [" ".join(found[:6]) for found in words if len(found) >= 3]


def searched(settings: Settings, model: Model, queries: list[str]) -> dict[str, float]:
    """How long searches take, warm: the templates alone, and with example lines."""
    embed = p95([seconds(lambda q=q: model.embed([q])) for q in queries[:30]])
    known = Known(model)
    known.embed(queries)
    whole = {"service": "", "severity": "", "start": datetime(2000, 1, 1, tzinfo=UTC)}
    whole["end"] = datetime.now(UTC) + timedelta(days=2)

    def nearest(db: Database, query: str) -> None:
        vector = known.embed([query])[0].tolist()
        rows = ranked(db, known.model, vector, text=query, coded=[], limit=10, filtered=False, **whole)
        assert rows[0]["Count"] > 0

    with Meter(settings) as plain, Meter(settings) as full, Database(settings) as db:
        codes = [row[0] for row in db.client.query(CODES).result_rows]
        for query in [*queries[:WARM], *codes]:
            nearest(db, query)
            assert search(db, known, query).hits[0].examples
        asked = [queries[n % len(queries)] for n in range(ROUNDS)]
        templates = [seconds(lambda q=q: nearest(plain.db, q)) for q in asked]
        # One search in ten is for a code, which is looked up in the lines themselves.
        asked = [codes[n // 10 % len(codes)] if codes and n % 10 == 0 else q for n, q in enumerate(asked)]
        lines = [seconds(lambda q=q: search(full.db, known, q)) for q in asked]
        coded = [time for time, q in zip(lines, asked, strict=True) if q in codes]
        tell(
            f"a search, p50 and p95 in ms, processor time of the engine for one in ms:\n"
            f"  nearest templates with counts {_p50(templates):8.1f} {p95(templates):8.1f} {_each(plain):8.1f}\n"
            f"  with example lines            {_p50(lines):8.1f} {p95(lines):8.1f} {_each(full):8.1f}\n"
            f"  those for a code              {_p50(coded or lines):8.1f} {p95(coded or lines):8.1f}\n"
            f"  a query's own embedding, before each of them: {embed:.1f} (p95)"
        )
    return {"template_p95_ms": round(p95(templates), 1), "lines_p95_ms": round(p95(lines), 1)}


def _p50(times: list[float]) -> float:
    return 1000 * float(np.median(times))


def _each(meter: Meter) -> float:
    return 1000 * meter.work().cpu_s / ROUNDS
