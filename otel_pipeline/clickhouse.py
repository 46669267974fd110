"""The one way to ClickHouse: its HTTP interface, named queries, server-side parameters.

Queries belong to no session: those that only read may be sent side by side (:mod:`otel_pipeline.together`). They carry
``log_comment`` so that ``system.query_log`` can be traced back to the command or asset that sent them.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import clickhouse_connect
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from clickhouse_connect.driver.summary import QuerySummary

from otel_pipeline import sqlfiles
from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.settings import Settings

Role = Literal["writer", "reader"]
CONNECT_SECONDS = 5
QUERY_SECONDS = 600
PRESENT, HISTORY = 1, 2  # priorities: the lower goes first
# Bytes of an answer that the server keeps in memory until it is complete; without, even a single row takes a file.
ANSWER_BYTES = 1 << 20
# A live run asks a hundred different things of a few rows: to compile their expressions to machine code takes longer
# than to evaluate them, and over a million spans it saves nothing that could be measured.
INTERPRETED = {"compile_expressions": 0, "compile_aggregate_expressions": 0, "compile_sort_description": 0}


class Database:
    """A connection to the project's database.

    :param settings: where and who.
    :param role: ``writer`` for the pipeline, ``reader`` for people and agents.
    :param comment: who asks (run id, asset key, command); lands in ``log_comment`` of every query.
    :param database: another database than the configured one (``""``: none, before migration).
    :param history: the queries are of a backfill: they give way to those of the present, and leave half the
        cores of the local server free.
    :raises UserError: no server, or wrong user or password.
    """

    def __init__(
        self,
        settings: Settings,
        role: Role = "writer",
        comment: Mapping[str, str] | None = None,
        database: str | None = None,
        history: bool = False,
    ) -> None:
        self.settings = settings
        self.history = history
        reader = role == "reader" and (settings.clickhouse_reader_password or settings.clickhouse_is_local)
        host = settings.clickhouse_host or "127.0.0.1"
        self.address = f"{'https' if settings.clickhouse_secure else 'http'}://{host}:{settings.clickhouse_port}"
        user = settings.clickhouse_reader_user if reader else settings.clickhouse_user
        self.user = user
        try:
            self.client: Client = clickhouse_connect.get_client(
                host=host,
                port=settings.clickhouse_port,
                username=user,
                password=settings.clickhouse_reader_password if reader else settings.clickhouse_password,
                database=settings.database if database is None else (database or "default"),
                secure=settings.clickhouse_secure,
                connect_timeout=CONNECT_SECONDS,
                send_receive_timeout=QUERY_SECONDS,
                autogenerate_session_id=False,
                settings=_settings(settings, comment or {}, history, reader=bool(reader)),
            )
        except OperationalError as error:
            raise Unavailable(
                f"no ClickHouse at {self.address}; start one with `otel-pipeline clickhouse` or `otel-pipeline up`,"
                " or set CLICKHOUSE_HOST and CLICKHOUSE_PORT"
            ) from error
        except DatabaseError as error:
            if "Code: 516" in str(error) and settings.clickhouse_is_local and _is_another(settings, self.address):
                raise UserError(
                    f"{self.address} is another ClickHouse than that of {settings.otel_pipeline_home}, and refuses its"
                    f" user {user}; end that one, or choose another port with CLICKHOUSE_PORT"
                ) from error
            raise UserError(explain(error, self.address, user, settings.database)) from error

    def comment(self, comment: Mapping[str, str]) -> None:
        """From now on, this asks."""
        self.client.set_client_setting("log_comment", json.dumps(dict(comment)))

    def rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run the named query; its rows as dictionaries."""
        with self._explained():
            return list(self.client.query(sqlfiles.statement(name), parameters=parameters).named_results())

    def one(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Run a named query that returns exactly one row."""
        (row,) = self.rows(name, **parameters)
        return row

    def run(self, name: str, **parameters: Any) -> int:
        """Run a named statement without a result; rows written."""
        with self._explained():
            summary = self.client.command(sqlfiles.statement(name), parameters=parameters)
        return summary.written_rows if isinstance(summary, QuerySummary) else 0

    def insert(self, table: str, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
        """Insert a few rows (results, parameters; never telemetry)."""
        if rows:
            with self._explained(), _without_pandas():
                self.client.insert(table, rows, column_names=columns)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what an operator can mend into a UserError; let defects of ours through as they are."""
        try:
            yield
        except ClickHouseError as error:
            text = explain(error, self.address, self.user, self.settings.database)
            if text:
                kind = Unavailable if isinstance(error, OperationalError) else UserError
                raise kind(text) from error
            raise


def _settings(settings: Settings, comment: Mapping[str, str], history: bool, *, reader: bool) -> dict[str, Any]:
    """Settings of a connection's queries: who asks, and who goes first.

    ClickHouse lets a query of lower priority wait while one of a higher runs.
    """
    found: dict[str, Any] = {"buffer_size": ANSWER_BYTES}
    if reader:
        return found
    found |= {"priority": HISTORY if history else PRESENT, **INTERPRETED}
    if comment:
        found["log_comment"] = json.dumps(dict(comment))
    if history and settings.clickhouse_is_local:
        found["max_threads"] = found["max_insert_threads"] = max(1, (os.cpu_count() or 2) // 2)
    return found


def _is_another(settings: Settings, address: str) -> bool:
    """Whether the server there is surely not the local one of this home folder, which would name itself."""
    from urllib.request import urlopen

    from otel_pipeline.localdb.config import IDENTITY_PATH

    try:
        own = (settings.otel_pipeline_home / "clickhouse" / "config.xml").read_text()
    except OSError:
        return False
    try:
        with urlopen(f"{address}{IDENTITY_PATH}", timeout=CONNECT_SECONDS) as answer:
            return f">{answer.read(200).decode(errors='replace')}<" not in own
    except (OSError, ValueError):
        return True


@contextmanager
def _without_pandas() -> Iterator[None]:
    """Keep an insert of plain rows from importing pandas and pyarrow just to see that they are no DataFrame.

    That would be 85 MB and most of a second in every process and every Dagster run.
    """
    known = options.__dict__
    if "pd" in known:
        yield
        return
    known["pd"] = None
    try:
        yield
    finally:
        known.pop("pd", None)


def explain(error: ClickHouseError, address: str, user: str, database: str) -> str:
    """One line that says what to do about a server's answer; empty when it is a defect of ours."""
    text = str(error)
    first = text.splitlines()[0].split("DB::Exception: ")[-1][:200] if text else ""
    hints = {
        "Code: 516": f"ClickHouse at {address} refuses user {user}; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD",
        "Code: 81.": f"database {database} does not exist at {address}; run `otel-pipeline migrate`",
        "Code: 60.": f"a table is missing in {database} at {address}; run `otel-pipeline migrate`",
        "Code: 243": f"the disk of ClickHouse at {address} is full; free some space, then run this again",
        "Code: 241": f"ClickHouse at {address} ran out of memory; ask for a shorter window",
        "Code: 497": f"user {user} lacks a right at {address}; {first}",
    }
    for code, hint in hints.items():
        if code in text:
            return hint
    if isinstance(error, OperationalError):
        return f"lost ClickHouse at {address}; see that it runs, then run this again"
    return ""
