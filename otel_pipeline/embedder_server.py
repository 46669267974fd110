"""An OpenAI-compatible embedding server over a local sentence-transformers model, warm and batched.

``POST /v1/embeddings``, ``GET /v1/models``, ``GET /healthz``. Requests that wait while the model works are joined in
one batch. Errors have OpenAI's shape. Listens on the loopback interface only.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MOST_TEXTS = 2048
MOST_BYTES = 8 * 1024 * 1024
# Texts that may wait; beyond that clients are asked to come again.
MOST_WAITING = 8 * MOST_TEXTS
# Texts joined in one turn of the model.
JOINED = 256
RETRY_SECONDS = 2


class Model(Protocol):
    """What the server needs of :class:`otel_pipeline.embedder_model.LocalModel`."""

    name: str
    dimensions: int

    def embed(self, texts: list[str]) -> tuple[np.ndarray, list[int]]: ...


class Refusal(Exception):
    """A request that is answered with an error, as OpenAI would.

    :param message: what is wrong with it.
    """

    def __init__(
        self, message: str, status: int = 400, code: str = "invalid_request", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass
class Waiting:
    """Texts that wait for the model, and who waits for them."""

    texts: list[str]
    answer: asyncio.Future[tuple[np.ndarray, int]]


class Batcher:
    """Feeds the model from a queue in a thread of its own: whatever waits, up to JOINED texts, goes in one turn."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.waiting: list[Waiting] = []
        self.turns = 0
        self._wake = asyncio.Event()

    async def embed(self, texts: list[str]) -> tuple[np.ndarray, int]:
        """Vectors of the texts and the number of their tokens.

        :raises Refusal: 503, too much is waiting; 500, the model failed.
        """
        if sum(len(item.texts) for item in self.waiting) + len(texts) > MOST_WAITING:
            raise Refusal("too many texts are waiting; come again in a moment", 503, "overloaded")
        item = Waiting(texts, asyncio.get_running_loop().create_future())
        self.waiting.append(item)
        self._wake.set()
        return await item.answer

    async def run(self) -> None:
        """Work for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.waiting:
                await self._turn(self._take())

    def _take(self) -> list[Waiting]:
        """The next requests that fit in one turn; those whose client has gone are dropped."""
        self.waiting = [item for item in self.waiting if not item.answer.cancelled()]
        taken, texts = [], 0
        while self.waiting and (not taken or texts + len(self.waiting[0].texts) <= JOINED):
            taken.append(self.waiting.pop(0))
            texts += len(taken[-1].texts)
        return taken

    async def _turn(self, items: list[Waiting]) -> None:
        texts = [text for item in items for text in item.texts]
        if not texts:
            return
        self.turns += 1
        try:
            vectors, counts = await asyncio.to_thread(self.model.embed, texts)
        except Exception as error:
            # An answer of our own: of what the application raises, the server above makes a connection that breaks.
            failure = Refusal(f"the model failed: {error}", 500, "model_failed")
            for item in items:
                if not item.answer.done():
                    item.answer.set_exception(failure)
            return
        start = 0
        for item in items:
            end = start + len(item.texts)
            if not item.answer.done():
                item.answer.set_result((vectors[start:end], sum(counts[start:end])))
            start = end


def texts_of(body: bytes, model: Model) -> tuple[list[str], bool]:
    """Check a request.

    :returns: its texts; whether vectors shall be base64.
    :raises Refusal: saying what is wrong.
    """
    try:
        request = json.loads(body)
    except ValueError:
        raise Refusal("the body is not JSON") from None
    if not isinstance(request, dict):
        raise Refusal("the body is not a JSON object")
    if request.get("model") != model.name:
        raise Refusal(
            f"the model {request.get('model')!r} does not exist here; this server has {model.name!r}",
            404,
            "model_not_found",
            "model",
        )
    encoding = request.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise Refusal("encoding_format must be 'float' or 'base64'", param="encoding_format")
    if request.get("dimensions") not in (None, model.dimensions):
        raise Refusal(f"{model.name} has {model.dimensions} dimensions and no others", param="dimensions")
    given: Any = request.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise Refusal("input must be a string or a non-empty array of strings", param="input")
    if any(isinstance(text, (int, list)) for text in texts):
        raise Refusal("input holds tokens; this server takes strings only", param="input")
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise Refusal("every input must be a string that is not blank", param="input")
    if len(texts) > MOST_TEXTS:
        raise Refusal(f"input holds {len(texts)} strings; at most {MOST_TEXTS} go in one request", param="input")
    return texts, encoding == "base64"


def application(model: Model) -> "Starlette":
    """The server as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    batcher = Batcher(model)

    @contextlib.asynccontextmanager
    async def lifespan(_: "Starlette") -> AsyncIterator[None]:
        worker = asyncio.create_task(batcher.run())
        yield
        worker.cancel()

    async def embeddings(request: "Request") -> "Response":
        texts, packed = texts_of(await _body(request), model)
        vectors, tokens = await batcher.embed(texts)
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.tobytes()).decode() if packed else vector.tolist(),
            }
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "model": model.name, "data": data, "usage": usage})

    async def models(_: "Request") -> "Response":
        entry = {"id": model.name, "object": "model", "created": 0, "owned_by": "local"}
        return JSONResponse({"object": "list", "data": [entry]})

    async def healthz(_: "Request") -> "Response":
        return JSONResponse({"status": "ok", "model": model.name, "dimensions": model.dimensions})

    async def refuse(_: "Request", error: Exception) -> "Response":
        assert isinstance(error, Refusal)
        headers = {"Retry-After": str(RETRY_SECONDS)} if error.status == 503 else None
        return JSONResponse(error.body, error.status, headers)

    return Starlette(
        routes=[
            Route("/v1/embeddings", embeddings, methods=["POST"]),
            Route("/v1/models", models),
            Route("/healthz", healthz),
        ],
        exception_handlers={Refusal: refuse},
        lifespan=lifespan,
    )


async def _body(request: "Request") -> bytes:
    """The body of a request.

    :raises Refusal: 413, before more than MOST_BYTES are held.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refusal(f"the body is larger than {MOST_BYTES >> 20} MiB", 413, "too_large")
    return bytes(body)


def serve(name: str, port: int) -> None:
    """Load the model and answer until SIGINT or SIGTERM.

    :raises UserError: there is no such model here.
    """
    import uvicorn

    from otel_pipeline import web_guard
    from otel_pipeline.connections import bounded
    from otel_pipeline.embedder_model import LocalModel

    model = LocalModel(name)
    app = web_guard.programs(application(model))  # pyright: ignore
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, **bounded())  # pyright: ignore
