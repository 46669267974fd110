"""The embedding endpoint as a Dagster resource."""

import dagster as dg

from otel_pipeline.embedding import Embedder
from otel_pipeline.settings import load


class EmbeddingEndpoint(dg.ConfigurableResource):
    """Local embedder or OpenAI alike; which one, and which model, is said by the settings."""

    def client(self) -> Embedder:
        """A client; it connects when it is first used."""
        return Embedder(load())
