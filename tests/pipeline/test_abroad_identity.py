"""Systems that are told otherwise than ours: what identifies a span, a trace, a service, a request and a failure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, lineage, trace_summaries
from otel_pipeline.detection.model import HOUR, Window
from tests.support.spans import Recorder
from tests.support.traffic import YESTERDAY

START = YESTERDAY + timedelta(minutes=2)
NOON = Window(YESTERDAY, YESTERDAY + HOUR)
SECONDS, BAD = 480, (380, 450)  # of traffic; of which seconds are bad
MS = 1_000_000


def rows(db: Database, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in db.client.query(query).result_rows]


def summaries(db: Database, record: Recorder, *hours: datetime) -> list[dict[str, Any]]:
    """Summaries of what was recorded, one a trace."""
    record.write(db)
    for hour in hours or (YESTERDAY,):
        trace_summaries.materialize(db, hour)
    return list(db.client.query("SELECT * FROM trace_summaries ORDER BY Timestamp, TraceId").named_results())


def edges(row: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Milliseconds of the gap by caller and callee."""
    return {
        (caller, callee): ns / MS
        for caller, callee, ns in zip(row["Edge.Caller"], row["Edge.Callee"], row["Edge.GapNs"], strict=True)
    }


def incidents(db: Database) -> list[tuple[str, list[str]]]:
    """Whom each incident is blamed on, and what it affects."""
    return rows(db, "SELECT Service, Operations FROM incidents ORDER BY Start")


def is_bad(at: float) -> bool:
    return BAD[0] * 1000 <= at < BAD[1] * 1000


def buy(
    record: Recorder,
    at: float,
    *,
    fault: bool = False,
    parent: str = "",
    skew: float = 0,
    slow: float = 1,
    resource: dict[str, str] | None = None,
    service: str = "front",
    operation: str = "POST /buy",
    kind: str = "Server",
) -> str:
    """One purchase: front > cart > bank, which is slow and fails where there is a fault."""
    trace = record.trace()
    bank = record.about(12) * slow + (400 if fault else 0)
    cart, error = bank + record.about(8) * slow, "declined" if fault else ""
    about: dict[str, Any] = {"resource": resource, "error": error and "upstream failed"}
    top = record.span(trace, service, operation, at, cart + record.about(9), kind=kind, parent=parent, **about)
    call = record.span(trace, service, "call cart", at + 1, cart + 2, kind="Client", parent=top, **about)
    cart_span = record.span(trace, "cart", "add", at + 2 + skew, cart, parent=call, **about)
    ask = record.span(trace, "cart", "call bank", at + 3 + skew, bank + 2, kind="Client", parent=cart_span, **about)
    record.span(trace, "bank", "charge", at + 4 + skew, bank, parent=ask, error=error, resource=resource)
    return trace


def zipkin(record: Recorder, at: float, trace: str, *, fault: bool = False, second: str = "Server") -> None:
    """A call whose both sides have one id."""
    top, both = record.id(), record.id()
    ms = record.about(12) + (300 if fault else 0)
    error = "lock wait timeout" if fault else ""
    record.span(trace, "app", "GET /items", at, ms + 9, id=top, error=error and "failed")
    record.span(trace, "app", "GET", at + 1, ms + 2, id=both, parent=top, kind="Client", error=error and "failed")
    record.span(trace, "store", "GET /v1/items", at + 2, ms, id=both, parent=top, kind=second, error=error)
    record.span(trace, "store", "SELECT", at + 3, ms / 2, parent=both, kind="Client")


# Names.


@pytest.mark.parametrize("name", ["", " "])
def test_a_service_without_a_name_is_a_service_like_another(database: Database, name: str):
    record = Recorder(START)
    record.every(2, SECONDS, lambda at: buy(record, at, fault=is_bad(at)))
    record.every(1.5, SECONDS, lambda at: record.span(record.trace(), name, "tick", at, record.about(3)))
    record.write(database)
    chain.run(database, None, NOON)
    assert rows(database, "SELECT count() - uniqExact(TraceId) FROM anomaly_scores") == [(0,)]
    assert [service for service, _ in incidents(database)] == ["bank"]
    known = f"SELECT uniqExact(Verdict) FROM anomaly_scores WHERE RootService = '{name}' AND Verdict = 'normal'"
    assert rows(database, known) == [(1,)]
    calibrations = "SELECT count(), uniqExact(BaselineVersion) FROM normal_centroids WHERE Holds = 'calibration'"
    ((count, versions),) = rows(database, calibrations)
    assert count == versions


