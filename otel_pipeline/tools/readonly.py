"""Run a statement of a person or an agent: guarded, as the reader, within limits, with truncation said out loud."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_pipeline.clickhouse import Database, explain
from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.tools import guard

MOST_ROWS = 1000
MOST_CELL_CHARACTERS = 2000
MOST_CHARACTERS = 100_000
# Order of the time-outs: the engine's first, so that it is the engine that says so.
LIMITS: dict[str, int | str] = {
    "max_execution_time": 10,
    "max_memory_usage": 1_000_000_000,
    "max_rows_to_read": 2_000_000_000,
    "max_result_bytes": 20_000_000,
    "max_threads": 2,
    "max_ast_elements": 5000,
    "max_expanded_ast_elements": 20_000,
    "max_subquery_depth": 20,
}


def run(db: Database, sql: str, *, rows: int = 100, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The answer of one guarded statement.

    :param db: a connection as the reader.
    :param rows: at most so many rows come back.
    :param parameters: values of its ``{name:Type}``.
    :returns: ``{"sql", "columns": [{"name", "type"}], "rows": [[value]], "row_count", "truncated", "notes"}``.
    :raises UserError: no reader account, or refused by the guard or the engine; the reason, on one line.
    """
    if db.user != db.settings.clickhouse_reader_user:
        raise UserError(
            "there is no read-only account here, and as the writer nothing is run;"
            " set CLICKHOUSE_READER_USER and CLICKHOUSE_READER_PASSWORD"
        )
    statement = guard.check(sql)
    rows = max(1, min(rows, MOST_ROWS))
    given = dict(parameters or {})
    try:
        tree = db.client.raw_query(f"EXPLAIN AST {statement.sql}", parameters=given, settings=_settings(db))
        guard.agree(tree.decode(errors="replace"), db.settings.database)
        columns, found = _fetch(db, statement, rows, given)
    except ClickHouseError as error:
        reason = explain(error, db.address, db.user, db.settings.database)
        if reason.startswith(("lost", "no ClickHouse")):
            raise Unavailable(reason) from error
        raise UserError(_engine(str(error))) from error
    notes = []
    if len(found) > rows:
        notes.append(f"only the first {rows} rows; narrow the question, or aggregate")
    shown, cut = _fit(found[:rows])
    if len(shown) < min(len(found), rows):
        notes.append(f"only {len(shown)} rows fit into {MOST_CHARACTERS:,} characters; name fewer columns")
    if cut:
        notes.append(f"{cut} values were cut at {MOST_CELL_CHARACTERS:,} characters")
    if not found:
        notes.append("no rows")
    answer = {"sql": statement.sql, "columns": columns, "rows": shown, "row_count": len(shown)}
    return {**answer, "truncated": bool(len(shown) < len(found) or cut), "notes": notes}


def _fetch(
    db: Database, statement: guard.Statement, rows: int, given: dict[str, Any]
) -> tuple[list[dict[str, str]], list[list[Any]]]:
    settings = _settings(db)
    if statement.verb == "EXPLAIN":  # a format would become part of the query that is explained
        text = db.client.raw_query(statement.sql, parameters=given, settings=settings).decode(errors="replace")
        return [{"name": "explain", "type": "String"}], [[line] for line in text.splitlines()]
    if "limit" in db.client.server_settings and statement.verb in ("SELECT", "WITH"):
        settings["limit"] = rows + 1
    result = db.client.query(statement.sql, parameters=given, settings=settings)
    types = [kind.name for kind in result.column_types]
    columns = [{"name": name, "type": kind} for name, kind in zip(result.column_names, types, strict=True)]
    return columns, [list(row) for row in result.result_rows[: rows + 1]]


def _settings(db: Database) -> dict[str, Any]:
    """The limits, less what the account may not set: then its own profile is the limit."""
    known = db.client.server_settings
    return {name: value for name, value in LIMITS.items() if name in known and not known[name].readonly}


def _fit(found: list[list[Any]]) -> tuple[list[list[Any]], int]:
    """Rows as plain values, as many as fit; and how many values were cut."""
    shown: list[list[Any]] = []
    left, cut = MOST_CHARACTERS, 0
    for row in found:
        values = []
        for value in row:
            text = plain(value)
            if isinstance(text, str) and len(text) > MOST_CELL_CHARACTERS:
                text, cut = f"{text[:MOST_CELL_CHARACTERS]}… ({len(text):,} characters)", cut + 1
            elif isinstance(text, list | dict) and len(str(text)) > MOST_CELL_CHARACTERS:
                text, cut = f"{str(text)[:MOST_CELL_CHARACTERS]}… ({len(text):,} items)", cut + 1
            values.append(text)
        left -= sum(len(str(value)) + 4 for value in values)
        if left < 0 and shown:
            break
        shown.append(values)
    return shown, cut


def plain(value: Any) -> Any:
    """A value of the engine as JSON has it: times as ISO 8601 in UTC, what JSON does not know as text."""
    match value:
        case datetime():
            instant = value if value.tzinfo else value.replace(tzinfo=UTC)
            found: Any = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case float():
            found = value if math.isfinite(value) else str(value)
        case dict():
            found = {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            found = [plain(item) for item in value]
        case bytes():
            found = value.decode(errors="replace")
        case None | bool() | int() | str():
            found = value
        case _:
            found = str(value)
    return found


def _engine(text: str) -> str:
    """What the engine says, on one line, without its address and version."""
    line = " ".join(text.rsplit("DB::Exception: ", maxsplit=1)[-1].split())
    return f"the engine says: {line.split(' (version ')[0][:400]}"
