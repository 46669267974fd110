"""Embedding in SQL: the engine itself calls the embedder where AIEMBED allows it, and nothing else."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from clickhouse_connect.driver.exceptions import DatabaseError

from otel_pipeline.clickhouse import Database
from otel_pipeline.embedder_server import application
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings


class Letters:
    """A stand-in for the model: counts of letters."""

    name = "letters"
    dimensions = 26

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: list[str]) -> tuple[np.ndarray, list[int]]:
        self.texts += texts
        vectors = [[0.01 + text.lower().count(chr(97 + i)) for i in range(26)] for text in texts]
        return np.array(vectors, dtype=np.float32), [len(text) for text in texts]


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def allowed(letters: Letters, tmp_path: Path) -> Iterator[Settings]:
    """A server that may call an embedder."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(letters), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        with temporary_server(tmp_path, aiembed=True, embedder_port=listener.getsockname()[1]) as settings:
            yield settings
        server.should_exit = True
        thread.join(30)


def refusal(db: Database, query: str) -> str:
    with pytest.raises(DatabaseError) as refused:
        db.client.query(query)
    return str(refused.value)


def test_errors_of_now_are_embedded_in_sql(allowed: Settings, letters: Letters) -> None:
    rows = [[datetime.now(UTC), "ERROR", f"gateway timeout after {ms} ms"] for ms in (10, 20, 30)]
    known = {"gateway timeout": letters.embed(["gateway timeout"]), "pool is full": letters.embed(["pool is full"])}
    letters.texts.clear()
    with Database(allowed) as db:
        db.insert("otel_logs", rows, ["Timestamp", "SeverityText", "Body"])
        db.insert(
            "embeddings",
            [
                [letters.name, n, "log_template", text, found[0][0].tolist(), 26]
                for n, (text, found) in enumerate(known.items())
            ],
            ["Model", "TextHash", "Kind", "Text", "Vector", "Dimensions"],
        )
        (row,) = db.rows("plan__embed_in_sql", embedding_model=letters.name)
        assert (row["Lines"], row["Nearest"]) == (3, "gateway timeout")
        assert letters.texts == [row["Text"]]
        # The embedder and nothing else: no other address, no collection of one's own.
        elsewhere = f"http://127.0.0.1:{allowed.embedder_port}/health"
        assert "READ ON URL" in refusal(db, f"SELECT * FROM url('{elsewhere}', 'LineAsString', 'line String')")
        assert "CREATE NAMED COLLECTION" in refusal(db, "CREATE NAMED COLLECTION mine AS provider = 'openai'")
    with Database(allowed, role="reader") as db, pytest.raises(UserError, match="NAMED COLLECTION"):
        db.rows("plan__embed_in_sql", embedding_model=letters.name)


def test_without_the_option_the_engine_calls_nobody(database: Database) -> None:
    database.insert(
        "otel_logs", [[datetime.now(UTC), "ERROR", "gateway timeout"]], ["Timestamp", "SeverityText", "Body"]
    )
    with pytest.raises(UserError, match="NAMED COLLECTION"):
        database.rows("plan__embed_in_sql", embedding_model="letters")