def test_a_service_without_a_name_that_calls_and_is_called_has_its_edges(database: Database):
    record = Recorder(START)
    top = record.span("a" * 32, "front", "GET /", 0, 30)
    call = record.span("a" * 32, "front", "GET", 1, 20, kind="Client", parent=top)
    inner = record.span("a" * 32, "", "", 2, 15, parent=call)
    ask = record.span("a" * 32, "", "ask", 3, 10, kind="Client", parent=inner)
    record.span("a" * 32, "end", "answer", 4, 5, parent=ask)
    (row,) = summaries(database, record)
    assert edges(row) == {("front", ""): 5, ("", "end"): 5}
    assert ":ask > end:answer" in row["Shape"].splitlines()


# Ids of spans.


def test_both_sides_of_a_call_that_share_an_id_are_told_apart(database: Database):
    record = Recorder(START)
    record.every(2.5, SECONDS, lambda at: zipkin(record, at, record.trace(), fault=is_bad(at)))
    spans = len(record.spans)
    record.write(database)
    chain.run(database, None, NOON)
    assert rows(database, "SELECT sum(SpanCount), countIf(NOT Complete) FROM trace_summaries") == [(spans, 0)]
    assert [service for service, _ in incidents(database)] == ["store"]


@pytest.mark.parametrize(
    ("outer", "inner"), [("Client", "Server"), ("Internal", "Server"), ("Server", "Server"), ("Producer", "Consumer")]
)
def test_of_spans_that_share_an_id_the_inner_one_is_the_child(database: Database, outer: str, inner: str):
    record, trace = Recorder(START), "b" * 32
    top = record.span(trace, "app", "GET /", 0, 100)
    both = record.id()
    record.span(trace, "store", "serve", 6, 70, id=both, parent=top, kind=inner)
    record.span(trace, "app", "call", 5, 80, id=both, parent=top, kind=outer)
    record.span(trace, "store", "SELECT", 7, 20, parent=both, kind="Client")
    record.span(trace, "app", "sign", 5, 1, parent=both, kind="Internal")
    (row,) = summaries(database, record)
    assert row["Shape"].splitlines() == [
        *("app:GET /", "app:GET / > app:call", "app:call > app:sign", "app:call > store:serve"),
        "store:serve > store:SELECT",
    ]
    assert (row["SpanCount"], row["Complete"], row["RootOperation"]) == (5, True, "GET /")


def test_a_root_whose_callee_shares_its_id_is_the_one_root(database: Database):
    record, trace = Recorder(START), "c" * 32
    both = record.span(trace, "phone", "open", 0, 90, kind="Client")
    record.span(trace, "app", "GET /", -3_000_000, 80, id=both)
    (row,) = summaries(database, record, YESTERDAY - HOUR, YESTERDAY)
    assert (row["RootService"], row["Complete"], edges(row)) == ("phone", True, {("phone", "app"): 10})


def test_a_span_that_names_itself_as_its_parent_is_a_root_or_the_inner_one_of_two(database: Database):
    record = Recorder(START)
    one = record.id()
    record.span("1" * 32, "app", "GET /", 0, 50, id=one, parent=one)
    two = record.span("2" * 32, "app", "GET", 1000, 50, kind="Client")
    record.span("2" * 32, "store", "serve", 1001, 40, id=two, parent=two)
    first, second = summaries(database, record)
    assert (first["RootService"], first["Complete"]) == ("app", True)
    assert (second["RootOperation"], second["Complete"], edges(second)) == ("GET", True, {("app", "store"): 10})


# Parents that do not report.


def test_a_trace_that_began_elsewhere_is_judged(database: Database):
    record = Recorder(START)
    record.every(2.5, SECONDS, lambda at: buy(record, at, fault=is_bad(at), parent=record.id()))
    record.write(database)
    chain.run(database, None, NOON)
    assert rows(
        database, "SELECT countIf(Verdict = 'partial'), countIf(Verdict = 'normal') > 300 FROM anomaly_scores"
    ) == [(0, 1)]
    assert [service for service, _ in incidents(database)] == ["bank"]


