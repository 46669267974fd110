"""Small made-up telemetry, written by SQL: a web service that calls a payment service, with logs; some of it faulty.

Trace and span ids are hashes of the trace's number and second, so that the same call gives the same rows.
"""

from datetime import datetime

from otel_pipeline.clickhouse import Database

TRACES_PER_MINUTE = 120

SPANS = """
INSERT INTO otel_traces (
    Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode, StatusMessage
)
WITH
    toDateTime64({start:DateTime}, 9) + toIntervalMillisecond(number * {step:UInt32}) AS At,
    lower(hex(sipHash128(toString(At)))) AS Trace,
    cityHash64(Trace) AS Chance,
    At >= {faulty_from:DateTime} AND At < {faulty_to:DateTime} AS Faulty,
    toUInt64(3000000 + Chance % 2000000 + if(Faulty, 900000000, 0)) AS Work
SELECT
    At + toIntervalMicrosecond(Span.4), Trace, substring(lower(hex(sipHash64(Trace, Span.1))), 1, 16),
    if(Span.1 = 'GET /pay', '', substring(lower(hex(sipHash64(Trace, 'GET /pay'))), 1, 16)),
    Span.1, Span.2, Span.3, Work + Span.5, if(Faulty, 'Error', 'Unset'), if(Faulty, 'card processor timed out', '')
FROM numbers({count:UInt32})
ARRAY JOIN [('GET /pay', 'Server', 'web', 0, 2000000), ('POST /charge', 'Server', 'payment', 500, 0)] AS Span
"""

LOGS = """
INSERT INTO otel_logs (Timestamp, TraceId, ServiceName, SeverityText, SeverityNumber, Body)
WITH
    toDateTime64({start:DateTime}, 9) + toIntervalMillisecond(number * {step:UInt32}) AS At,
    At >= {faulty_from:DateTime} AND At < {faulty_to:DateTime} AS Faulty
SELECT
    At + toIntervalMillisecond(1), lower(hex(sipHash128(toString(At)))), 'payment',
    if(Faulty, 'ERROR', 'INFO'), if(Faulty, 17, 9),
    if(Faulty, 'card processor timed out after ', 'charged order ') || toString(number)
FROM numbers({count:UInt32})
"""


def fill(db: Database, start: datetime, end: datetime, faulty: tuple[datetime, datetime] | None = None) -> int:
    """Write traces that begin in [start, end), two a second; those in ``faulty`` are slow and failing.

    :returns: number of traces.
    """
    step = 60_000 // TRACES_PER_MINUTE
    count = int((end - start).total_seconds() * 1000) // step
    faulty_from, faulty_to = faulty or (start, start)
    where = {"start": start, "step": step, "count": count, "faulty_from": faulty_from, "faulty_to": faulty_to}
    for statement in (SPANS, LOGS):
        db.client.command(statement, parameters=where)
    return count
