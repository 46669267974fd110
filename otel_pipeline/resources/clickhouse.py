"""ClickHouse as a Dagster resource: the same :class:`Database` as everywhere, whose queries say which run sent them."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.settings import Settings, load

# Query (600 s) < step < run (1800 s, dagster.yaml). A server that restarts is back within half a minute.
RETRIES = 3
FIRST_WAIT_SECONDS = 3


# Connections of this process that nobody uses. To make one costs three queries, and a run has seventeen steps.
_idle: list[Database] = []


class ClickHouse(dg.ConfigurableResource):
    """Where ClickHouse is, is said by the settings, as for the command line; here is nothing to configure."""

    @contextmanager
    def database(self, *, history: bool = False, **comment: str) -> Iterator[Database]:
        """A connection, kept for later unless something fails.

        :param history: its queries give way to those of the present.
        :param comment: goes into ``log_comment`` of every query, and so into ``system.query_log``.
        :raises UserError: no server, or it refuses us.
        """
        db = _taken(load(), history) or Database(load(), history=history)
        db.comment(comment)
        try:
            yield db
        except BaseException:
            db.close()
            raise
        _idle.append(db)


def _taken(settings: Settings, history: bool) -> Database | None:
    """An idle connection of this kind, which is the caller's from now on."""
    for _ in range(len(_idle)):
        try:
            db = _idle.pop(0)
        except IndexError:  # another thread was quicker
            return None
        if db.history == history and db.settings == settings:
            return db
        db.close()
    return None


@contextmanager
def one_line_failures(retry_number: int = RETRIES) -> Iterator[None]:
    """Turn a UserError of a step into what Dagster shows as one line; retry only what may pass by itself.

    :param retry_number: how often the step was retried before.
    """
    try:
        yield
    except UserError as error:
        if isinstance(error, Unavailable) and retry_number < RETRIES:
            raise dg.RetryRequested(RETRIES, FIRST_WAIT_SECONDS * 2**retry_number) from error
        raise dg.Failure(description=str(error), allow_retries=False) from None