@pytest.mark.parametrize("kinds", [("Server", "Server"), ("Consumer", "Server"), ("Unspecified", "Unspecified")])
def test_a_part_that_does_not_report_makes_no_trace_partial(database: Database, kinds: Sequence[str]):
    record, trace = Recorder(START), "d" * 32
    top = record.span(trace, "app", "GET /", 0, 100, kind=kinds[0])
    record.span(trace, "app", "GET", 5, 80, parent=top, kind="Client" if "Server" in kinds else kinds[0])
    record.span(trace, "far", "serve", 10, 50, parent=record.id(), kind=kinds[1])  # by way of one that does not report
    (row,) = summaries(database, record)
    assert (row["Complete"], row["RootService"], row["Duration"]) == (True, "app", 100 * MS)


def test_a_trace_that_lost_an_inner_span_stays_partial(database: Database):
    record, trace = Recorder(START), "e" * 32
    record.span(trace, "app", "GET /", 0, 100)
    record.span(trace, "app", "SELECT", 5, 80, parent=record.id(), kind="Client")
    (row,) = summaries(database, record)
    assert not row["Complete"]


def test_a_young_trace_waits_for_its_caller_and_is_looked_at_again_though_nothing_comes(database: Database):
    record, trace = Recorder(START), "f" * 32
    record.span(trace, "app", "GET /", 0, 100, parent=record.id())
    record.write(database)
    soon, later = START + timedelta(seconds=30), START + timedelta(seconds=90)
    arrived = lineage.arrived(database, YESTERDAY)
    trace_summaries.materialize(database, YESTERDAY, now=soon)
    lineage.record(database, YESTERDAY, arrived)
    complete = "SELECT Complete FROM trace_summaries"
    assert rows(database, complete) == [(False,)]
    assert lineage.dirty_hours(database, NOON, soon) == []
    assert lineage.dirty_hours(database, NOON, later) == [YESTERDAY]
    trace_summaries.materialize(database, YESTERDAY, whole=False, now=later)
    assert rows(database, complete) == [(True,)]
    assert lineage.dirty_hours(database, NOON, later) == []


# Environments.


@pytest.mark.parametrize("key", ["deployment.environment.name", "deployment.environment", "service.namespace"])
def test_environments_of_one_name_have_baselines_of_their_own(database: Database, key: str):
    record = Recorder(START)
    record.every(2.5, SECONDS, lambda at: buy(record, at, slow=4 if is_bad(at) else 1, resource={key: "live"}))
    record.every(1, SECONDS, lambda at: buy(record, at, slow=5, resource={key: "trial"}))
    record.write(database)
    chain.run(database, None, NOON)
    found = "SELECT trimLeft(Environment, '/'), avg(Verdict = 'anomalous') FROM anomaly_scores WHERE {} GROUP BY 1"
    bad = f"Timestamp >= '{record.at(BAD[0] * 1000):%F %T}' AND Timestamp < '{record.at(BAD[1] * 1000):%F %T}'"
    share = dict(rows(database, found.format(bad)))
    assert (share["live"] > 0.6, share["trial"] < 0.2) == (True, True)
    assert len(incidents(database)) == 1


def test_environment_and_namespace_are_one_identity(database: Database):
    record = Recorder(START)
    for number, resource in enumerate(
        (
            {"deployment.environment.name": "live", "deployment.environment": "old", "service.namespace": "shop"},
            {"service.namespace": "live"},
            {"deployment.environment": "live"},
            {},
        )
    ):
        record.span(f"{number:032x}", "app", "GET /", number * 100, 5, resource=resource)
    assert [row["Environment"] for row in summaries(database, record)] == ["live/shop", "/live", "live", ""]


# Clocks.


