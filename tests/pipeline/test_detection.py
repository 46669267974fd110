"""The lineage from raw rows to incidents and memory, on made-up traffic."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, lineage, memory, reviews
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.text import text
from tests.support.traffic import YESTERDAY, Fault, Traffic, shop, span

START = YESTERDAY.replace(minute=2)
DAY = Window(START - timedelta(hours=1), START + timedelta(hours=3))
FAULTS = (Fault(240, 290, fails="stock", share=0.7), Fault(350, 400, slow="orders"))


def incidents(db: Database) -> list[dict[str, Any]]:
    """All incidents."""
    return list(db.client.query("SELECT * FROM incidents ORDER BY Start").named_results())


def checksums(db: Database) -> dict[str, str]:
    """Checksum by table."""
    return {row["table"]: row["checksum"] for row in lineage.checksums(db)}


def seconds(instant: datetime) -> float:
    """Seconds since the traffic began."""
    return (utc(instant) - START).total_seconds()


def test_faults_are_found_and_blamed_and_quiet_times_are_not(database: Database):
    shop(START, 480, faults=FAULTS).write(database)
    chain.run(database, None, DAY)
    found = incidents(database)
    assert [row["Service"] for row in found] == ["stock", "orders"]
    for row, fault in zip(found, FAULTS, strict=True):
        assert fault.start - 5 <= seconds(row["Start"]) <= fault.start + 10
        assert fault.end - 10 <= seconds(row["End"]) <= fault.end + 10
    assert "ValueError" in found[0]["Title"]
    assert "slow" in found[1]["Title"]
    verdicts = database.client.query("SELECT Verdict, count() FROM anomaly_scores GROUP BY Verdict").result_rows
    assert dict(verdicts)["no_baseline"] >= 590


def test_a_milder_slowness_is_found(database: Database):
    traffic = shop(START, 480, per_second=6, faults=(Fault(300, 350, slow="orders"),))
    for row in traffic.spans:  # thirty times as slow becomes twice
        began = (row[0] - START).total_seconds()
        if 300 <= began < 351 and row[6] == "orders" and row[5] == "Server":
            row[7] = min(row[7], 40_000_000)
    traffic.write(database)
    chain.run(database, None, DAY)
    assert {row["Service"] for row in incidents(database)} == {"orders"}


def test_no_trace_is_judged_by_what_came_after_it(database: Database):
    shop(START, 300).write(database)
    chain.run(database, None, DAY)
    judged = "Verdict IN ('normal', 'anomalous')"
    assert database.client.query(f"SELECT count() FROM anomaly_scores WHERE {judged}").result_rows[0][0] > 500
    late = f"SELECT count() FROM anomaly_scores WHERE {judged} AND Timestamp < BaselineVersion"
    assert database.client.query(late).result_rows == [(0,)]


def test_false_alarms_are_about_as_many_as_promised(database: Database):
    shop(START, 900, per_second=6).write(database)
    chain.run(database, None, DAY)
    query = "SELECT countIf(Verdict = 'anomalous'), countIf(Verdict IN ('normal', 'anomalous')) FROM anomaly_scores"
    alarms, judged = database.client.query(query).result_rows[0]
    assert judged > 4000
    assert alarms / judged < 0.015
    assert incidents(database) == []


def test_materializing_again_gives_the_same_tables(database: Database):
    # Across an hour, so that an incident goes on in the next one.
    start = START.replace(minute=54)
    shop(start, 600, faults=(Fault(335, 385, fails="stock"),)).write(database)
    chain.run(database, None, DAY)
    first = checksums(database)
    (incident,) = incidents(database)
    assert utc(incident["Start"]).hour < utc(incident["End"]).hour
    chain.run(database, None, DAY)
    assert checksums(database) == first


def test_the_ledger_of_injected_faults_is_not_looked_at(database: Database):
    shop(START, 330, faults=FAULTS[:1]).write(database)
    chain.run(database, None, DAY)
    first = checksums(database)
    database.client.command("DROP TABLE fault_ledger")
    chain.run(database, None, DAY)
    assert checksums(database) == first


def test_late_spans_make_an_hour_dirty_and_score_anew(database: Database):
    traffic = shop(START, 200)
    held = [row for row in traffic.spans if row[3] == "" and row[1].endswith("a")]
    traffic.spans = [row for row in traffic.spans if row not in held]
    traffic.write(database)
    hour = START.replace(minute=0)
    assert lineage.dirty_hours(database, DAY) == [hour]
    chain.run(database, None, DAY)
    assert lineage.dirty_hours(database, DAY) == []
    rootless = "SELECT countIf(RootOperation = 'GET') FROM anomaly_scores"
    assert database.client.query(rootless).result_rows == [(len(held),)]
    Traffic(spans=held).write(database)
    assert lineage.dirty_hours(database, DAY) == [hour]
    chain.run(database, None, DAY)
    assert database.client.query(rootless).result_rows == [(0,)]


def test_a_loud_job_that_nobody_asked_for_is_no_incident(database: Database):
    traffic = shop(START, 420)
    for number in range(1200):
        begin = START + timedelta(seconds=number * 0.35)
        error = "ConnectError: bookkeeping is gone" if number > 900 else ""
        job = {"trace": f"job{number:029x}", "name": f"j{number}", "parent": "", "ms": 4}
        span(traffic, **job, start=begin, service="orders", operation="export", kind="Internal", error=error)
    traffic.write(database)
    chain.run(database, None, DAY)
    loud = "SELECT countIf(Verdict = 'anomalous') FROM anomaly_scores WHERE RootKind = 'Internal'"
    assert database.client.query(loud).result_rows[0][0] > 100
    assert incidents(database) == []


def test_memory_notes_an_incident_once_and_recalls_what_people_said(database: Database):
    faults = (Fault(240, 280, fails="stock"), Fault(360, 400, fails="stock"))
    shop(START, 460, faults=faults).write(database)
    chain.run(database, None, DAY)
    (pattern,) = memory.read(database)
    assert (pattern.Status, pattern.service_name, pattern.occurrence_count) == ("suspected", "stock", 2)
    window = Window(START + timedelta(seconds=350), START + timedelta(seconds=410))
    assert [known.remedy for known in investigate(database, window).known] == [""]
    reviews.confirm(database, str(pattern.pattern_id)[:8], "bad release", "roll back", who="kim")
    chain.run(database, None, DAY)
    (known,) = investigate(database, window).known
    assert (known.remedy, known.status, known.occurrences) == ("roll back", "confirmed", 2)
    actions = [row["Action"] for row in database.rows("error_patterns__history", pattern=pattern.pattern_id)]
    assert actions == ["noted", "seen", "resolved"]
    with pytest.raises(UserError, match="no pattern"):
        memory.find(database, "ffffffff")


def test_an_investigation_tells_the_cause_from_the_victims(database: Database):
    shop(START, 330, faults=FAULTS[:1]).write(database)
    chain.run(database, None, DAY)
    found = investigate(database, Window(START + timedelta(seconds=200), START + timedelta(seconds=330)))
    assert (found.verdict, found.causes[0].service, found.path) == ("trouble", "stock", ["edge", "orders", "stock"])
    assert {out.service for out in found.affected} == {"edge", "orders"}, "they fail, too: not ruled out, but affected"
    assert not found.ruled_out
    assert any(change.kind == "new log line" and change.service == "stock" for change in found.changes)
    assert found.examples
    assert "ValueError" in text(found)


def test_nothing_abnormal_and_not_enough_evidence_are_answers(database: Database):
    shop(START, 330).write(database)
    chain.run(database, None, DAY)
    quiet = investigate(database, Window(START + timedelta(seconds=240), START + timedelta(seconds=300)))
    first = investigate(database, Window(START, START + timedelta(seconds=30)))
    future = investigate(database, Window(datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 1, 2, tzinfo=UTC)))
    assert (quiet.verdict, quiet.causes) == ("nothing abnormal", [])
    assert first.verdict == "not enough evidence"
    assert future.verdict == "no data"


def test_an_hour_without_rows_leaves_nothing_behind(database: Database):
    assert chain.run(database, None, DAY) == []
    for step in chain.run_hour(database, None, START.replace(minute=0)):
        assert step.report.rows == 0
    tables = database.client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows
    assert not [name for (name,) in tables if name.startswith("staging_")]
