"""Vectors for the distinct texts of an hour: log templates and trace shapes, each once a model, never twice.

Last step of an hour and within a budget: search needs vectors, detection does not. What is left waits for later runs,
which look back over a day.
"""

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import vector_index
from otel_pipeline.detection.model import StepReport

if TYPE_CHECKING:
    import numpy as np

# Texts that are embedded and stored together: what a killed run loses at most.
STORED_TOGETHER = 256
LOOK_BACK = timedelta(days=1)  # for texts that earlier runs had no time for


class Embeds(Protocol):
    """What this step needs of :class:`otel_pipeline.embedding.Embedder`."""

    model: str

    def embed(self, texts: list[str]) -> "np.ndarray": ...


def materialize(db: Database, embedder: Embeds, hour: datetime) -> StepReport:
    """Embed the templates and shapes of the hour that have no vector of the model yet.

    A text is stored with its vector or not at all; running again goes on with the texts that are missing. The hour's
    come first, log templates before shapes, frequent shapes before rare ones; then those of the day before it.
    At most ``embedding_run_texts`` texts, and no batch is begun after ``embedding_run_seconds``.

    :param hour: start of the hour, UTC.
    :raises UserError: no embedder, or one that does not answer as it should.
    """
    settings = db.settings
    ends = time.monotonic() + settings.embedding_run_seconds
    missing = db.rows(
        "embeddings__missing",
        hour=hour,
        since=hour - LOOK_BACK,
        model=embedder.model,
        most=settings.embedding_run_texts,
    )
    done = 0
    for start in range(0, len(missing), STORED_TOGETHER):
        if start and time.monotonic() > ends:
            break
        batch = missing[start : start + STORED_TOGETHER]
        vectors = embedder.embed([row["Text"] for row in batch])
        db.insert(
            "embeddings",
            [
                [embedder.model, row["TextHash"], row["Kind"], row["Text"], vector.tolist(), len(vector)]
                for row, vector in zip(batch, vectors, strict=True)
            ],
            ["Model", "TextHash", "Kind", "Text", "Vector", "Dimensions"],
        )
        done += len(batch)
    indexed = vector_index.maintain(db, embedder.model)
    report = db.one("embeddings__report", model=embedder.model)
    return StepReport(
        rows=done,
        metrics={"embedded": done, "indexed_vectors": indexed, **report},
        tables={"new": [{"kind": row["Kind"], "text": row["Text"][:300]} for row in missing[: min(done, 20)]]},
    )
