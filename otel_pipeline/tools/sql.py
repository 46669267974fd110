"""describe_schema and run_sql: everything else that can be asked of the tables, guarded and read-only."""

import re
from itertools import groupby
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError
from pydantic import Field, JsonValue, model_validator

from otel_pipeline import sqlfiles
from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.tools import evidence, readonly
from otel_pipeline.tools.model import Arguments, Context, Paged, Tool
from otel_pipeline.tools.untrusted import Ours, named

MOST = 500
INNER = ("schema_migrations", "staging", "lineage_", "fault_ledger")
"""Tables of the machinery, and what judges detection: an agent that read the answers would prove nothing."""


class SchemaArguments(Arguments, Paged):
    """Which table."""

    table: str = Field("", description="Its columns; without: all tables and named queries")


class SqlArguments(Arguments, Paged):
    """A statement, or a named query."""

    sql: str = Field("", description="One SELECT; {name:Type} for parameters", max_length=10_000)
    query: str = Field("", description="Or a named query, as in evidence", max_length=100)
    parameters: dict[str, JsonValue] = Field({}, description="Values of the parameters")

    @model_validator(mode="after")
    def _one_of_both(self) -> "SqlArguments":
        if bool(self.sql.strip()) == bool(self.query.strip()):
            raise ValueError("give either sql or query")
        return self


def describe_schema(context: Context, asked: SchemaArguments) -> dict[str, Any]:
    """Tables with their columns, or the columns of one.

    :raises UserError: no such table.
    """
    rows = context.reader.rows("tools__columns", table=asked.table)
    if asked.table:
        if not rows:
            raise UserError(f"no table {named(asked.table)}; describe_schema without arguments lists them")
        return {
            "tables": [
                {"column": row["Column"], "type": Ours(row["Type"]), "means": Ours(row["Comment"])} for row in rows
            ]
        }
    tables = []
    for table, columns in groupby(rows, key=lambda row: row["Table"]):
        mine = list(columns)
        if not table.startswith(INNER):
            tables.append(
                {
                    "table": table,
                    "rows": mine[0]["Rows"],
                    "columns": Ours(" ".join(column["Column"] for column in mine)),
                }
            )
    return {"tables": tables, "queries": evidence.names()}


def run_sql(context: Context, asked: SqlArguments) -> dict[str, Any]:
    """The rows of one guarded statement, or of a named query.

    :raises UserError: refused, wrong, or too costly.
    """
    if asked.query:
        return {"query": asked.query, "rows": _named(context, evidence.known(asked.query), asked.parameters)}
    try:
        found = readonly.run(context.reader, asked.sql, rows=MOST, parameters=asked.parameters)
    except Unavailable:
        raise
    except UserError as error:  # the engine may quote what it read
        raise UserError(named(str(error), 400)) from error
    names = [column["name"] for column in found["columns"]]
    keys = [name if names.index(name) == at else f"{name} ({at + 1})" for at, name in enumerate(names)]
    rows = [dict(zip(keys, row, strict=True)) for row in found["rows"]]
    return {"rows": rows, "notes": [Ours(note) for note in found["notes"]]}


def _named(context: Context, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    takes = dict(re.findall(r"{(\w+):([^}]+)}", sqlfiles.query(name)))
    if set(takes) != set(parameters):
        listed = ", ".join(f"{key} ({kind})" for key, kind in takes.items())
        raise UserError(f"{name} takes the parameters {listed}; given were {named(', '.join(parameters)) or 'none'}")
    try:
        return context.reader.rows(name, **parameters)
    except ClickHouseError as error:
        said = str(error).split("DB::Exception: ")[-1]
        raise UserError(f"{name}: {named(said, 200)}; check the values of the parameters") from error


DESCRIBE_SCHEMA = Tool(
    name="describe_schema",
    title="Tables",
    description="Tables with their columns, and the named queries of run_sql; with table: columns, types, meanings.",
    arguments=SchemaArguments,
    output={"tables": "array"},
    run=describe_schema,
    rows="tables",
)
RUN_SQL = Tool(
    name="run_sql",
    title="SQL, read-only",
    description=(
        "One ClickHouse SELECT as a read-only user, with limits on rows, time and memory; or a named query, such as"
        " those in the evidence of investigate, to check its figures."
    ),
    arguments=SqlArguments,
    output={"rows": "array"},
    run=run_sql,
    rows="rows",
)
