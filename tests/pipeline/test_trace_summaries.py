"""Trace features, span by span."""

from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates, trace_summaries
from tests.support.traffic import MS, YESTERDAY, Traffic, line, span

HOUR = YESTERDAY
AT = HOUR + timedelta(minutes=5)


def at(ms: float) -> datetime:
    """That many milliseconds after the trace began."""
    return AT + timedelta(milliseconds=ms)


def summary(db: Database, traffic: Traffic, now: datetime | None = None) -> dict[str, Any]:
    """The one summary of the traffic."""
    traffic.write(db)
    log_templates.materialize(db, HOUR)
    trace_summaries.materialize(db, HOUR, now=now)
    (row,) = db.client.query("SELECT * FROM trace_summaries").named_results()
    return row


def own_work(row: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Milliseconds of own work by service and operation."""
    return {
        (service, operation): ns / MS
        for service, operation, ns in zip(row["Self.Service"], row["Self.Operation"], row["Self.Ns"], strict=True)
    }


def test_own_work_is_the_duration_minus_the_union_of_the_children(database: Database):
    traffic = Traffic()
    root = {"trace": "t", "parent": "", "service": "a"}
    span(traffic, **root, name="1", start=at(0), ms=100, operation="GET /", kind="Server")
    child = {"trace": "t", "parent": "1", "service": "a"}
    span(traffic, **child, name="2", start=at(10), ms=40, operation="load")
    span(traffic, **child, name="3", start=at(30), ms=40, operation="load")  # overlaps by 20 ms
    span(traffic, **child, name="4", start=at(90), ms=50, operation="late")  # lasts longer than its parent
    row = summary(database, traffic)
    assert own_work(row) == {("a", "GET /"): 30, ("a", "load"): 80, ("a", "late"): 50}
    assert row["Shape"].splitlines() == ["a:GET /", "a:GET / > a:late", "a:GET / > a:load xN"]
    assert row["span_sequence"] == "a:GET / -> a:load -> a:late"
    assert (row["Complete"], row["SpanCount"], row["Duration"]) == (True, 4, 100 * MS)


def test_a_call_is_the_wire_and_its_excess_a_gap(database: Database):
    traffic = Traffic()
    span(
        traffic,
        trace="t",
        parent="",
        name="1",
        start=at(0),
        ms=100,
        service="a",
        operation="GET /",
        kind="SPAN_KIND_SERVER",
    )
    span(
        traffic,
        trace="t",
        parent="1",
        name="2",
        start=at(10),
        ms=80,
        service="a",
        operation="GET",
        kind="SPAN_KIND_CLIENT",
    )
    # The clock of b is two seconds off; the call fits into its caller's.
    span(
        traffic,
        trace="t",
        parent="2",
        name="3",
        start=at(2000),
        ms=50,
        service="b",
        operation="GET /b",
        kind="SPAN_KIND_SERVER",
    )
    row = summary(database, traffic)
    assert own_work(row) == {("a", "GET /"): 20, ("b", "GET /b"): 50}
    assert (row["Edge.Caller"], row["Edge.Callee"], row["Edge.GapNs"]) == (["a"], ["b"], [30 * MS])


def test_without_a_span_for_the_calling_side_the_server_works_and_no_gap_is_known(database: Database):
    traffic = Traffic()
    root = {"trace": "t", "parent": "", "service": "a"}
    span(traffic, **root, name="1", start=at(0), ms=100, operation="GET /", kind="Server")
    child = {"trace": "t", "parent": "1", "service": "b"}
    span(traffic, **child, name="2", start=at(60), ms=30, operation="GET /b", kind="Server")
    row = summary(database, traffic)
    assert own_work(row) == {("a", "GET /"): 70, ("b", "GET /b"): 30}
    assert (row["Edge.Callee"], row["Edge.GapNs"]) == (["b"], [0])


def test_a_caller_that_gave_up_is_told_from_a_callee_that_failed(database: Database):
    traffic = Traffic()
    span(
        traffic,
        trace="t",
        parent="",
        name="1",
        start=at(0),
        ms=110,
        service="a",
        operation="GET /",
        kind="Server",
        error="504",
    )
    span(
        traffic,
        trace="t",
        parent="1",
        name="2",
        start=at(5),
        ms=100,
        service="a",
        operation="GET",
        kind="Client",
        error="ReadTimeout",
    )
    span(traffic, trace="t", parent="2", name="3", start=at(6), ms=900, service="b", operation="GET /b", kind="Server")
    row = summary(database, traffic)
    errors = zip(row["Error.Operation"], row["Error.Origin"], row["Error.Peer"], strict=True)
    assert sorted(errors) == [("GET", True, "b"), ("GET /", False, "")]
    assert row["Edge.Outlived"] == [1]
    assert own_work(row)["b", "GET /b"] == 900


def test_old_spellings_and_server_errors_without_a_status_count_as_failures(database: Database):
    traffic = Traffic()
    server = {"trace": "t", "service": "a", "start": at(0), "ms": 10, "kind": "SPAN_KIND_SERVER"}
    span(traffic, **server, parent="", name="1", operation="GET /", attributes={"http.response.status_code": "503"})
    span(traffic, **server, parent="1", name="2", operation="GET /x", error="boom 17")
    traffic.spans[1][8] = "STATUS_CODE_ERROR"
    row = summary(database, traffic)
    assert row["ErrorCount"] == 2
    assert sorted(zip(row["Error.Type"], row["Error.Message"], strict=True)) == [("503", ""), ("boom 17", "boom <*>")]


def test_ids_in_names_make_no_shapes_of_their_own(database: Database):
    traffic = Traffic()
    root = {"trace": "t", "parent": "", "start": at(0), "ms": 5, "service": "a"}
    span(traffic, **root, name="1", operation="GET /orders/4711/items/0c9d64ab-1b1f-4c42-8a3e-0d4b5c9f7a10")
    assert summary(database, traffic)["RootOperation"] == "GET /orders/<*>/items/<*>"


def test_a_trace_without_its_root_is_partial_while_the_root_may_come(database: Database):
    traffic, soon = Traffic(), AT + timedelta(seconds=20)
    span(traffic, trace="t", parent="1", name="2", start=at(1), ms=5, service="b", operation="GET /b", kind="Server")
    row = summary(database, traffic, now=soon)
    assert (row["Complete"], row["DueAt"] > soon.replace(tzinfo=None)) == (False, True)
    late = Traffic()
    span(late, trace="t", parent="", name="1", start=at(0), ms=9, service="a", operation="GET /", kind="Server")
    row = summary(database, late, now=soon)
    assert (row["Complete"], row["RootService"], row["DueAt"].year) == (True, "a", 1970)


def test_spans_that_were_delivered_twice_count_once(database: Database):
    traffic = Traffic()
    span(traffic, trace="t", parent="", name="1", start=at(0), ms=9, service="a", operation="GET /", kind="Server")
    traffic.spans *= 2
    assert summary(database, traffic)["SpanCount"] == 1


def test_a_trace_belongs_to_the_hour_of_its_first_span(database: Database):
    begin = HOUR + timedelta(minutes=59, seconds=59, milliseconds=900)
    traffic = Traffic()
    root = {"trace": "t", "service": "a", "kind": "Server"}
    span(traffic, **root, parent="", name="1", start=begin, ms=400, operation="GET /")
    span(traffic, **root, parent="1", name="2", start=begin + timedelta(milliseconds=200), ms=9, operation="GET /x")
    row = summary(database, traffic)
    trace_summaries.materialize(database, HOUR + timedelta(hours=1))
    assert (row["SpanCount"], row["Complete"]) == (2, True)
    assert database.client.query("SELECT count() FROM trace_summaries").result_rows == [(1,)]


def test_log_templates_and_versions_of_each_service_are_kept(database: Database):
    traffic = Traffic()
    root = {"trace": "t", "parent": "", "start": at(0), "ms": 5, "service": "a", "version": "2.1"}
    span(traffic, **root, name="1", operation="GET /")
    line(traffic, "t", "1", at(1), "a", "took 17 ms")
    line(traffic, "t", "1", at(2), "a", "took 18 ms")
    line(traffic, "other", "9", at(2), "a", "of another trace")
    row = summary(database, traffic)
    assert (row["Template.Service"], row["Template.Count"], row["Versions"]) == (["a"], [2], {"a": "2.1"})
