"""The database that a demo or a kept soak left behind, its server started for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import LocalServer, free_port, port_is_free
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings

PORTS = ("clickhouse_port", "clickhouse_native_port")


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database that the settings point at. The local server of ``OTEL_PIPELINE_HOME`` is started if it does not
    run, on other ports than its own if those are taken, and ended again.

    :raises UserError: there is nothing.
    """
    try:
        database = Database(settings, comment={"command": "evaluate"})
    except UserError as error:  # nobody listens there, or the server of another installation
        folder = settings.otel_pipeline_home / "clickhouse"
        if not settings.clickhouse_is_local or not folder.exists():
            raise UserError(
                f"no database to judge: {error}; or set OTEL_PIPELINE_HOME to the folder of a kept soak"
                ' (make soak ARGS="--keep DIR") or of a demo'
            ) from None
        free = {name: free_port() for name in PORTS if not port_is_free(getattr(settings, name))}
        with LocalServer(settings.model_copy(update=free)) as server:
            migrate(server.settings)
            with Database(server.settings, comment={"command": "evaluate"}) as database:
                yield database
        return
    with database:
        migrate(settings)
        yield database
