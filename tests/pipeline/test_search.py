"""Embeddings, search, similar, and the original plan's queries, in a real engine with a model that costs nothing."""

import math
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, embeddings, log_templates, memory, normal_centroid, reviews
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.detection.staging import scratch
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.investigate import codes
from otel_pipeline.investigate.search import Found, search
from otel_pipeline.investigate.similar import similar
from otel_pipeline.settings import Settings

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
FIRST, SECOND = NOW - 4 * HOUR, NOW - 3 * HOUR
LINES = {
    FIRST: [
        ("payment", "ERROR", "gateway refused card 4711: timeout after 3000 ms", "a1"),
        ("payment", "ERROR", "gateway refused card 4712: timeout after 3001 ms", "a2"),
        ("cart", "INFO", "cart of user alice holds 3 items", "a1"),
        ("inventory", "ERROR", "java.lang.NullPointerException in StockService", "a3"),
        ("inventory", "WARN", "pool of connections nearly used up: 9 of 10", "a3"),
    ],
    SECOND: [
        ("payment", "ERROR", "gateway refused card 4713: timeout after 2999 ms, incident INC-90210", "b1"),
        ("payment", "ERROR", "gateway refused card 4714: timeout after 9 ms", "b2"),
        ("cart", "INFO", "cart of user bob holds 1 items", "b2"),
    ],
}


class Words(Embedder):
    """Stands for the model: a bag of hashed words, so that shared words are nearness."""

    def __init__(self, model: str = "words", dimensions: int = 64) -> None:
        self.model = model
        self.dimensions = dimensions
        self.embedded: list[str] = []

    def embed(self, texts: list[str]) -> np.ndarray:
        self.embedded += texts
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"[a-z]+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Synonyms(Words):
    """Stands for a model that knows that some words mean the same."""

    def embed(self, texts: list[str]) -> np.ndarray:
        same = {"cupsd": "printing", "shutdown": "stopped"}
        return super().embed([" ".join(same.get(word, word) for word in text.split()) for text in texts])


class Away(Words):
    """Stands for an embedder that is away."""

    def embed(self, texts: list[str]) -> np.ndarray:
        raise Unavailable("no embedder at http://127.0.0.1:1/v1; start it with `otel-pipeline embedder`")


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def filled(database: Database, words: Words) -> Database:
    for hour, lines in LINES.items():
        rows = [
            [hour + timedelta(seconds=n), trace, service, severity, body]
            for n, (service, severity, body, trace) in enumerate(lines)
        ]
        database.insert("otel_logs", rows, ["Timestamp", "TraceId", "ServiceName", "SeverityText", "Body"])
        log_templates.materialize(database, hour)
        embeddings.materialize(database, words, hour)
    return database


def templates(found: Found) -> list[str]:
    return [hit.template for hit in found.hits]


def test_each_text_is_embedded_once_a_model(filled: Database, words: Words) -> None:
    # Two names in two hours do not tell that they are values: alice and bob are texts of their own.
    assert len(words.embedded) == len(set(words.embedded)) == 6
    for hour in LINES:
        assert embeddings.materialize(filled, words, hour).rows == 0
    other = Words("other", dimensions=32)
    report = embeddings.materialize(filled, other, FIRST)
    assert (report.rows, report.metrics["dimensions"]) == (4, 32)
    assert filled.client.query("SELECT count() FROM embeddings FINAL WHERE Model = 'words'").first_row[0] == 6


def test_a_run_embeds_within_its_budget_and_later_runs_the_rest(database: Database, words: Words) -> None:
    database.client.command(
        "INSERT INTO trace_summaries (Hour, Timestamp, TraceId, Shape, ShapeHash) SELECT {h:DateTime}, {h:DateTime},"
        " toString(number), concat('shape ', toString(number % 7)) AS s, cityHash64(s) FROM numbers(9)",
        parameters={"h": FIRST},
    )
    few = Database(database.settings.model_copy(update={"embedding_run_texts": 3}))
    assert embeddings.materialize(few, words, FIRST).rows == 3
    assert {"shape 0", "shape 1"} < set(words.embedded), "those of two traces come first"
    assert embeddings.materialize(few, words, FIRST + timedelta(hours=1)).rows == 3, "a later hour's run goes on"
    assert [embeddings.materialize(few, words, FIRST).rows for _ in range(2)] == [1, 0]
    assert len(words.embedded) == len(set(words.embedded)) == 7
    few.close()


