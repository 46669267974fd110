"""Erasing from ClickHouse: what is the subject's is deleted; what is about many, an incident, loses the mention.

Deleted by mutations, which write the parts anew without the rows; the old parts' files are waited for. Values to forget
stand in a table in memory, since the text of a mutation is kept on disk. Statements are built here, as the names of
tables and columns are data: every table of the project is looked at, whoever adds it.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.erasure.subject import FORGOTTEN, Subject

RAW = ("otel_traces", "otel_logs", "hyperdx_sessions")
SESSION_KEYS = ("rum.sessionId", "session.id")
# Rows about many requests: kept, without the mention.
REWRITTEN = ("incidents", "error_patterns", "error_pattern_history", "log_template_counts", "log_template_minutes")
QUIET: dict[str, Any] = {"log_queries": 0}
CHANGING: dict[str, Any] = {**QUIET, "mutations_sync": 2, "allow_nondeterministic_mutations": 1}
GONE_SECONDS = 90


@dataclass(frozen=True)
class Table:
    """A table with text in it. ``columns``: name and type of those; ``fixed``: those of its sorting key."""

    database: str
    name: str
    columns: tuple[tuple[str, str], ...]
    fixed: frozenset[str]

    @property
    def full(self) -> str:
        """Its name in statements."""
        return f"`{self.database}`.`{self.name}`"


class Eraser:
    """Finds and erases a subject in all tables of the project, those of other versions of the lineage too."""

    def __init__(self, db: Database, subject: Subject) -> None:
        self._db = db
        self._subject = subject
        self._keys = f"`{db.settings.clickhouse_database}`.`forget_{token_hex(6)}`"
        self.tables = self._tables()
        self.files_left: list[str] = []

    def find(self) -> None:
        """Fill in the traces and sessions of the subject."""
        subject = self._subject
        for _ in range(3):  # the sessions of a user's traces, the traces of those sessions
            before = len(subject.traces), len(subject.sessions)
            for table in self.tables:
                if table.name in RAW and subject.exact:
                    self._find(table)
            if (len(subject.traces), len(subject.sessions)) == before or subject.kind == "trace":
                break

    def counts(self) -> dict[str, int]:
        """Rows of each table that are the subject's, or mention it; only tables with some."""
        with self._known():
            found = {table.full: self._count(table) for table in self.tables}
        return {name.replace("`", ""): rows for name, rows in found.items() if rows}

    def erase(self) -> dict[str, int]:
        """Delete and rewrite; what is left, as :meth:`counts` tells it. Waits until replaced files are gone."""
        with self._known(), ExitStack() as stack:
            touched = [table for table in self.tables if self._count(table)]
            for table in touched:
                stack.enter_context(self._soon_gone(table))
                if table.name in REWRITTEN:
                    self._rewrite(table)
                if table.name not in REWRITTEN or self._count(table):
                    self._change(f"ALTER TABLE {table.full} DELETE WHERE {self._condition(table)}")
            self._wait(touched)
        return self.counts()

    def mentioned_in_queries(self) -> int:
        """Queries in the engine's own log that hold a name; the log ends by itself."""
        if not self._subject.names:
            return 0
        sql = "SELECT count() FROM system.query_log WHERE multiSearchAny(query, {names:Array(String)})"
        try:
            return int(self._ask(sql, names=self._subject.names[:200])[0][0])
        except Exception:  # no right to read it, or no such log
            return 0

    # Statements.

    def _tables(self) -> list[Table]:
        rows = self._ask(
            "SELECT c.database, c.table, groupArray((c.name, c.type)),"
            " groupArrayIf(c.name, c.is_in_sorting_key OR c.is_in_partition_key)"
            " FROM system.columns AS c INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table"
            " WHERE (t.database = {db:String} OR match(t.database, {versions:String})) AND t.engine LIKE '%MergeTree'"
            " AND c.type LIKE '%String%' AND c.type NOT LIKE '%AggregateFunction%'"
            " AND c.default_kind NOT IN ('ALIAS', 'MATERIALIZED')"
            " GROUP BY c.database, c.table ORDER BY c.database, c.table",
            db=self._db.settings.clickhouse_database,
            versions=f"^{self._db.settings.clickhouse_database}_v[0-9]+$",
        )
        return [Table(d, t, tuple((n, k) for n, k in columns), frozenset(fixed)) for d, t, columns, fixed in rows]

    def _find(self, table: Table) -> None:
        maps = [f"`{name}`" for name, kind in table.columns if kind.startswith("Map(")]
        names = {name for name, _ in table.columns}
        trace = "toString(TraceId)" if "TraceId" in names else "''"
        keys = ", ".join(f"'{key}'" for key in SESSION_KEYS)
        sessions = f"arrayFlatten([{', '.join(f'arrayMap(k -> {m}[k], [{keys}])' for m in maps)}])"
        rows = self._ask(
            f"SELECT groupUniqArrayIf({trace}, {trace} != ''),"
            f" groupUniqArrayArray(arrayFilter(s -> s != '', {sessions}))"
            f" FROM {table.full} WHERE {self._hit(table, maps)}",
            exact=self._subject.exact,
            pattern=self._subject.pattern,
        )
        for traces, found in rows:
            self._subject.traces.update(traces)
            self._subject.sessions.update(found)

    def _hit(self, table: Table, maps: list[str]) -> str:
        hits = [f"hasAny(mapValues({m}), {{exact:Array(String)}})" for m in maps]
        if self._subject.pattern:
            hits.append(f"match({_text(table)}, {{pattern:String}})")
        return " OR ".join(hits)

    def _count(self, table: Table) -> int:
        return int(self._ask(f"SELECT count() FROM {table.full} WHERE {self._condition(table)}")[0][0])

    def _values(self, kind: str) -> str:
        return f"(SELECT groupArray(Value) FROM {self._keys} WHERE Kind = '{kind}')"

    def _pattern(self) -> str:
        return f"assumeNotNull((SELECT any(Value) FROM {self._keys} WHERE Kind = 'pattern'))"

    def _condition(self, table: Table) -> str:
        """Whether a row is the subject's or mentions it."""
        names = {name for name, _ in table.columns}
        text = _text(table)
        parts: list[str] = []
        if "TraceId" in names:
            parts.append(f"TraceId IN (SELECT Value FROM {self._keys} WHERE Kind = 'trace')")
        if table.name not in RAW and not table.name.startswith("otel_"):
            parts.append(self._traces_in(text))
        parts += [
            f"hasAny(mapValues(`{name}`), {self._values('exact')})"
            for name, kind in table.columns
            if kind[:4] == "Map("
        ]
        if self._subject.pattern:
            parts.append(f"match({text}, {self._pattern()})")
        return "(" + " OR ".join(parts or ["0"]) + ")"

    def _traces_in(self, text: str) -> str:
        return f"hasAny(extractAll({text}, '[0-9a-f]{{32}}'), {self._values('trace')})"

    def _mentions(self, text: str) -> str:
        named = f" OR match({text}, {self._pattern()})" if self._subject.pattern else ""
        return f"({self._traces_in(text)}{named})"

    def _without(self, text: str) -> str:
        """A text with its mentions struck out."""
        if self._subject.pattern:
            text = f"replaceRegexpAll({text}, {self._pattern()}, '\\\\1{FORGOTTEN}\\\\2')"
        ids = f"arrayIntersect(extractAll({text}, '[0-9a-f]{{32}}'), {self._values('trace')})"
        return f"arrayFold((acc, id) -> CAST(replaceAll(acc, id, ''), 'String'), {ids}, CAST({text}, 'String'))"

    def _rewrite(self, table: Table) -> None:
        changes: list[str] = []
        for name, kind in table.columns:
            column = f"`{name}`"
            if name in table.fixed:
                continue
            if kind in ("String", "LowCardinality(String)"):
                changes.append(f"{column} = {self._without(f'toString({column})')}")
            elif kind.startswith("Array(") and "." in name:  # one of several arrays that belong together
                changes.append(f"{column} = arrayMap(x -> {self._without('toString(x)')}, {column})")
            elif kind.startswith("Array("):
                changes.append(f"{column} = arrayFilter(x -> NOT {self._mentions('toString(x)')}, {column})")
        if table.name == "error_patterns":  # a vector of a text that is changed says what it said
            changes.append(f"embedding = if({self._mentions('EmbeddedText')}, [], embedding)")
        self._change(f"ALTER TABLE {table.full} UPDATE {', '.join(changes)} WHERE {self._condition(table)}")

    # Running them.

    def _ask(self, sql: str, **parameters: Any) -> Any:
        return self._db.client.query(sql, parameters=parameters, settings=QUIET).result_rows

    def _change(self, sql: str) -> None:
        self._db.client.command(sql, settings=CHANGING)

    @contextmanager
    def _known(self) -> Iterator[None]:
        """The values, in a table in memory for as long as they are needed."""
        subject = self._subject
        kinds = {
            "trace": subject.traces,
            "exact": subject.exact,
            "pattern": [subject.pattern] if subject.pattern else [],
        }
        self._change(f"CREATE TABLE {self._keys} (Kind String, Value String) ENGINE = Memory")
        try:
            rows = [[kind, value] for kind, values in kinds.items() for value in sorted(values)]
            if rows:
                self._db.client.insert(self._keys, rows, column_names=["Kind", "Value"], settings=QUIET)
            yield
        finally:
            self._change(f"DROP TABLE IF EXISTS {self._keys} SYNC")

    @contextmanager
    def _soon_gone(self, table: Table) -> Iterator[None]:
        """Have the engine delete replaced files at once, not after minutes; then as before."""
        engine = self._ask(
            "SELECT engine_full FROM system.tables WHERE database = {d:String} AND name = {t:String}",
            d=table.database,
            t=table.name,
        )[0][0]
        default = self._ask("SELECT value FROM system.merge_tree_settings WHERE name = 'old_parts_lifetime'")
        if "old_parts_lifetime" in engine or int(default[0][0]) <= 1:
            yield
            return
        self._change(f"ALTER TABLE {table.full} MODIFY SETTING old_parts_lifetime = 1")
        try:
            yield
        finally:
            self._change(f"ALTER TABLE {table.full} RESET SETTING old_parts_lifetime")

    def _wait(self, tables: list[Table]) -> None:
        """Until the files of replaced parts are gone; the engine looks for them now and then (localdb/config.py)."""
        sql = (
            "SELECT database, table FROM system.parts WHERE _state != 'Active' AND (database, table) IN"
            " arrayZip({databases:Array(String)}, {tables:Array(String)}) GROUP BY database, table"
        )
        deadline = time.monotonic() + GONE_SECONDS
        while tables and time.monotonic() < deadline:
            named = {"databases": [table.database for table in tables], "tables": [table.name for table in tables]}
            waiting = {tuple(row) for row in self._ask(sql, **named)}
            tables = [table for table in tables if (table.database, table.name) in waiting]
            time.sleep(1 if tables else 0)
        self.files_left = [table.full.replace("`", "") for table in tables]


def _text(table: Table) -> str:
    """All that a row says, as one text."""
    return f"toString(tuple({', '.join(f'`{name}`' for name, _ in table.columns)}))"
