"""With the ledger gone and every fault.* attribute absent, results are the same, row by row and word by word."""

from datetime import timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, lineage
from otel_pipeline.detection.model import Window
from otel_pipeline.evaluation import investigations
from otel_pipeline.evaluation import shop as shop_evaluation
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.text import text
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings
from tests.support.traffic import LINE_COLUMNS, SPAN_COLUMNS, YESTERDAY, Fault, Traffic, shop

START = YESTERDAY
HOUR = Window(START, START + timedelta(hours=1))
FAULT = Fault(240, 290, fails="stock", share=0.7)
AROUND = Window(START + timedelta(seconds=200), START + timedelta(seconds=330))
LEDGER = ("Id", "Scenario", "ServiceName", "StartedAt", "EndedAt", "ExpectedSignature", "Parameters", "Version")


def results(db: Database, traffic: Traffic, told: bool) -> dict[str, Any]:
    """What the pipeline makes of the traffic.

    :param told: whether telemetry and ledger name the fault.
    """

    def attributes(row: list[Any]) -> dict[str, str]:
        offset = (row[0] - START).total_seconds()
        hit = told and FAULT.start <= offset < FAULT.end
        return {"fault.scenario": "pool_exhausted", "fault.service": "stock"} if hit else {}

    spans = [[*row[:10], row[10] | attributes(row), row[11] | attributes(row)] for row in traffic.spans]
    db.insert("otel_traces", spans, SPAN_COLUMNS)
    lines = [[*row, attributes(row), attributes(row)] for row in traffic.lines]
    db.insert("otel_logs", lines, [*LINE_COLUMNS, "LogAttributes", "ResourceAttributes"])
    if told:
        began, ended = (START + timedelta(seconds=s) for s in (FAULT.start, FAULT.end))
        db.insert("fault_ledger", [["1", "pool_exhausted", "stock", began, ended, "", {}, 1]], LEDGER)
    else:
        db.client.command("DROP TABLE fault_ledger")
    chain.run(db, None, HOUR)
    scores = "SELECT * EXCEPT (WrittenAt) FROM anomaly_scores ORDER BY TraceId"
    incidents = "SELECT * EXCEPT (WrittenAt, DetectedAt, PatternId) FROM incidents ORDER BY IncidentId"
    return {
        "scores": db.client.query(scores).result_rows,
        "incidents": db.client.query(incidents).result_rows,
        "investigation": text(investigate(db, AROUND)),
        "summaries": [row["checksum"] for row in lineage.checksums(db) if row["table"] == "trace_summaries"],
    }


def test_results_do_not_depend_on_the_ground_truth(database: Database, settings: Settings):
    traffic = shop(START, 330, faults=(FAULT,))
    told = results(database, traffic, told=True)
    assert [row for row in told["incidents"] if "stock" in row]
    judged = shop_evaluation.evaluate(database)
    assert (judged["incidents"]["recall"], judged["incidents"]["precision"]) == (1.0, 1.0)
    assert judged["incidents"]["rightly_blamed"] == 1.0
    assert judged["faults"][0]["ttd_s"] <= 30
    methods = judged["detect"]["methods"]
    assert methods["this"]["all"]["auc"] > max(methods[name]["all"]["auc"] for name in methods if name != "this") - 0.05
    asked = investigations.evaluate(database, None)
    assert ([row["blamed"] for row in asked["faults"]], asked["right"]) == (["stock"], 1)
    assert asked["calm"] == len(asked["quiet"]) > 0
    assert asked["wolves"] == []
    assert asked["status_checks"] >= 3
    other = settings.model_copy(update={"clickhouse_database": f"{settings.clickhouse_database}_blind"})
    migrate(other)
    with Database(other) as blind:
        try:
            assert results(blind, traffic, told=False) == told
        finally:
            blind.client.command(f"DROP DATABASE {other.clickhouse_database} SYNC")