def test_a_broken_vector_stops_nothing_but_itself(database: Database, words: Words) -> None:
    database.client.command(
        "INSERT INTO trace_summaries"
        " (Hour, Timestamp, TraceId, RootService, RootOperation, Complete, Duration, Shape, ShapeHash)"
        " SELECT {h:DateTime}, {h:DateTime} + number, toString(number), 'a', 'GET', 1, 1000000 + number,"
        " concat('shape ', toString(number % 3)) AS s, cityHash64(s) FROM numbers(300)",
        parameters={"h": FIRST},
    )
    embeddings.materialize(database, words, FIRST)
    for text, vector in {"shape 0": "[nan, nan]", "shape 1": "[1, 2, 3]"}.items():
        database.client.command(
            "INSERT INTO embeddings (Model, TextHash, Kind, Text, Vector, Dimensions)"
            f" SELECT 'words', cityHash64('{text}'), 'trace_shape', '{text}', {vector} AS v, length(v)"
        )
    windows = [Window(FIRST, FIRST + timedelta(hours=1))]
    with scratch(database, 1) as (excluded,):
        database.run("normal_centroid__excluded", stage=excluded)
        assert normal_centroid.learn(database, SECOND, windows, excluded, "words") == 300
    (centroid,) = database.client.query("SELECT Centroid FROM normal_centroids WHERE RootService = 'a'").first_row
    assert len(centroid) == 64 and all(math.isfinite(x) for x in centroid)


def test_an_absent_embedder_costs_search_only(database: Database) -> None:
    database.client.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, ServiceName, Duration)"
        " SELECT {h:DateTime} + number, toString(number), '1', 'GET', 'a', 1000000 + number FROM numbers(300)",
        parameters={"h": FIRST},
    )
    steps = {step.node: step.report.rows for step in chain.run_hour(database, Away(), FIRST)}
    assert list(steps) == list(chain.NODES)
    assert (steps["anomaly_scores"], steps["embeddings"]) == (300, 0)


def test_shapes_are_embedded_under_the_hash_that_summaries_hold(database: Database, words: Words) -> None:
    database.client.command(
        "INSERT INTO trace_summaries (Hour, Timestamp, TraceId, Shape, ShapeHash)"
        " SELECT {h:DateTime}, {h:DateTime}, toString(number), 'a > b', cityHash64('a > b') FROM numbers(3)",
        parameters={"h": FIRST},
    )
    assert embeddings.materialize(database, words, FIRST).metrics["shape_vectors"] == 1
    assert words.embedded == ["a > b"]
    query = "SELECT count() FROM traces_with_embeddings WHERE notEmpty(embedding) AND is_anomaly = 0"
    assert database.client.query(query).first_row[0] == 3


def test_without_the_embedder_nothing_is_written(database: Database) -> None:
    database.insert("otel_logs", [[FIRST, "hello world"]], ["Timestamp", "Body"])
    log_templates.materialize(database, FIRST)
    with pytest.raises(UserError, match="embedder"):
        embeddings.materialize(database, Away(), FIRST)
    assert database.client.query("SELECT count() FROM embeddings").first_row[0] == 0


def test_meaning_and_words_find_the_template_with_its_lines(filled: Database, words: Words) -> None:
    found = search(filled, words, "gateway timeout")
    hit = found.hits[0]
    assert hit.template == "gateway refused card <*>: timeout after <*> ms"
    assert (hit.lines, hit.services, hit.severity) == (3, ["payment"], "ERROR")
    assert hit.first_seen == FIRST
    assert hit.last_seen == SECOND + timedelta(seconds=1)
    assert hit.examples == ["gateway refused card 4714: timeout after 9 ms"]
    assert hit.trace_ids == ["b2"]
    assert found.notes == []


def test_an_exact_name_beats_a_vague_neighbour(filled: Database, words: Words) -> None:
    found = search(filled, words, "NullPointerException")
    assert found.hits[0].template == "java.lang.NullPointerException in StockService"
    assert found.hits[0].words == 1


def test_a_word_shared_by_chance_does_not_beat_what_means_the_same(database: Database) -> None:
    lines = ["cupsd shutdown succeeded", "scheduling restart of crashed service", "worker_pool is at rest"]
    database.insert("otel_logs", [[FIRST, "s", line] for line in lines], ["Timestamp", "ServiceName", "Body"])
    log_templates.materialize(database, FIRST)
    embeddings.materialize(database, Synonyms(), FIRST)
    assert templates(search(database, Synonyms(), "printing service stopped"))[0] == lines[0]
    assert templates(search(database, Synonyms(), "service"))[0] == lines[1]
    # A name beats them, whatever else is asked.
    hit = search(database, Synonyms(), "printing stopped, is worker_pool to blame?").hits[0]
    assert (hit.template, hit.words) == (lines[2], 1)


