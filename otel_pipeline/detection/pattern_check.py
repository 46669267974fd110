"""A fresh look before a pattern is recalled: does what marks it really stand in the new incident's window?

A pattern may carry a query of its own: one SELECT with ``{start:DateTime64(3)}`` and ``{end:DateTime64(3)}``, whose one
cell says yes or no. It is parsed by the engine (``EXPLAIN AST``, which runs nothing) and refused unless it reads only
the project's own tables; then it runs as the reader, with tight limits. Without one, the pattern's features are looked
for anew.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.memory import Pattern
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.signs import Sign, slowness
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings

LONGEST = 4000
LIMITS = {
    "max_execution_time": 5,
    "max_memory_usage": 500_000_000,
    "max_rows_to_read": 50_000_000,
    "max_result_rows": 10,
    "max_threads": 1,
}
_NO_TIME = {"start": datetime.fromtimestamp(0, UTC), "end": datetime.fromtimestamp(0, UTC)}
LEAST_SHARE = 0.5  # of the features that can be looked for

# Functions that reach beyond the rows of a query: files, networks, dictionaries, models, time itself.
_REFUSED = re.compile(
    r"(?i)^(ai\w+|file\w*|url\w*|s3\w*|remote\w*|cluster\w*|python|executable|input|sleep\w*|dict\w+|joinGet\w*|"
    r"catboost\w*|getSetting\w*|getServer\w*|getMacro|hostName|currentUser|currentDatabase|initialQuery\w*|"
    r"throwIf|merge|view|generateRandom|randomString\w*|postgresql|mysql|mongodb|sqlite|odbc|jdbc|hdfs|azure\w*|"
    r"iceberg\w*|deltaLake\w*|hudi\w*|redis|loop|fuzz\w*|null|values|numbers\w*|zeros\w*|generate\w*)$"
)


@dataclass(frozen=True)
class Checked:
    """What a check said.

    :param holds: None where it could not be asked.
    """

    holds: bool | None
    why: str


def validate(settings: Settings, query: str) -> None:
    """Refuse a query that is no plain read of the project's tables. Nothing of it is run.

    :raises UserError: naming the reason.
    """
    if len(query) > LONGEST:
        raise UserError(f"check: {len(query)} characters; at most {LONGEST}")
    if "{start:" not in query or "{end:" not in query:
        raise UserError("check: it must use {start:DateTime64(3)} and {end:DateTime64(3)}, the window of the incident")
    if re.search(r"(?i)\bpython\s*\(", query):
        raise UserError("check: function python is not allowed")
    with _reader(settings) as reader:
        try:
            answer = reader.client.raw_query(f"EXPLAIN AST {query}", parameters=_NO_TIME, fmt="TSVRaw")
        except ClickHouseError as error:
            raise UserError(f"check: {_short(error)}") from None
    tree = answer.decode(errors="replace").splitlines()
    if not tree or not tree[0].startswith("SelectWithUnionQuery"):
        raise UserError("check: only one SELECT is allowed")
    if [line.split()[0] for line in tree if re.match(r" \S", line)] != ["ExpressionList", "Identifier"]:
        raise UserError("check: INTO OUTFILE, FORMAT and SETTINGS are not allowed")
    for line, following in zip(tree, [*tree[1:], ""], strict=True):
        node, _, name = line.strip().partition(" ")
        name = name.split(" (")[0]
        if node == "TableExpression" and following.strip().startswith("Function"):
            raise UserError("check: table functions are not allowed; read the project's tables")
        if node == "Function" and _REFUSED.match(name):
            raise UserError(f"check: function {name} is not allowed")
        if node == "TableIdentifier" and "." in name:
            raise UserError(f"check: {name} is outside the project's database; name the table alone")
        if node == "Set":
            raise UserError("check: SETTINGS are not allowed")


def ask(settings: Settings, pattern: Pattern, window: Window) -> Checked:
    """Whether what marks the pattern stands in the window."""
    try:
        with _reader(settings) as reader:
            return _own(reader, pattern, window) if pattern.CheckQuery else _features(reader, pattern, window)
    except UserError as error:
        return Checked(None, f"its check could not be asked: {error}")


def _own(reader: Database, pattern: Pattern, window: Window) -> Checked:
    validate(reader.settings, pattern.CheckQuery)
    times = {"start": window.start, "end": window.end}
    try:
        rows = reader.client.query(pattern.CheckQuery, parameters=times, settings=LIMITS).result_rows
    except ClickHouseError as error:
        return Checked(None, f"its check failed: {_short(error)}")
    if len(rows) != 1 or len(rows[0]) != 1:
        return Checked(None, "its check must give one cell")
    holds = rows[0][0] not in (None, 0, False, "", "0")
    return Checked(holds, f"its check {'holds' if holds else 'does not hold'} ({rows[0][0]})")


def _features(reader: Database, pattern: Pattern, window: Window) -> Checked:
    """Look for the errors, log templates and slow operations that mark the pattern."""
    marks = [sign for sign in map(Sign.parse, pattern.Features) if sign.kind and not sign.faint]
    if not marks:
        return Checked(True, "it names no features to look for")
    told = [sign for sign in marks if sign.kind in ("begins", "error", "template")]
    found = reader.one(
        "error_patterns__check",
        start=window.start,
        end=window.end,
        kinds=[sign.kind for sign in told],
        services=[sign.service for sign in told],
        details=[sign.detail for sign in told],
    )["Found"]
    if len(told) < len(marks):
        now = {sign.clear for sign in slowness(reader, window)}
        found += sum(sign in now for sign in marks)
    return Checked(found >= LEAST_SHARE * len(marks), f"{found} of the {len(marks)} signs of it stand in the window")


def _reader(settings: Settings) -> Database:
    """A connection that can only read.

    :raises UserError: this installation has no reader.
    """
    reader = Database(settings, role="reader")
    if reader.user != settings.clickhouse_reader_user:
        reader.close()
        raise UserError("no read-only account; set CLICKHOUSE_READER_USER and CLICKHOUSE_READER_PASSWORD")
    return reader


def _short(error: ClickHouseError) -> str:
    return str(error).splitlines()[0].split("DB::Exception: ")[-1][:200]
