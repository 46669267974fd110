"""Late rows of hours long past: next to nothing of them moves no baseline, much of them does."""

from datetime import timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, lineage, normal_centroid
from otel_pipeline.detection.model import Window
from tests.support import telemetry
from tests.support.traffic import YESTERDAY

HOURS = Window(YESTERDAY, YESTERDAY + timedelta(hours=1))
ONE = """
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, Duration)
SELECT {at:DateTime}, repeat('ab', 16), repeat('cd', 8), 'GET /pay', 'Server', 'web', 5
"""


def learned(db: Database) -> list[tuple]:
    """The baseline versions, and when each was learned."""
    sql = (
        "SELECT BaselineVersion, max(WrittenAt) FROM normal_centroids GROUP BY BaselineVersion ORDER BY BaselineVersion"
    )
    return list(db.client.query(sql).result_rows)


def test_a_single_late_span_relearns_nothing_and_can_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal_centroid, "CHEAP", 1000)
    telemetry.fill(database, YESTERDAY, YESTERDAY + timedelta(minutes=20))
    chain.run(database, None, HOURS)
    before = learned(database)
    assert before
    database.client.command(ONE, parameters={"at": YESTERDAY + timedelta(minutes=15)})
    assert lineage.dirt(database, HOURS) == {YESTERDAY: True}
    chain.run(database, None, HOURS, whole=False)
    assert learned(database) == before
    assert lineage.dirt(database, HOURS) == {}
    sql = "SELECT count() FROM anomaly_scores WHERE TraceId = repeat('ab', 16)"
    assert database.client.query(sql).result_rows == [(1,)], "it is judged all the same"


def test_much_that_is_late_is_learned_and_does_not_wait(database: Database) -> None:
    telemetry.fill(database, YESTERDAY, YESTERDAY + timedelta(minutes=20))
    chain.run(database, None, HOURS)
    before = learned(database)
    telemetry.fill(database, YESTERDAY + timedelta(minutes=1, milliseconds=7), YESTERDAY + timedelta(minutes=9))
    assert lineage.dirt(database, HOURS) == {YESTERDAY: False}
    chain.run(database, None, HOURS, whole=False)
    assert learned(database) != before
