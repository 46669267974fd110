"""The database of one service: a real connection pool, its metrics, and readable names for query spans."""

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy
from opentelemetry import metrics
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.metrics import CallbackOptions, Observation
from sqlalchemy import Engine, MetaData, event
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from sample_app import deadline
from sample_app.config import ShopConfig
from sample_app.errors import ConfigError

_NESTED = re.compile(r"\([^()]*\)")
_TARGET = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(\w+)", re.IGNORECASE)
WAIT_BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class MeteredPool(QueuePool):
    """A QueuePool that reports waits and time-outs as the ``db.client.connection.*`` metrics."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._labels: dict[str, str] = {"db.client.connection.pool.name": "default"}
        self._pending = self._limit = 0
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

    def named(self, name: str, limit: int) -> None:
        """Give the pool its name and size in metrics, and let the gauges see it."""
        self._labels = {"db.client.connection.pool.name": name}
        self._limit = limit
        if not _POOLS:
            _register_gauges()
        _POOLS.append(self)

    def count(self) -> Iterable[Observation]:
        """Open connections by state."""
        yield Observation(self.checkedout(), {**self._labels, "db.client.connection.state": "used"})
        yield Observation(self.checkedin(), {**self._labels, "db.client.connection.state": "idle"})

    def pending(self) -> Iterable[Observation]:
        """Requests that wait for a connection."""
        yield Observation(self._pending, self._labels)

    def limit(self) -> Iterable[Observation]:
        """The most connections it may open."""
        yield Observation(self._limit, self._labels)

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


_POOLS: list[MeteredPool] = []


def _register_gauges() -> None:
    """One set of gauges for all pools of the process: an instrument is registered once."""

    def of_all(look: Callable[[MeteredPool], Iterable[Observation]]) -> Callable[[CallbackOptions], list[Observation]]:
        return lambda _: [observation for pool in _POOLS for observation in look(pool)]

    create = metrics.get_meter("sample_app.database").create_observable_up_down_counter
    connections = "{connection}"
    create("db.client.connection.count", [of_all(MeteredPool.count)], connections, "Open connections by state")
    create("db.client.connection.max", [of_all(MeteredPool.limit)], connections, "The most that the pool may open")
    name, waiting = "db.client.connection.pending_requests", "Requests waiting for a connection"
    create(name, [of_all(MeteredPool.pending)], "{request}", waiting)


@dataclass(frozen=True)
class PoolSize:
    """How many connections a pool keeps, how many more it may open, and how long a request waits for one."""

    keeps: int
    overflow: int
    wait_s: float

    @property
    def limit(self) -> int:
        """The most connections at the same time."""
        return self.keeps + self.overflow


def open_database(config: ShopConfig, tables: MetaData) -> Engine:
    """The engine of a service, instrumented, with its tables made.

    :raises ConfigError: SHOP_DATABASE_URL makes no sense, its driver is missing, or the server does not answer.
    """
    engine = open_pool(config, config.service, PoolSize(config.pool_size, config.pool_overflow, config.pool_timeout_s))
    try:
        with suppress_instrumentation():
            tables.create_all(engine)
    except OperationalError as error:
        raise ConfigError(f"the shop's database does not answer: {str(error.orig).strip().splitlines()[0]}") from None
    return engine


def open_pool(config: ShopConfig, name: str, size: PoolSize) -> Engine:
    """A pool of connections to the service's database, instrumented: SQLite and PostgreSQL alike.

    :param name: of the pool, in metrics.
    :raises ConfigError: as :func:`open_database`.
    """
    instrumentor = SQLAlchemyInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        # It names 2.0 as the newest SQLAlchemy it knows; it works with 2.1, as tests hold it to.
        instrumentor.instrument(skip_dep_check=True)
    try:
        engine = sqlalchemy.engine.create_engine(  # looked up here: the instrumentation replaces it
            config.database_url,
            poolclass=MeteredPool,
            pool_size=size.keeps,
            max_overflow=size.overflow,
            pool_timeout=size.wait_s,
            connect_args=deadline.connect_args(config.database_url, config.statement_timeout_s),
        )
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"SHOP_DATABASE_URL cannot be used: {error}; for PostgreSQL install psycopg[binary]"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
        deadline.watch(engine, config.statement_timeout_s)
    engine.pool.named(name, size.limit)  # pyright: ignore[reportAttributeAccessIssue]
    event.listen(engine, "before_cursor_execute", _summarise)
    return engine


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