@pytest.mark.parametrize("minutes", [-40, 40, -14, 200])
def test_a_host_whose_clock_is_wrong_moves_nothing(database: Database, minutes: int):
    record = Recorder(YESTERDAY + timedelta(minutes=20))
    record.every(0.2, 600, lambda at: buy(record, at, skew=minutes * 60_000))
    straight = Recorder(record.start)
    straight.every(0.2, 600, lambda at: buy(straight, at))
    hours = [YESTERDAY + number * HOUR for number in range(-1, 5)]
    found = summaries(database, record, *hours)
    database.client.command("TRUNCATE TABLE otel_traces")
    database.client.command("TRUNCATE TABLE otel_traces_trace_id_ts")
    same = summaries(database, straight, *hours)
    but = ("WrittenAt", "span_sequence", "Self.Ns")
    assert [{k: v for k, v in row.items() if k not in but} for row in found] == [
        {k: v for k, v in row.items() if k not in but} for row in same
    ]
    assert len(found) > 50


def test_error_lines_of_a_host_whose_clock_is_wrong_belong_where_their_traces_are(database: Database):
    record = Recorder(START + timedelta(minutes=15))

    def one(at: float) -> None:
        trace = buy(record, at, fault=is_bad(at), skew=-10 * 60_000)
        said = ("the card provider does not answer", "ERROR") if is_bad(at) else ("card charged", "INFO")
        record.line(trace, "bank", said[0], at + 4 - 10 * 60_000, severity=said[1])

    record.every(2, SECONDS, one)
    record.write(database)
    chain.run(database, None, NOON)
    (bad,) = rows(database, "SELECT Start, Service FROM incidents")
    assert (bad[0].minute, bad[1]) == ((record.start + timedelta(seconds=BAD[0])).minute, "bank")


def test_what_a_skewed_host_sends_late_reaches_the_hour_of_its_trace(database: Database):
    record = Recorder(YESTERDAY + timedelta(minutes=20))
    record.every(0.5, 300, lambda at: buy(record, at, skew=-100 * 60_000))
    here = [row for row in record.spans if row[6] == "front"]
    late = [row for row in record.spans if row[6] != "front"]
    day = Window(YESTERDAY - 2 * HOUR, YESTERDAY + HOUR)
    for part in (here, late[::2], late[1::2]):
        record.spans = part
        record.write(database)
        for _ in range(3):
            for hour in lineage.dirty_hours(database, day):
                list(chain.run_hour(database, None, hour, whole=False))
        assert lineage.dirty_hours(database, day) == []
    counts = "SELECT count(), uniqExact(Hour), min(SpanCount), countIf(NOT Complete) FROM trace_summaries"
    ((traces, *rest),) = rows(database, counts)
    assert (traces > 100, rest) == (True, [1, 5, 0])


def test_a_trace_that_takes_hours_is_whole(database: Database):
    record, trace = Recorder(YESTERDAY + timedelta(minutes=50)), "a1" * 16
    top = record.span(trace, "batch", "nightly", 0, 3 * 3_600_000, kind="Internal")
    for number in range(6):
        record.span(trace, "batch", f"part {number}", number * 1_800_000, 1_700_000, kind="Internal", parent=top)
    record.line(trace, "batch", "done with all parts", 3 * 3_600_000)
    hours = [YESTERDAY + number * HOUR for number in range(4)]
    (row,) = summaries(database, record, *hours)
    assert (row["Hour"], row["SpanCount"], row["Complete"]) == (YESTERDAY.replace(tzinfo=None), 7, True)
    assert row["Template.Count"] == [1]


# Waiting.


def order(record: Recorder, at: float, wait: float, *, link: bool, same: bool = False) -> None:
    trace, taker = record.trace(), "shop" if same else "packing"
    top = record.span(trace, "shop", "POST /orders", at, 12)
    sent = record.span(trace, "shop", "send", at + 2, 4, kind="Producer", parent=top)
    other = record.trace() if link else trace
    record.span(
        other,
        taker,
        "pack",
        at + 6 + wait,
        record.about(30),
        kind="Consumer",
        parent="" if link else sent,
        links=[(trace, sent)] if link else (),
    )


