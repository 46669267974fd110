"""The database of one service: a real connection pool, its metrics, and readable names for query spans."""

import re
import threading
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from opentelemetry import metrics
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.metrics import CallbackOptions, Observation
from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from otel_pipeline.errors import UserError
from sample_app.config import ShopConfig

_NESTED = re.compile(r"\([^()]*\)")
_TARGET = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(\w+)", re.IGNORECASE)
WAIT_BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class MeteredPool(QueuePool):
    """A QueuePool that reports waits and time-outs as the ``db.client.connection.*`` metrics."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._labels: dict[str, str] = {"db.client.connection.pool.name": "default"}
        self._pending = 0
        self._pending_lock = threading.Lock()
        meter = metrics.get_meter("sample_app.database")
        self._wait = meter.create_histogram(
            "db.client.connection.wait_time",
            "s",
            "Time to obtain an open connection from the pool",
            explicit_bucket_boundaries_advisory=WAIT_BUCKETS_S,
        )
        self._timeouts = meter.create_counter(
            "db.client.connection.timeouts", "{timeout}", "Waits for a connection that timed out"
        )

    def named(self, name: str, maximum: int) -> None:
        """Give the pool its name and size in metrics, and register the gauges."""
        self._labels = {"db.client.connection.pool.name": name}
        meter = metrics.get_meter("sample_app.database")

        def count(_: CallbackOptions) -> Iterable[Observation]:
            used = self.checkedout()
            yield Observation(used, {**self._labels, "db.client.connection.state": "used"})
            yield Observation(self.checkedin(), {**self._labels, "db.client.connection.state": "idle"})

        def pending(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(self._pending, self._labels)

        def limit(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(maximum, self._labels)

        create = meter.create_observable_up_down_counter
        create("db.client.connection.count", [count], "{connection}", "Open connections by state")
        create("db.client.connection.pending_requests", [pending], "{request}", "Requests waiting for a connection")
        create("db.client.connection.max", [limit], "{connection}", "The most connections the pool may open")

    def connect(self) -> PoolProxiedConnection:
        """A connection from the pool.

        :raises sqlalchemy.exc.TimeoutError: when none came free in time.
        """
        began = time.perf_counter()
        self._count_pending(1)
        try:
            return super().connect()
        except PoolTimeout:
            self._timeouts.add(1, self._labels)
            raise
        finally:
            self._count_pending(-1)
            self._wait.record(time.perf_counter() - began, self._labels)

    def _count_pending(self, change: int) -> None:
        with self._pending_lock:
            self._pending += change


def open_database(config: ShopConfig, tables: MetaData) -> Engine:
    """The engine of a service, instrumented, with its tables made.

    SQLite and PostgreSQL alike get a bounded pool with a time-out.

    :raises UserError: SHOP_DATABASE_URL makes no sense, its driver is missing, or the server does not answer.
    """
    sqlite = config.database_url.startswith("sqlite")
    try:
        engine = _engine(config, sqlite)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise UserError(f"SHOP_DATABASE_URL cannot be used: {error}; for PostgreSQL install psycopg[binary]") from None
    if sqlite:
        event.listen(engine, "connect", _sqlite_pragmas)
    engine.pool.named(config.service, config.pool_size + config.pool_overflow)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        tables.create_all(engine)
    except OperationalError as error:
        raise UserError(f"the shop's database does not answer: {str(error.orig).strip().splitlines()[0]}") from None
    # The instrumentation names 2.0 as the newest SQLAlchemy it knows; it works with 2.1, as tests hold it to.
    SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=True)
    event.listen(engine, "before_cursor_execute", _summarise)
    return engine


def _engine(config: ShopConfig, sqlite: bool) -> Engine:
    return create_engine(
        config.database_url,
        poolclass=MeteredPool,
        pool_size=config.pool_size,
        max_overflow=config.pool_overflow,
        pool_timeout=config.pool_timeout_s,
        connect_args={"check_same_thread": False, "timeout": 10} if sqlite else {},
    )


def _sqlite_pragmas(connection: Any, _: Any) -> None:
    """Readers beside a writer (WAL); a quiet disk is worth more here than durability; the system caches pages."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-500")


def _summarise(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    """Name the query span ``SELECT stock``: the instrumentation would put the database file's path into it."""
    span = getattr(context, "_otel_span", None)
    if span is None:
        return
    operation, table = _summary(statement)
    summary = f"{operation} {table}".strip()
    span.update_name(summary)
    span.set_attribute("db.operation.name", operation)
    span.set_attribute("db.query.summary", summary)
    if table:
        span.set_attribute("db.collection.name", table)


@lru_cache(512)
def _summary(statement: str) -> tuple[str, str]:
    """Operation and main table of a statement; subqueries do not count."""
    outer, before = statement, ""
    while outer != before:
        outer, before = _NESTED.sub("", outer), outer
    found = _TARGET.search(outer)
    return statement.split(None, 1)[0].upper(), found.group(1) if found else ""
