"""Two versions of the detector beside each other: each sees and writes its own rows, whatever the other does."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from otel_pipeline.clickhouse import VERSIONED, Database
from otel_pipeline.detection import anomaly_scores, chain, lineage
from otel_pipeline.detection.model import Window
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import compare
from otel_pipeline.settings import Settings
from tests.support.traffic import YESTERDAY, Fault, shop

START = YESTERDAY.replace(minute=56)
DAY = Window(YESTERDAY, YESTERDAY + timedelta(hours=2))
EVERY = " SETTINGS additional_table_filters = {}"


@pytest.fixture
def newer(settings: Settings) -> Iterator[Database]:
    """A connection of version 2."""
    with Database(settings.model_copy(update={"detector_version": "2"})) as db:
        yield db


def judged(db: Database) -> dict[str, tuple[int, str]]:
    """Rows and checksum of the tables that versions share, as the connection sees them."""
    return {row["table"]: (row["rows"], row["checksum"]) for row in lineage.checksums(db) if row["table"] in VERSIONED}


def test_versions_stand_beside_each_other(
    database: Database, newer: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    traffic = shop(START, 330, per_second=4, faults=(Fault(270, 310, fails="stock"),))
    late = [traffic.spans.pop() for _ in range(20)]
    traffic.write(database)
    chain.run(database, None, DAY)
    first = judged(database)
    assert first["incidents"][0] == 1
    assert {rows for rows, _ in judged(newer).values()} == {0}

    monkeypatch.setattr(anomaly_scores, "THRESHOLD", 50.0)  # a version that sees next to nothing
    chain.judge(newer, None, DAY)
    second = judged(newer)
    assert judged(database) == first, "the other version is as it was"
    assert second["anomaly_scores"][0] == first["anomaly_scores"][0]
    assert second["incidents"][0] == 0
    monkeypatch.undo()

    database.insert("otel_traces", late, ["Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "SpanKind",
        "ServiceName", "Duration", "StatusCode", "StatusMessage", "SpanAttributes", "ResourceAttributes"])  # fmt: skip
    chain.run(database, None, DAY, whole=False)
    amended = judged(database)
    assert judged(newer) == second
    chain.run(database, None, DAY)
    assert judged(database) == amended
    with Database(settings, role="reader") as reader:
        assert judged(reader) == amended, "readers follow the setting"
    answer = compare.evaluate(settings, "1", "2")
    assert answer["no_worse"] is None and answer["traces"]["only_new"] == 0 < answer["traces"]["only_old"]
    fault = [["f", "any", "stock", START + timedelta(seconds=270), START + timedelta(seconds=310), "", {}, 1]]
    columns = ["Id", "Scenario", "ServiceName", "StartedAt", "EndedAt", "ExpectedSignature", "Parameters", "Version"]
    database.insert("fault_ledger", fault, columns)
    found = compare.evaluate(settings, "1", "2")
    recall = next(row for row in found["figures"] if row["figure"] == "recall")
    assert (recall["old"], recall["new"], found["no_worse"]) == (1.0, 0.0, False)
    assert compare.evaluate(settings, "2", "1")["no_worse"]
    with pytest.raises(UserError, match="detector 3 has judged nothing here"):
        compare.evaluate(settings, "1", "3")
    every = database.client.query("SELECT Detector, count() FROM anomaly_scores GROUP BY Detector ORDER BY 1" + EVERY)
    assert [version for version, _ in every.result_rows] == ["1", "2"]