@pytest.mark.parametrize("link", [False, True])
def test_messages_that_wait_long_are_an_incident(database: Database, link: bool):
    record = Recorder(START)
    record.every(2.5, SECONDS, lambda at: order(record, at, 90_000 if is_bad(at) else record.about(50), link=link))
    record.write(database)
    chain.run(database, None, NOON)
    assert [service for service, _ in incidents(database)] == ["packing"]


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_the_wait_of_a_message_is_a_gap_and_covers_nobodys_time(database: Database, link: bool, same: bool):
    record = Recorder(START)
    order(record, 0, 70, link=link, same=same)
    found = summaries(database, record)
    taker = "shop" if same else "packing"
    assert edges(found[-1]) == {("shop", taker): pytest.approx(70, abs=0.01)}
    own = dict(zip(found[0]["Self.Operation"], found[0]["Self.Ns"], strict=True))
    assert (own["send"], own["POST /orders"], found[0]["Edge.Outlived"]) == (4 * MS, 8 * MS, [] if link else [0])


def test_a_sender_that_reports_after_the_taker_is_found(database: Database):
    record = Recorder(START)
    order(record, 0, 70, link=True)
    taken = record.spans.pop()
    sent, record.spans = record.spans, [taken]
    record.write(database)
    arrived = lineage.arrived(database, YESTERDAY)
    trace_summaries.materialize(database, YESTERDAY)
    lineage.record(database, YESTERDAY, arrived)
    record.spans = sent
    record.write(database)
    trace_summaries.materialize(database, YESTERDAY, whole=False)
    gaps = "SELECT arraySum(Edge.GapNs) FROM trace_summaries WHERE RootService = 'packing'"
    assert rows(database, gaps) == [(pytest.approx(70 * MS, abs=MS / 100),)]


# Failures and requests.

FAILURES = {
    "both names": ({"http.response.status_code": "500", "http.status_code": "500"}, None, "500"),
    "old name": ({"http.status_code": "503"}, None, "503"),
    "grpc number": ({"rpc.grpc.status_code": "14"}, None, "UNAVAILABLE"),
    "grpc word": ({"rpc.response.status_code": "deadline_exceeded"}, None, "DEADLINE_EXCEEDED"),
    "exception": ({}, {"exception.type": "KeyError"}, "KeyError"),
    "escaped": ({}, {"exception.type": "KeyError", "exception.escaped": "True"}, "KeyError"),
}
SUCCESSES = {
    "not found": ({"http.response.status_code": "404", "http.status_code": "404"}, {"exception.type": "NotFound"}),
    "grpc ok": ({"rpc.grpc.status_code": "0"}, None),
    "grpc not found": ({"rpc.grpc.status_code": "5"}, None),
    "handled": ({}, {"exception.type": "KeyError", "exception.escaped": "False"}),
    "nothing": ({}, None),
}


def test_a_failure_is_a_failure_however_it_is_told_in_summaries_and_tools_alike(database: Database):
    record = Recorder(START)
    for number, (attributes, exception, _) in enumerate(FAILURES.values()):
        about: dict[str, Any] = {"attributes": attributes, "exception": exception}
        record.span(f"{number:032x}", "bad", "call", number * 10, 5, **about)
    for number, (attributes, exception) in enumerate(SUCCESSES.values(), start=100):
        record.span(f"{number:032x}", "good", "call", number * 10, 5, attributes=attributes, exception=exception)
    found = summaries(database, record)
    assert [row["Error.Type"] for row in found if row["RootService"] == "bad"] == [[f[2]] for f in FAILURES.values()]
    assert [row["ErrorCount"] for row in found if row["RootService"] == "good"] == [0] * len(SUCCESSES)
    where = {"start": START, "end": START + HOUR, "before": START - HOUR, "service": ""}
    overview = {row["Service"]: row for row in database.rows("tools__services", **where)}
    assert (overview["bad"]["Requests"], overview["bad"]["FailedNow"]) == (len(FAILURES), len(FAILURES))
    assert (overview["good"]["Requests"], overview["good"]["FailedNow"]) == (len(SUCCESSES), 0)


