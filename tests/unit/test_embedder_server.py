"""The embedding server's protocol, with a model that costs nothing."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from otel_pipeline.embedder_server import MOST_BYTES, MOST_TEXTS, application
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load


class Letters:
    """A stand-in for the model: counts of letters."""

    name = "letters"
    dimensions = 26

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.arrived = 0
        self.hold = threading.Event()
        self.hold.set()

    def embed(self, texts: list[str]) -> tuple[np.ndarray, list[int]]:
        self.hold.wait(60)
        self.sizes.append(len(texts))
        if "break" in texts:
            raise RuntimeError("broken on purpose")
        vectors = np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], dtype=np.float32)
        return vectors, [len(text) for text in texts]


@pytest.fixture(scope="module")
def model() -> Letters:
    return Letters()


def counting(application: Any, model: Letters) -> Any:
    """The server, noting in ``model.arrived`` each request that has come in whole."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        async def noted() -> Any:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                model.arrived += 1
            return message

        await application(scope, noted if scope["type"] == "http" else receive, send)

    return serve


@pytest.fixture(scope="module")
def port(model: Letters) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(counting(application(model), model), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def client(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client


def embedder(port: int, model: str = "letters") -> Embedder:
    return Embedder(load(embedder_port=port, embedding_base_url="", embedding_model=model))


def test_the_openai_client_gets_unit_vectors_in_order(port: int) -> None:
    vectors = embedder(port).embed(["aab", "zz", "abc"] * 50)
    assert vectors.shape == (150, 26)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[1], np.eye(26)[25])


def test_no_texts_are_no_request(port: int) -> None:
    assert embedder(port, model="no such model").embed([]).shape[0] == 0


def test_float_and_base64_say_the_same(client: httpx.Client) -> None:
    import base64

    body = {"model": "letters", "input": "abca"}
    plain = client.post("/v1/embeddings", json=body).json()
    packed = client.post("/v1/embeddings", json={**body, "encoding_format": "base64"}).json()
    raw = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), dtype="<f4")
    assert plain["data"][0]["embedding"] == raw.tolist()
    assert plain["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert plain["object"] == "list"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"not json", 400, "JSON"),
        (b"[]", 400, "object"),
        ({"model": "letters"}, 400, "non-empty array"),
        ({"model": "letters", "input": []}, 400, "non-empty array"),
        ({"model": "letters", "input": [1, 2, 3]}, 400, "tokens"),
        ({"model": "letters", "input": [[1, 2], [3]]}, 400, "tokens"),
        ({"model": "letters", "input": ["a", ""]}, 400, "blank"),
        ({"model": "letters", "input": ["a", None]}, 400, "string"),
        ({"model": "letters", "input": ["a"] * (MOST_TEXTS + 1)}, 400, "at most"),
        ({"model": "letters", "input": "a", "encoding_format": "hex"}, 400, "encoding_format"),
        ({"model": "letters", "input": "a", "dimensions": 8}, 400, "dimensions"),
        ({"model": "other", "input": "a"}, 404, "letters"),
        ({"input": "a"}, 404, "letters"),
        (b" " * (MOST_BYTES + 1), 413, "MiB"),
    ],
)
def test_bad_requests_are_refused_with_a_reason(client: httpx.Client, body: object, status: int, words: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post("/v1/embeddings", content=content)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_requests_that_wait_are_joined(port: int, model: Letters) -> None:
    model.hold.clear()
    model.sizes.clear()
    model.arrived = 0
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(embedder(port).embed, [chr(97 + number)]) for number in range(12)]
        deadline = time.monotonic() + 60
        while model.arrived < 12 and time.monotonic() < deadline:
            time.sleep(0.01)
        # All have come in; those behind the first one wait for the model together.
        model.hold.set()
        vectors = [answer.result(60)[0] for answer in answers]
    assert [int(np.argmax(vector)) for vector in vectors] == list(range(12))
    assert len(model.sizes) < 12


def test_a_failure_of_the_model_fails_its_request_only(client: httpx.Client) -> None:
    failed = client.post("/v1/embeddings", json={"model": "letters", "input": "break"})
    assert failed.status_code == 500
    assert "broken on purpose" in failed.json()["error"]["message"]
    assert client.post("/v1/embeddings", json={"model": "letters", "input": "ok"}).status_code == 200


def test_models_and_health(client: httpx.Client) -> None:
    assert client.get("/v1/models").json()["data"][0]["id"] == "letters"
    assert client.get("/healthz").json() == {"status": "ok", "model": "letters", "dimensions": 26}


def test_failures_tell_the_user_what_to_do(port: int) -> None:
    with pytest.raises(UserError, match="EMBEDDING_MODEL"):
        embedder(port, model="text-embedding-ada-002").embed(["a"])
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match="otel-pipeline embedder"):
            embedder(nobody.getsockname()[1]).embed(["a"])
