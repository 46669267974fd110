"""Search where templates are many: vector index and text index, with and without filters, beside the scan."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otel_pipeline import sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import vector_index
from otel_pipeline.detection.vector_index import table_of
from otel_pipeline.investigate.nearest import as_hex, index_for, nearest
from otel_pipeline.investigate.search import Found, search
from otel_pipeline.investigate.similar import similar
from otel_pipeline.settings import Settings
from tests.support.letters import Letters

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
TEXTS = 3000
SERVICES = 30
FEW = "service-3"  # logs three templates, and nothing near to most queries


def texts() -> list[str]:
    """Distinct texts of made-up words."""
    dice = random.Random(3)
    words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(300)]
    found = {" ".join(dice.choices(words, k=5)) for _ in range(TEXTS + 100)}
    return sorted(found)[:TEXTS]


def service(number: int) -> str:
    return FEW if number % 1000 == 3 else f"service-{10 + number % SERVICES}"


@pytest.fixture
def many(settings: Settings) -> Iterator[Database]:
    """A catalogue of many templates with their vectors, which is not indexed yet."""
    with Database(settings.model_copy(update={"vector_index_from": 20})) as db:
        said = texts()
        severities = ["INFO", "ERROR", "FATAL"]
        hashes = [
            row[0]
            for row in db.client.query("SELECT cityHash64(arrayJoin({t:Array(String)}))", {"t": said}).result_rows
        ]
        db.insert(
            "log_templates",
            [
                [n + 1, text, hashes[n], [service(n)], severities[n % 3], NOW, NOW + timedelta(seconds=n), 1]
                for n, text in enumerate(said)
            ],
            ["TemplateId", "Text", "TextHash", "Services", "SeverityText", "FirstSeen", "LastSeen", "Count"],
        )
        db.insert(
            "embeddings",
            [
                ["letters", hashes[n], "log_template", said[n], vector.tolist(), 26]
                for n, vector in enumerate(Letters().embed(said))
            ],
            ["Model", "TextHash", "Kind", "Text", "Vector", "Dimensions"],
        )
        yield db


def ask(db: Database, **filters: Any) -> list[Found]:
    """Searches for anagrams of texts: nothing but meaning finds them."""
    dice = random.Random(4)
    queries = ["".join(dice.sample(text.replace(" ", ""), 25)) for text in dice.sample(texts(), 20)]
    return [search(db, Letters(), query, **filters) for query in queries]


def test_the_index_answers_like_the_scan_with_and_without_filters(many: Database) -> None:
    asked: list[dict[str, Any]] = [
        {},
        {"service": "service-12"},
        {"severity": "fatal"},
        {"service": "service-12", "severity": "fatal"},
        {"service": FEW},
        {"service": "nobody"},
    ]
    scanned = [ask(many, **filters) for filters in asked]
    assert not index_for(many, "letters", 26)
    assert vector_index.maintain(many, "letters") == TEXTS
    assert vector_index.maintain(many, "letters") == TEXTS
    assert index_for(many, "letters", 26)
    for filters, exact in zip(asked, scanned, strict=True):
        wanted = found = 0
        for right, answer in zip(exact, ask(many, **filters), strict=True):
            known = {hit.template_id: hit.similarity for hit in answer.hits}
            shared = [hit for hit in right.hits if hit.template_id in known]
            wanted, found = wanted + len(right.hits), found + len(shared)
            assert all(known[hit.template_id] == pytest.approx(hit.similarity, abs=1e-3) for hit in shared)
        assert found >= 0.95 * wanted, (filters, found, wanted)
        assert wanted == (0 if filters == {"service": "nobody"} else 20 * (3 if filters == {"service": FEW} else 10))


def test_a_word_is_found_by_the_text_index_and_beats_neighbours(many: Database) -> None:
    vector_index.maintain(many, "letters")
    text = texts()[1234]
    found = search(many, Letters(), f"something like {text}")
    assert found.hits[0].template == text
    assert found.hits[0].words > 0.5
    word = text.split()[2]
    assert word in search(many, Letters(), f"like {word}").hits[0].template
    hits = search(many, Letters(), word, service=service(1234)).hits
    assert all(hit.services == [service(1234)] for hit in hits)
    assert word in hits[0].template


def test_the_graph_is_used(many: Database) -> None:
    vector_index.maintain(many, "letters")
    table = table_of("letters", 26)
    vector = Letters().embed(["parcel"])[0].tolist()
    asked = {"table": table, "vector": as_hex(vector), "limit": 10}
    plan = many.client.query(f"EXPLAIN indexes = 1 {sqlfiles.query('search__nearest')}", parameters=asked)
    assert "vector_similarity" in str(plan.result_rows)
    found = list(nearest(many, table, vector, 10).values())
    assert len(found) == 10
    assert found == sorted(found, reverse=True)


def test_similar_finds_the_same_with_the_index(many: Database) -> None:
    """Errors near to a trace's own, whether all vectors are scanned or the graph names them."""
    text = texts()[1]
    many.insert(
        "otel_logs",
        [[NOW + timedelta(hours=1), "a1", "shop", "ERROR", text]],
        ["Timestamp", "TraceId", "ServiceName", "SeverityText", "Body"],
    )
    many.client.command(
        "INSERT INTO log_template_masks (MaskHash, TemplateId, Mask)"
        " SELECT cityHash64(otel_pipeline_mask_v1(Body)), 2, Body FROM otel_logs"
    )
    scanned = similar(many, "letters", "a1")
    assert scanned.past[0].template == text
    assert len(scanned.past) == 5
    vector_index.maintain(many, "letters")
    indexed = similar(many, "letters", "a1")
    assert indexed.past[0].template == text
    assert len({hit.template for hit in scanned.past} & {hit.template for hit in indexed.past}) >= 4


def test_an_index_that_another_process_made_is_noticed(many: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not index_for(many, "letters", 26)
    vector_index.maintain(many, "letters")
    monkeypatch.setitem(vector_index._absent, (many.address, many.client.database, table_of("letters", 26)), 0.0)
    monkeypatch.setattr(vector_index.time, "monotonic", lambda: vector_index.ABSENT_SECONDS - 1.0)
    assert not index_for(many, "letters", 26)
    monkeypatch.setattr(vector_index.time, "monotonic", lambda: vector_index.ABSENT_SECONDS + 1.0)
    assert index_for(many, "letters", 26)
