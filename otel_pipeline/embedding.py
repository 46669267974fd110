"""Texts to vectors through any OpenAI-compatible endpoint: the local embedder and OpenAI alike, one code path."""

from typing import TYPE_CHECKING

from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.redact import redactor_for
from otel_pipeline.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from openai import OpenAI

BATCH = 64
TIMEOUT_SECONDS = 120
CONNECT_SECONDS = 3
LOCAL_KEY = "local"


class Embedder:
    """A client of ``EMBEDDING_BASE_URL`` for ``EMBEDDING_MODEL``. Connects on first use.

    To an endpoint that is not on loopback texts go without personal data (REDACT).

    :param settings: where, which model, which key.
    """

    def __init__(self, settings: Settings) -> None:
        self.model = settings.embedding_model
        self.url = settings.embedding_url
        self._local = not settings.embedding_base_url
        self._key = settings.openai_api_key or LOCAL_KEY
        self._redactor = redactor_for(settings, self.url)
        self._client: OpenAI | None = None

    def embed(self, texts: list[str]) -> "np.ndarray":
        """Embed texts, in batches.

        :param texts: non-empty strings.
        :returns: float32 of shape (len(texts), dimensions), rows of unit length.
        :raises UserError: no endpoint, wrong key, unknown model, or an answer that does not fit the texts.
        """
        import numpy as np
        import openai

        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        client = self._connect()
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            sent = self._redactor.texts(batch) if self._redactor else batch
            try:
                answer = client.embeddings.create(model=self.model, input=sent)
            except openai.APIConnectionError as error:
                start_hint = (
                    "start it with `otel-pipeline embedder`" if self._local else "see that EMBEDDING_BASE_URL is right"
                )
                raise Unavailable(f"no embedder at {self.url}; {start_hint}") from error
            except openai.AuthenticationError as error:
                raise UserError(f"the embedder at {self.url} refuses the key; check OPENAI_API_KEY") from error
            except openai.NotFoundError as error:
                raise UserError(f"model {self.model}: {_message(error)}; check EMBEDDING_MODEL") from error
            except openai.APIError as error:
                raise Unavailable(f"the embedder at {self.url} failed: {_message(error)}; run this again") from error
            if len(answer.data) != len(batch):
                raise UserError(f"the embedder at {self.url} gave {len(answer.data)} vectors for {len(batch)} texts")
            vectors += [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        matrix = np.asarray(vectors, dtype=np.float32).reshape(len(texts), -1)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(matrix).all() or not norms.all():
            raise UserError(f"the embedder at {self.url} gave vectors that are zero or not numbers")
        return matrix / norms

    def _connect(self) -> "OpenAI":
        if self._client is None:
            from openai import OpenAI, Timeout

            self._client = OpenAI(
                base_url=self.url,
                api_key=self._key,
                timeout=Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
                max_retries=2,
            )
        return self._client


def _message(error: Exception) -> str:
    """The first line of what an endpoint said."""
    body = getattr(error, "body", None)
    text = body.get("message") if isinstance(body, dict) else None
    return str(text or error).strip().splitlines()[0][:200]
