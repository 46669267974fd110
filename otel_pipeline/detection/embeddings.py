"""Vectors for the distinct texts of an hour: log templates and trace shapes, each once a model, never twice."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import vector_index
from otel_pipeline.detection.model import StepReport

if TYPE_CHECKING:
    import numpy as np

# Texts that are embedded and stored together: what a killed run loses at most.
STORED_TOGETHER = 256


class Embeds(Protocol):
    """What this step needs of :class:`otel_pipeline.embedding.Embedder`."""

    model: str

    def embed(self, texts: list[str]) -> "np.ndarray": ...


def materialize(db: Database, embedder: Embeds, hour: datetime) -> StepReport:
    """Embed the templates and shapes of the hour that have no vector of the model yet.

    A text is stored with its vector or not at all; running again goes on with the texts that are missing.

    :param hour: start of the hour, UTC.
    :raises UserError: no embedder, or one that does not answer as it should.
    """
    missing = db.rows("embeddings__missing", hour=hour, model=embedder.model)
    for start in range(0, len(missing), STORED_TOGETHER):
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
    indexed = vector_index.maintain(db, embedder.model)
    report = db.one("embeddings__report", model=embedder.model)
    return StepReport(
        rows=len(missing),
        metrics={"embedded": len(missing), "indexed_vectors": indexed, **report},
        tables={"new": [{"kind": row["Kind"], "text": row["Text"][:300]} for row in missing[:20]]},
    )