def test_answers_of_500_without_a_status_are_an_incident(database: Database):
    record = Recorder(START)

    def one(at: float) -> None:
        trace, code = record.trace(), "500" if is_bad(at) and record.dice.random() < 0.6 else "200"
        both: dict[str, Any] = {"attributes": {"http.response.status_code": code, "http.status_code": code}}
        top = record.span(trace, "web", "GET /items", at, record.about(20), **both)
        call = record.span(trace, "web", "GET", at + 1, record.about(15), kind="Client", parent=top, **both)
        record.span(trace, "catalog", "GET /v1/items", at + 2, record.about(12), parent=call, **both)

    record.every(2.5, SECONDS, one)
    record.write(database)
    chain.run(database, None, NOON)
    assert [service for service, _ in incidents(database)] == ["catalog"]


def test_what_a_sender_repeats_counts_once_everywhere(database: Database):
    record = Recorder(START)
    for number in range(30):
        trace = buy(record, number * 1000.123, fault=number % 3 == 0)
        record.line(trace, "bank", "charge failed", number * 1000.123 + 5, severity="ERROR")
    spans, lines = list(record.spans), list(record.lines)
    for _ in range(3):  # once again in the same delivery, and in others
        record.spans, record.lines = spans * 2, list(lines)
        record.write(database)
    found = summaries(database, record)
    assert [(row["SpanCount"], row["Template.Count"]) for row in found] == [(5, [1])] * 30
    where = {"start": START, "end": START + HOUR, "before": START - HOUR, "service": ""}
    assert [(row["Requests"], row["FailedNow"]) for row in database.rows("tools__services", **where)] == [(30, 10)] * 3
    assert [row["Now"] for row in database.rows("tools__messages", **where)] == [30]
    calls = database.rows("tools__service_map", start=START, end=START + HOUR, service="")
    assert [row["AllCalls"] for row in calls] == [30, 30]
    (trace,) = rows(database, "SELECT any(TraceId) FROM trace_summaries")[0]
    assert len(database.rows("tools__spans", trace_id=trace)) == 5


@pytest.mark.parametrize("calls", [True, False])
def test_a_root_made_by_hand_that_calls_servers_is_a_request_a_job_is_none(database: Database, calls: bool):
    record = Recorder(START)

    def one(at: float) -> None:
        if calls:
            buy(record, at, fault=is_bad(at), kind="Internal", service="script", operation="sync")
        else:
            error = "disk full" if is_bad(at) else ""
            record.span(record.trace(), "script", "sync", at, record.about(9), kind="Internal", error=error)

    record.every(2.5, SECONDS, one)
    record.write(database)
    chain.run(database, None, NOON)
    assert [service for service, _ in incidents(database)] == (["bank"] if calls else [])
    kind = "Request" if calls else "Internal"
    assert rows(database, "SELECT DISTINCT RootKind FROM anomaly_scores") == [(kind,)]


# New operations.


def test_operations_that_a_release_renames_are_judged_within_minutes(database: Database):
    before = Recorder(START - timedelta(days=2))
    before.every(3, 120, lambda at: buy(before, at))
    before.write(database)
    day = START - timedelta(days=2)
    chain.run(database, None, Window(day.replace(minute=0), day.replace(minute=0) + HOUR))
    record = Recorder(START, seed=2)

    def one(at: float) -> None:
        new = at >= 60_000
        buy(record, at, fault=is_bad(at), operation="POST /v2/buy" if new else "POST /buy")

    record.every(2.5, SECONDS, one)
    record.every(1, SECONDS, lambda at: buy(record, at, operation=f"x{record.id()[:7]}z"))  # never twice the same
    record.write(database)
    chain.run(database, None, NOON)
    found = incidents(database)
    assert [service for service, _ in found] == ["bank"]
    assert found[0][1] == ["front:POST /v2/buy"]
    assert rows(database, "SELECT uniqExact(BaselineVersion) FROM normal_centroids")[0][0] <= 12


def test_an_operation_that_is_new_in_one_environment_gets_a_baseline_there(database: Database):
    record = Recorder(START)
    record.every(2, SECONDS, lambda at: buy(record, at, resource={"service.namespace": "a"}))
    record.every(2, SECONDS - 200, lambda at: buy(record, at, resource={"service.namespace": "b"}), begin=200)
    record.write(database)
    chain.run(database, None, NOON)
    judged = "SELECT countIf(Verdict IN ('normal', 'anomalous')) > 100 FROM anomaly_scores WHERE Environment = '/b'"
    assert rows(database, judged) == [(1,)]
