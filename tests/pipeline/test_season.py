"""A nightly batch is an incident until the days before show it; another trouble at that time still is one."""

from datetime import timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import HOUR, Window, utc
from tests.support.traffic import YESTERDAY, Fault, shop

BATCH = Fault(240, 280, slow="orders")
START = YESTERDAY.replace(minute=2)


def test_a_nightly_batch_is_no_incident_once_the_days_before_show_it(database: Database):
    for day in (3, 2, 1, 0):
        start = START - timedelta(days=day)
        other = (Fault(340, 380, fails="stock"),) if day == 0 else ()
        shop(start, 410, per_second=3, faults=(BATCH, *other), seed=day + 1).write(database)
        chain.run(database, None, Window(start.replace(minute=0), start.replace(minute=0) + HOUR))
    rows = database.client.query("SELECT Start, Service FROM incidents ORDER BY Start").result_rows
    found = [((utc(start) - START).days + 3, service) for start, service in rows]
    assert found[0] == (0, "orders"), "never seen before"
    assert found[-1] == (3, "stock"), "another trouble is told"
    assert (3, "orders") not in found and (2, "orders") not in found, "two days have shown it"
    nightly = "SELECT countIf(Verdict = 'anomalous') FROM anomaly_scores WHERE Hour = {hour:DateTime}"
    traces = database.client.query(nightly, {"hour": START.replace(minute=0)}).result_rows[0][0]
    assert traces > 20, "its traces are told all the same"
