"""What makes detection cheap says the same as what it stands for, and leaves out what is known already."""

import random
from collections import Counter
from datetime import timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import behavior, chain, drifts, trace_summaries
from otel_pipeline.detection.model import Window
from otel_pipeline.sqlfiles import schema_files
from tests.support.traffic import YESTERDAY, Fault, shop

START = YESTERDAY
SINGLY = """
SELECT
    otel_pipeline_entries_v1(service, edge_operations, callees, root, operation) AS entries,
    greatest(1, arraySum((c, n) -> if(c = service, n, 0), callees, edge_calls)) AS times,
    otel_pipeline_children_v1(
        service, entries, self_services, self_operations, self_calls, callers, callees, edge_operations, edge_calls
    ) AS children,
    visit
FROM
(
    SELECT
        {services:Array(String)} AS services, {root:String} AS root, {operation:String} AS operation,
        {self_services:Array(String)} AS self_services, {self_operations:Array(String)} AS self_operations,
        {self_calls:Array(UInt32)} AS self_calls,
        {callers:Array(String)} AS callers, {callees:Array(String)} AS callees,
        {edge_operations:Array(String)} AS edge_operations, {edge_calls:Array(UInt32)} AS edge_calls
)
ARRAY JOIN
    services AS service,
    otel_pipeline_visits_v2(
        services, root, operation,
        self_services, self_operations, self_calls, callers, callees, edge_operations, edge_calls
    ) AS visit
"""
SELF = ("self_services", "self_operations", "self_calls")
EDGE = ("callers", "callees", "edge_operations", "edge_calls")


@pytest.mark.parametrize("seed", range(20))
def test_visits_worked_out_together_are_those_worked_out_singly(database: Database, seed: int):
    """A caller may be of another trace (a link), a name may be empty, and a call may come twice."""
    dice = random.Random(seed)
    services = sorted(dice.sample("abcdefgh", dice.randint(1, 6)))
    operations = ["", "GET /", "x", "y", "b x"]
    own = [(dice.choice(services), dice.choice(operations), dice.randint(1, 3)) for _ in range(dice.randint(0, 8))]
    calls = [
        (dice.choice([*services, "elsewhere"]), dice.choice(services), dice.choice(operations), dice.randint(1, 3))
        for _ in range(dice.randint(0, 8))
    ]
    where: dict[str, object] = {
        "services": services,
        "root": dice.choice(services),
        "operation": dice.choice(operations),
        **{name: [row[place] for row in own] for place, name in enumerate(SELF)},
        **{name: [row[place] for row in calls] for place, name in enumerate(EDGE)},
    }
    found = database.client.query(SINGLY, parameters=where).result_rows
    assert len(found) == len(services)
    for *singly, visit in found:
        assert list(visit) == singly


@pytest.mark.parametrize("seed", range(5))
def test_conduct_with_templates_picked_out_once_is_the_same(database: Database, seed: int):
    """A service may have no templates, the same count twice, an error twice; what it has lies anywhere."""
    dice = random.Random(seed)
    places = dice.choices("abc", k=dice.randint(0, 9)), dice.choices("abc", k=dice.randint(0, 4))
    where: dict[str, object] = {
        "templates": places[0],
        "ids": [dice.randint(1, 4) for _ in places[0]],
        "counts": [dice.randint(1, 3) for _ in places[0]],
        "errors": places[1],
        "types": [dice.choice("xy") for _ in places[1]],
    }
    templates = "{ids:Array(UInt64)}, {templates:Array(String)}, {counts:Array(UInt32)}"
    arguments = f"service, {templates}, {{types:Array(String)}}, {{errors:Array(String)}}"
    pair = ", ".join(f"otel_pipeline_conduct_v{version}({arguments})" for version in (1, 2))
    rows = database.client.query(f"SELECT {pair} FROM values('service String', 'a', 'b', 'c')", where).result_rows
    assert all(one == other for one, other in rows)
    assert len(rows) == 3


def test_visits_of_summaries_that_were_written_before_are_worked_out_as_they_are_read(database: Database):
    asked = "SELECT TraceId, Services, Visits FROM trace_summaries ORDER BY TraceId"
    shop(START, 30, per_second=2, faults=(Fault(0, 30, fails="stock", share=0.5),)).write(database)
    trace_summaries.materialize(database, START)
    kept = database.client.query(asked).result_rows
    assert kept and all(len(services) == len(visits) for _, services, visits in kept)
    database.client.command("ALTER TABLE trace_summaries DROP COLUMN Visits SETTINGS mutations_sync = 2")
    (added,) = (file for file in schema_files() if file.name.endswith("_trace_summaries_visits"))
    database.client.command(added.statement(database.settings))
    assert database.client.query(asked).result_rows == kept


def test_a_live_run_matches_only_incidents_of_which_more_is_known(database: Database, monkeypatch: pytest.MonkeyPatch):
    asked: Counter[str] = Counter()
    rows = Database.rows

    def counted(self: Database, name: str, **parameters: object):
        asked[name] += 1
        return rows(self, name, **parameters)

    monkeypatch.setattr(Database, "rows", counted)
    shop(START, 600, per_second=3, faults=(Fault(300, 360, fails="stock", share=0.8),)).write(database)
    day = Window(START, START + timedelta(hours=1))
    chain.run(database, None, day)
    incidents = database.client.query("SELECT IncidentId, PatternId, Matched FROM incidents").result_rows
    assert incidents and asked["error_patterns__rises"] == len(incidents)
    chain.run(database, None, day, whole=False)
    assert asked["error_patterns__rises"] == len(incidents), "nothing new is known"
    assert database.client.query("SELECT IncidentId, PatternId, Matched FROM incidents").result_rows == incidents
    # A quarter of an hour later there is more to compare with.
    shop(START + timedelta(seconds=600), 700, per_second=1, seed=2).write(database)
    chain.run(database, None, day, whole=False)
    assert asked["error_patterns__rises"] > len(incidents)
    again = asked["error_patterns__rises"]
    chain.run(database, None, day)
    assert asked["error_patterns__rises"] > again, "a whole pass matches all of them"


@pytest.mark.parametrize(("earlier", "habit"), [((), False), ((1,), False), ((1, 2), True)])
def test_what_earlier_days_show_at_the_same_time_is_a_habit(database: Database, earlier: tuple[int, ...], habit: bool):
    """Days of which nothing is known are not looked at; one day alone is no habit."""
    slow = (Fault(0, 180, slow="stock"),)
    for day in (0, *earlier):
        start = START - timedelta(days=day)
        shop(start, 180, per_second=2, faults=slow, seed=day + 1).write(database)
        trace_summaries.materialize(database, start)
    window = Window(START, START + timedelta(minutes=3))
    found = behavior.gather(database, [window])
    parts = {part for service, _, kind, part in found.groups if (service, kind) == ("stock", "self")}
    drift = drifts.Drift(window, ("stock", "self", min(parts)), 9.0)
    unknown = drifts.Drift(window, ("nobody", "self", "nothing"), 9.0)
    assert drifts.news(database, [unknown, drift]) == ([unknown] if habit else [unknown, drift])
