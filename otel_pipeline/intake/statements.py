"""The INSERT statements of the writer: SQL from ``sql/query/intake__*.sql``, messages from ``otlp.proto``."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from otel_pipeline import sqlfiles
from otel_pipeline.intake.messages import metric_kinds
from otel_pipeline.intake.segments import PLAIN, Segment, bodies

PROTO = Path(__file__).parent / "otlp.proto"
COLUMN_TYPES = {
    "string": "String",
    "bytes": "String",
    "bool": "Bool",
    "double": "Float64",
    "int32": "Int32",
    "sint32": "Int32",
    "uint32": "UInt32",
    "fixed32": "UInt32",
    "int64": "Int64",
    "sfixed64": "Int64",
    "uint64": "UInt64",
    "fixed64": "UInt64",
}
# Fields of plain segments that the engine passes over: nobody has them.
COLLECTIONS = ("AnyValue.array_value", "AnyValue.kvlist_value")
METRIC_KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


@dataclass(frozen=True)
class Statement:
    """One INSERT that takes a batch of protobuf as its data.

    :param table: table that it fills.
    :param sql: the statement, ending with its FORMAT clause.
    :param message: message of :data:`PROTO` that the batch holds.
    """

    table: str
    sql: str
    message: str

    def parameters(self) -> dict[str, str]:
        """URL parameters of ClickHouse's HTTP interface for this statement."""
        return {
            "query": self.sql,
            "format_schema_source": "string",
            "format_schema": definitions(),
            "format_schema_message_name": self.message,
            "output_format_json_escape_forward_slashes": "0",
        }


@cache
def definitions() -> str:
    """The message definitions that the engine gets with each statement, without comments."""
    return re.sub(r"\s*//.*|^\s+", "", PROTO.read_text(), flags=re.MULTILINE)


@cache
def structure(message: str, skip: tuple[str, ...] = ()) -> str:
    """Columns of ``input()`` for a message: nested messages as tuples, repeated ones as arrays.

    :param skip: fields that the engine shall pass over, as ``Message.field``.
    """
    blocks = dict(re.findall(r"message (\w+) \{(.*?)\}", definitions(), flags=re.DOTALL))

    def columns(name: str) -> str:
        fields = re.findall(r"(?:(optional|repeated) )?(\w+) (\w+) = \d+;", blocks[name])
        return ", ".join(
            f"{field} {column(rule, kind)}" for rule, kind, field in fields if f"{name}.{field}" not in skip
        )

    def column(rule: str, kind: str) -> str:
        plain = COLUMN_TYPES.get(kind) or f"Tuple({columns(kind)})"
        return {"optional": f"Nullable({plain})", "repeated": f"Array({plain})"}.get(rule, plain)

    return columns(message)


def _statement(plain: bool, name: str, table: str, message: str, skip: tuple[str, ...] = (), **more: str) -> Statement:
    lambdas = {"TEXT": "plain" if plain else "text"}
    values = Template(sqlfiles.query("intake__values")).substitute(lambdas)
    columns = structure(message, skip + COLLECTIONS if plain else skip)
    text = Template(sqlfiles.query(f"intake__{name}")).substitute(
        lambdas, VALUES=values, STRUCTURE=columns, TABLE=table, **more
    )
    # The engine reads the data from the byte after the query, so nothing may follow the format's name.
    return Statement(table, re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE).strip(), message)


@cache
def statements(kind: str) -> tuple[Statement, ...]:
    """The statements that store a batch of the kind: ``traces``, ``logs``, ``sessions`` or ``metrics``, or plain ones.

    ``sessions`` are bodies of log records in which ``rr-web.event`` occurs: such records go to ``hyperdx_sessions``,
    the others beside them to ``otel_logs``.
    """
    plain, kind = kind.startswith(PLAIN), kind.removeprefix(PLAIN)
    if kind == "traces":
        return (_statement(plain, "insert_traces", "otel_traces", "TracesRequest"),)
    if kind == "logs":
        return (_statement(plain, "insert_logs", "otel_logs", "LogsRequest", CONDITION="1"),)
    if kind == "sessions":
        is_event = "mapContains(LogAttributes, 'rr-web.event')"
        return (
            _statement(plain, "insert_logs", "otel_logs", "LogsRequest", CONDITION=f"NOT {is_event}"),
            _statement(plain, "insert_logs", "hyperdx_sessions", "LogsRequest", CONDITION=is_event),
        )
    return tuple(
        _statement(
            plain,
            f"insert_metrics_{metric}",
            f"otel_metrics_{metric}",
            "MetricsRequest",
            skip=tuple(f"Metric.{other}" for other in METRIC_KINDS if other != metric),
        )
        for metric in METRIC_KINDS
    )


def statements_of(segment: Segment) -> list[Statement]:
    """The statements that a segment needs: of ``metrics`` those whose kind occurs in it, as each costs a planning.

    The segment's bytes alone decide, so that a repetition sends the same ones.
    """
    if segment.kind.removeprefix(PLAIN) != "metrics":
        return list(statements(segment.kind))
    found: set[str] = set()
    for body in bodies(segment.path, segment.size):
        found |= metric_kinds(body)
        if len(found) == len(METRIC_KINDS):
            break
    return [statement for kind, statement in zip(METRIC_KINDS, statements(segment.kind), strict=True) if kind in found]
