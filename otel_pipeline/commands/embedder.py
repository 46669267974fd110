"""``otel-pipeline embedder``."""

import click

from otel_pipeline.commands.common import progress_console
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load


@click.command()
@click.option("--port", type=int, help="Port [EMBEDDER_PORT, 8089].")
@click.option("--model", help="all-MiniLM-L6-v2, or the folder of a sentence-transformers model [EMBEDDING_MODEL].")
def command(port: int | None, model: str | None) -> None:
    """Run the local embedder until Ctrl-C: OpenAI's /v1/embeddings over a local model, on 127.0.0.1.

    It needs no network, no key and no GPU. Point EMBEDDING_BASE_URL at another server (OpenAI's, say) to do without it.
    """
    from otel_pipeline.embedder_model import model_folder
    from otel_pipeline.embedder_server import serve
    from otel_pipeline.localdb.launcher import port_is_free

    given = {"embedder_port": port, "embedding_model": model}
    settings = load(**{field: value for field, value in given.items() if value})
    model_folder(settings.embedding_model)
    if not port_is_free(settings.embedder_port):
        raise UserError(f"port {settings.embedder_port} is taken; choose another with EMBEDDER_PORT")
    progress_console.print(
        f"embedder  http://127.0.0.1:{settings.embedder_port}/v1  {settings.embedding_model}", style="dim"
    )
    serve(settings.embedding_model, settings.embedder_port)
