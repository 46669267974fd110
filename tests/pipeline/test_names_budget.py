"""Names made up with each span: put together, counted, and never in the way of what is known."""

from datetime import timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, lineage, names, trace_summaries
from otel_pipeline.detection.model import Window
from tests.support import telemetry
from tests.support.traffic import YESTERDAY

BOMB = """
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, Duration)
WITH toString({seed:UInt32}) AS Seed
SELECT
    {at:DateTime} + INTERVAL number MILLISECOND, lower(hex(sipHash128(Seed, number))), lower(hex(number)),
    'op ' || Seed || toString(number), 'Server', 'svc ' || Seed || '-' || toString(number % 2500), 5
FROM numbers(5000)
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, value in (("SERVICES", 40), ("OPERATIONS_OF_ONE", 30), ("NAMES", 200)):
        monkeypatch.setattr(names, limit, value)


def used(db: Database) -> tuple[int, int]:
    """Services, and operations of them, in the summaries of the hour."""
    return db.client.query(
        "SELECT uniqExact(Service), uniqExact(Service, Operation) FROM trace_summaries"
        " ARRAY JOIN `Self.Service` AS Service, `Self.Operation` AS Operation WHERE Hour = {hour:DateTime}",
        {"hour": YESTERDAY},
    ).result_rows[0]


def traces(db: Database, service: str) -> int:
    sql = "SELECT count() FROM trace_summaries WHERE RootService = {service:String} AND Hour = {hour:DateTime}"
    return db.client.query(sql, {"service": service, "hour": YESTERDAY}).result_rows[0][0]


@pytest.mark.parametrize("whole", [True, False])
def test_a_bomb_of_names_is_put_together_and_what_is_known_stays(database: Database, whole: bool) -> None:
    before = YESTERDAY - timedelta(hours=1)
    telemetry.fill(database, before, before + timedelta(minutes=5))
    chain.run(database, None, Window(before, YESTERDAY))
    for seed in range(3):
        database.client.command(BOMB, parameters={"at": YESTERDAY, "seed": seed})
        trace_summaries.materialize(database, YESTERDAY, whole=whole)
        lineage.record(database, YESTERDAY, lineage.arrived(database, YESTERDAY))
    telemetry.fill(database, YESTERDAY + timedelta(minutes=30), YESTERDAY + timedelta(minutes=35))
    report = trace_summaries.materialize(database, YESTERDAY, whole=whole)
    assert report.metrics["traces_with_other_names"] > 10_000, "told"
    services, operations = used(database)
    assert services <= 3 * 41 and operations <= 3 * 241
    assert traces(database, "web") == 600, "the honest ones came last, and have their names"
    sql = "SELECT count(), uniqExact(ServiceName) FROM otel_traces WHERE startsWith(ServiceName, 'svc')"
    assert database.client.query(sql).result_rows == [(15_000, 7500)], "the raw table has every name"
    assert traces(database, names.OTHER) > 10_000


def test_within_the_budget_nothing_is_touched(database: Database) -> None:
    telemetry.fill(database, YESTERDAY, YESTERDAY + timedelta(minutes=5))
    trace_summaries.materialize(database, YESTERDAY)
    assert traces(database, "web") == 600
    assert traces(database, names.OTHER) == 0
