"""As much telemetry as wanted, in the shapes of real traces: recorded ones, again and again, at times of their own.

The traces are those of a folder in the form that ``otel-pipeline evaluate`` takes. A copy has ids of its own and begins
anywhere in the window; within it, spans and lines lie as they were recorded, with every duration stretched a little.
"""

from datetime import datetime
from pathlib import Path
from string import Template

from otel_pipeline import importer
from otel_pipeline.clickhouse import Database
from otel_pipeline.evaluation.labelled import read
from otel_pipeline.settings import REPOSITORY

RECORDED = REPOSITORY.parent / "shared" / "data" / "nezha_trainticket_2023-01-29"
SEED = Template("""
CREATE TABLE seed_$kind ENGINE = MergeTree ORDER BY Chance AS
SELECT t.*, s.First AS First, cityHash64(t.TraceId) AS Chance
FROM otel_$kind AS t
INNER JOIN (SELECT TraceId, min(Timestamp) AS First FROM otel_traces WHERE TraceId != '' GROUP BY TraceId) AS s
    ON t.TraceId = s.TraceId
""")
COPY = Template("""
INSERT INTO otel_$kind ($columns)
WITH
    cityHash64(TraceId, Copy, {salt:UInt64}) AS Dice,
    toInt64({begin:Int64} + Dice % {length:UInt64}) AS Begin
SELECT $values
FROM seed_$kind
ARRAY JOIN range({copies:UInt32}) AS Copy
WHERE Chance <= {reach:UInt64} AND (Copy + 1 < {copies:UInt32} OR Chance <= {most:UInt64})
SETTINGS max_block_size = {block:UInt64}
""")
MANY_SHAPES = """
INSERT INTO otel_traces
    (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode)
WITH
    cityHash64(number) AS Dice,
    if(Dice % 2 = 0, Dice % 10, 10 + intDiv(Dice, 2) % {shapes:UInt64}) AS Shape
SELECT
    fromUnixTimestamp64Nano(toInt64({begin:Int64} + Dice % {length:UInt64} + Place * 1000000)),
    lower(hex(sipHash128(number))),
    lower(hex(sipHash64(number, Place))),
    if(Place = 0, '', lower(hex(sipHash64(number, intDiv(Place - 1, 2))))),
    concat('operation ', char(97 + intDiv(Shape, toUInt64(exp2(3 * Place))) % 8)), -- numbers would be masked
    if(Place = 0, 'Server', 'Internal'),
    concat('service ', char(97 + Place)),
    toUInt64((8 - Place) * 1000000 * (0.9 + Dice % 1000 / 5000)),
    'Ok'
FROM numbers({traces:UInt64})
ARRAY JOIN range(8) AS Place
"""
SPANS = 8  # of such a trace
BLOCK = 65_536  # rows that the engine copies at a time
ALL = 2**64 - 1
COLUMNS = {
    "traces": "Timestamp TraceId SpanId ParentSpanId SpanName SpanKind ServiceName ResourceAttributes SpanAttributes"
    " Duration StatusCode StatusMessage",
    "logs": "Timestamp TraceId SpanId SeverityText SeverityNumber ServiceName Body ResourceAttributes",
}
VALUES = {
    "Timestamp": "fromUnixTimestamp64Nano(Begin + toUnixTimestamp64Nano(Timestamp) - toUnixTimestamp64Nano(First))",
    "TraceId": "lower(hex(sipHash128(TraceId, Copy, {salt:UInt64})))",
    "Duration": "toUInt64(Duration * (0.9 + Dice % 1000 / 5000))",
}


def seed(db: Database, folder: Path = RECORDED) -> int:
    """Import the recorded traces, keep them aside, and empty the raw tables.

    :returns: spans of the recording.
    """
    importer.run(db, read(folder).files)
    for kind in COLUMNS:
        db.client.command(SEED.substitute(kind=kind))
    clear(db)
    return db.client.query("SELECT count() FROM seed_traces").result_rows[0][0]


def clear(db: Database) -> None:
    """Empty the raw tables, and what counts their rows."""
    for table in ("otel_traces", "otel_logs", "otel_traces_trace_id_ts", "raw_arrivals", "lineage_state"):
        db.client.command(f"TRUNCATE TABLE {table}")


def write(db: Database, start: datetime, seconds: float, spans: int, *, salt: int = 0) -> None:
    """Write about so many spans, and the lines of their traces, that begin within the seconds after ``start``.

    :param salt: another one gives other traces.
    """
    recorded = db.client.query("SELECT count() FROM seed_traces").result_rows[0][0]
    copies = -(-spans // recorded)
    most = int((spans - (copies - 1) * recorded) / recorded * ALL)
    where = {
        "begin": int(start.timestamp() * 1e9),
        "length": int(seconds * 1e9),
        "copies": copies,
        "most": most,
        "reach": most if copies == 1 else ALL,  # a few seconds of traffic need not read the whole recording
        "block": max(1, BLOCK // copies),
        "salt": salt,
    }
    for kind, columns in COLUMNS.items():
        values = ", ".join(VALUES.get(name, name) for name in columns.split())
        statement = COPY.substitute(kind=kind, columns=", ".join(columns.split()), values=values)
        db.client.command(statement, parameters=where)


def write_shapes(db: Database, start: datetime, seconds: float, spans: int, shapes: int) -> None:
    """Write traces of eight spans that begin within the seconds after ``start``: one half has one of ten shapes, the
    other one of ``shapes`` rare ones, made of operations that are not rare.
    """
    where = {"begin": int(start.timestamp() * 1e9), "length": int(seconds * 1e9), "shapes": shapes}
    db.client.command(MANY_SHAPES, parameters={**where, "traces": spans // SPANS})