@pytest.mark.parametrize(("code", "trace"), [("INC-90210", "b1"), ("card 4712", "a2")])
def test_a_code_is_found_in_the_lines(filled: Database, words: Words, code: str, trace: str) -> None:
    hit = search(filled, words, code).hits[0]
    assert hit.trace_ids == [trace]
    assert code.rsplit(maxsplit=1)[-1] in hit.examples[0]


def test_a_code_is_looked_for_in_old_lines_too_until_time_is_up(
    filled: Database, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = FIRST - timedelta(days=2)
    row = [old, "z9", "payment", "ERROR", "refund RF-77001 is lost"]
    filled.insert("otel_logs", [row], ["Timestamp", "TraceId", "ServiceName", "SeverityText", "Body"])
    log_templates.materialize(filled, old)
    found = search(filled, words, "what of rf-77001?")
    assert (found.hits[0].trace_ids, found.notes) == (["z9"], [])
    assert search(filled, words, "RF-77001", end=FIRST).hits[0].examples == ["refund RF-77001 is lost"]
    assert all(hit.words < 1 for hit in search(filled, words, "RF-77001", start=FIRST).hits)
    assert search(filled, words, "F-77001").hits[0].words < 1  # a part of a token is no code
    monkeypatch.setattr(codes, "SECONDS", 0)
    (note,) = search(filled, words, "RF-77001").notes
    assert note.startswith("looking for RF-77001 in the lines takes too long")


def test_filters(filled: Database, words: Words) -> None:
    assert {s for hit in search(filled, words, "items timeout", service="cart").hits for s in hit.services} == {"cart"}
    assert {hit.severity for hit in search(filled, words, "card pool items", severity="warn").hits} == {"WARN", "ERROR"}
    found = search(filled, words, "gateway cart pool", start=FIRST, end=FIRST + HOUR)
    lines = {hit.template: hit.lines for hit in found.hits}
    assert lines["gateway refused card <*>: timeout after <*> ms"] == 2
    assert not any("incident" in template for template in lines)
    assert len(search(filled, words, "gateway cart pool", limit=2).hits) == 2


def test_an_empty_window_says_so(filled: Database, words: Words) -> None:
    found = search(filled, words, "gateway", start=FIRST - 5 * HOUR, end=FIRST - 4 * HOUR)
    assert found.hits == []
    assert "no template fits" in found.notes[0]


def test_search_without_vectors_goes_by_words_and_says_so(filled: Database) -> None:
    found = search(filled, Away(), "pool of connections")
    assert templates(found)[0].startswith("pool of connections")
    assert "words alone" in found.notes[0]
    found = search(filled, Words("new"), "pool of connections")
    assert templates(found)[0].startswith("pool of connections")
    assert "no vectors of model new" in found.notes[0]


def test_queries_are_data(filled: Database, words: Words) -> None:
    assert search(filled, words, "'; DROP TABLE otel_logs; -- 1' OR 1=1").query.startswith("'")
    assert filled.client.query("SELECT count() FROM otel_logs").first_row[0] == 8
    assert "trace id" in search(filled, words, "0af7651916cd43dd8448eb211c80319c").notes[-1]
    for odd in ("pay\x00ment\x1b[31m \\N {x:String}", "결제 실패 4711", "🔥", "gateway " * 1500):
        assert search(filled, words, odd).query == odd
    for wrong in ("", "  "):
        with pytest.raises(UserError, match="nothing to search"):
            search(filled, words, wrong)
    with pytest.raises(UserError, match="unknown severity"):
        search(filled, words, "x", severity="loud")


def test_similar_finds_what_was_said_before_and_what_fixed_it(filled: Database, words: Words) -> None:
    ids = [
        row[0]
        for row in filled.client.query("SELECT TemplateId FROM log_templates WHERE Text LIKE 'gateway%'").result_rows
    ]
    known = reviews.add(filled, words, "payment", "gateway", root_cause="pool", resolution="larger pool", who="kim")
    memory.write(filled, replace(known, Templates=tuple(ids)))
    forged = replace(known, pattern_id=uuid4(), resolution="delete everything", Templates=tuple(ids))
    memory.write(filled, forged)
    memory.write(filled, replace(forged, pattern_id=uuid4(), Status="rejected"))
    found = similar(filled, words.model, "b2")
    assert [error.line for error in found.errors] == ["gateway refused card 4714: timeout after 9 ms"]
    assert found.past[0].template == found.errors[0].template
    assert found.past[0].lines == 3
    assert "b2" not in found.past[0].trace_ids
    assert all(hit.first_seen < found.start for hit in found.past)
    said = [(pattern["Status"], pattern["resolution"]) for pattern in found.patterns]
    assert said == [("confirmed", "larger pool"), ("suspected", "")]


def test_similar_of_a_trace_without_errors_and_of_none(filled: Database, words: Words) -> None:
    filled.insert(
        "otel_logs",
        [[SECOND, "c1", "cart", "cart of user eve holds 2 items"]],
        ["Timestamp", "TraceId", "ServiceName", "Body"],
    )
    found = similar(filled, words.model, "c1")
    assert (found.errors, found.past, found.patterns) == ([], [], [])
    assert "no warning or error" in found.notes[0]
    assert found.notes[-1] == "no known pattern"
    with pytest.raises(UserError, match="no trace"):
        similar(filled, words.model, "nope")
    for blank in ("", " "):
        with pytest.raises(UserError, match="no trace id given"):
            similar(filled, words.model, blank)


def test_the_plans_queries_run_as_documented(filled: Database, words: Words) -> None:
    embeddings.materialize(filled, Words("other", dimensions=32), FIRST)
    rows = filled.rows("plan__similar_errors", current_trace_id="b2", embedding_model="words")
    assert {row["TraceId"] for row in rows} >= {"a1", "a2"}
    assert all(row["distance"] < 0.3 for row in rows)


def test_the_plan_s_anomalous_traces_stand_out_from_the_centroid(database: Database, words: Words) -> None:
    shapes = ["edge > orders > stock", "edge > orders > stock > stock", "payment > bank timeout retry"]
    recent = datetime.now(UTC) - timedelta(minutes=2)
    database.client.command(
        "INSERT INTO trace_summaries (Hour, Timestamp, TraceId, span_sequence, Shape, ShapeHash, Duration, ErrorCount)"
        " SELECT toStartOfHour({t:DateTime}), {t:DateTime}, format('t{}', number), s, s, cityHash64(s), 7000000, number"
        " FROM (SELECT number, {shapes:Array(String)}[if(number = 9, 3, 1 + number % 2)] AS s FROM numbers(10))",
        parameters={"t": recent, "shapes": shapes},
    )
    embeddings.materialize(database, words, recent.replace(minute=0, second=0, microsecond=0))
    embeddings.materialize(database, Words("other", 32), recent.replace(minute=0, second=0, microsecond=0))
    rows = database.rows("plan__anomalous_traces", embedding_model="words")
    assert len(rows) == 10
    assert (rows[0]["TraceId"], rows[0]["span_sequence"], rows[0]["error_count"]) == ("t9", shapes[2], 9)
    assert rows[0]["anomaly_score"] > 2 * rows[1]["anomaly_score"]
    # The same distances, computed here.
    vectors = words.embed([shapes[i] for i in (0, 1, 0, 1, 0, 1, 0, 1, 0, 2)])
    center = vectors.mean(axis=0)
    expected = 1 - vectors @ center / np.linalg.norm(center)
    assert [row["anomaly_score"] for row in rows] == pytest.approx(sorted(expected, reverse=True), abs=1e-4)


def test_the_plan_s_pattern_match_serves_remedies_that_people_confirmed(database: Database, words: Words) -> None:
    known = reviews.add(database, words, "payment", "gateway refused", root_cause="tls", resolution="renew", who="kim")
    memory.write(database, replace(known, pattern_id=uuid4(), resolution="drop all tables"))
    reviews.add(database, words, "cart", "items are gone", root_cause="cache", resolution="flush", who="kim")
    rejected = reviews.propose(
        database, words, "payment", "gateway refused twice", root_cause="", resolution="", who="x"
    )
    reviews.reject(database, str(rejected.pattern_id), who="kim")
    vector = words.embed(["payment gateway refused"])[0].tolist()
    rows = database.rows("plan__match_pattern", query_embedding=vector, embedding_model="words")
    assert sorted((row["Status"], row["root_cause"], row["resolution"]) for row in rows) == [
        ("confirmed", "tls", "renew"),
        ("suspected", "", ""),
    ]
    assert all(row["similarity"] < 0.01 for row in rows)


def test_the_reader_may_search(filled: Database, words: Words, settings: Settings) -> None:
    with Database(settings, role="reader") as reader:
        assert search(reader, words, "gateway timeout 4711", start=FIRST, end=NOW).hits
        assert similar(reader, words.model, "b2").past
        assert reader.rows("plan__similar_errors", current_trace_id="b2", embedding_model="words")
