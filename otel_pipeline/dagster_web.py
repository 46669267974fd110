"""Dagster's web server behind the guard: ``python -m otel_pipeline.dagster_web -p PORT -w WORKSPACE``.

As Dagster's own command starts it, it takes mutations by GET, from any page and under any name. Here its application is
built as that command builds it, and wrapped (:mod:`otel_pipeline.web_guard`).
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import click

from otel_pipeline import web_guard
from otel_pipeline.connections import bounded
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load

GRAPHQL = "/graphql"
SERVER_INFO = "/server_info"  # versions only; what supervisors look at
POLL_MS = 2000
STATEMENT_MS, RECYCLE_S, OVERFLOW = 15_000, 3600, 20  # as Dagster's own command has them


@contextlib.asynccontextmanager
async def _lifespan(_: object) -> AsyncIterator[None]:
    with contextlib.suppress(asyncio.CancelledError):
        yield


@click.command()
@click.option("-h", "--host", default=None, help="Address to listen on; DAGSTER_HOST without it.")
@click.option("-p", "--port", type=int, default=None, help="Port to listen on; DAGSTER_PORT without it.")
@click.option("-w", "--workspace", required=True, type=click.Path(exists=True), help="Workspace file.")
def main(host: str | None, port: int | None, workspace: str) -> None:
    """Serve Dagster's UI until SIGTERM or Ctrl-C."""
    import uvicorn
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster._utils.interrupts import setup_interrupt_handlers
    from dagster._utils.log import configure_loggers
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    settings = load()
    host = host or settings.dagster_host
    if not settings.web_token:
        web_guard.pages(_nothing, settings, host)  # refuse before the seconds that loading takes
    configure_loggers(log_level="INFO")
    setup_interrupt_handlers()
    with contextlib.ExitStack() as stack:
        instance = stack.enter_context(DagsterInstance.get())
        instance.optimize_for_webserver(STATEMENT_MS, RECYCLE_S, OVERFLOW)
        context = stack.enter_context(
            WorkspaceProcessContext(instance, WorkspaceFileTarget(paths=[workspace]), version=__version__)
        )
        app = create_app_from_workspace_process_context(context, "", POLL_MS, lifespan=_lifespan)
        guarded = web_guard.pages(app, settings, host, posted=(GRAPHQL,), probes=(SERVER_INFO,))
        uvicorn.run(
            guarded,  # pyright: ignore[reportArgumentType]
            host=host,
            port=port or settings.dagster_port,
            log_level="warning",
            server_header=False,
            **bounded(),
        )


async def _nothing(*_: object) -> None:
    """No application."""


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"dagster: {error}")
