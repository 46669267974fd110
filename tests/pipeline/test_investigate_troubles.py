"""What an on-call engineer asks, on three made-up systems: a new error in many words, three pods of twelve, two values
that only together are slow, two troubles at once, a service and what it depends on, a calm time, lines outside traces.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.consistent import contradictions
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.model import Investigation
from otel_pipeline.investigate.text import text
from tests.support.databases import Databases
from tests.support.system import Call, Effect, Endpoint, Request, System, lone_line
from tests.support.traffic import YESTERDAY, Traffic

START = YESTERDAY.replace(minute=1)
SECONDS = 2100
THIN, PODS, PAIR, TWO = (500, 680), (860, 920), (1200, 1300), (1620, 1700)
CALM = (1380, 1560)
WORDS = (
    "no such account",
    "bad page",
    "index points nowhere",
    "row vanished",
    "hole in the sequence",
    "locked",
    "full",
)


@dataclass(frozen=True)
class Names:
    """Of one system: services from the edge to the store, and attributes."""

    edge: str
    trade: str
    store: str
    list: str
    side: str
    tier: tuple[str, tuple[str, ...], str]
    cache: tuple[str, tuple[str, ...], str]
    seed: int


SYSTEMS = (
    Names(
        *("edge", "booking", "ledger", "rooms", "users"),
        tier=("customer.tier", ("free", "free", "enterprise"), "enterprise"),
        cache=("cache.hit", ("true", "true", "false"), "false"),
        seed=1,
    ),
    Names(
        *("front_door", "OrderSvc", "warehouse-db-proxy", "catalogue", "accounts.v2"),
        tier=("region", ("eu", "us", "ap", "sa"), "sa"),
        cache=("app.codec", ("h264", "av1", "vp9"), "av1"),
        seed=2,
    ),
    Names(
        *("gw", "s1", "s2", "s3", "s4"),
        tier=("device", ("phone", "desk", "tv"), "tv"),
        cache=("flag.new_tax", ("on", "off"), "on"),
        seed=3,
    ),
)


def endpoints(n: Names) -> list[Endpoint]:
    """Three endpoints; the side service is asked by one of its own."""
    store = Call(n.store, "POST /entries", 4, (Call(n.store, "INSERT", 2, inner=True),), says="entry {n} written")
    rooms = Call(n.list, "GET /list", 5, says="listed {n}")
    trade = Call(n.trade, "POST /trade", 6, (rooms, store), says="trade {n} made")
    refund = Call(n.trade, "POST /refund", 5, (store,), says="refund {n} made")
    tags, inner = {n.tier[0]: n.tier[1]}, {n.cache[0]: n.cache[1]}
    return [
        Endpoint(Call(n.edge, "POST /trades", 2, (trade,)), 2, tags),
        Endpoint(Call(n.edge, "POST /refunds", 2, (refund,)), 1, tags),
        Endpoint(Call(n.edge, "GET /list", 2, (rooms,)), 3, tags, inner),
        Endpoint(Call(n.edge, "GET /me", 2, (Call(n.side, "GET /me", 3, says="profile {n}"),)), 2, tags),
    ]


def troubles(n: Names) -> Callable[[Request, Call], Effect | None]:
    """What goes wrong when."""

    def trouble(request: Request, call: Call) -> Effect | None:
        def during(time: tuple[int, int]) -> bool:
            return time[0] <= request.second < time[1]

        at = (call.service, call.operation)
        if during(THIN) and at == (n.store, "POST /entries") and request.rng.random() < 0.06:
            word = request.rng.choice(WORDS)
            return Effect(error=f"{word.split()[0].title()}Error", message=word, line=word)
        bad = request.pods[n.list][-2:] in ("02", "05", "09")
        if during(PODS) and at == (n.list, "GET /list") and bad and request.rng.random() < 0.9:
            return Effect(error="DiskError", message="read failed", line="read failed on disk")
        both = request.tags.get(n.tier[0]) == n.tier[2] and request.tags.get(n.cache[0]) == n.cache[2]
        if during(PAIR) and at == (n.list, "GET /list") and both:
            return Effect(ms=300)
        if during(TWO) and at == (n.store, "INSERT"):
            return Effect(ms=90)
        if during(TWO) and call.service == n.side and request.rng.random() < 0.5:
            return Effect(error="DecodeError", message="cannot decode profile", line="cannot decode profile")
        return None

    return trouble


def lone(n: Names) -> Traffic:
    """Lines outside traces: a heartbeat, a rollout before the last trouble, and a job that cannot reach its store."""
    traffic = Traffic()
    for second in range(0, SECONDS, 10):
        lone_line(traffic, START + timedelta(seconds=second), "batchd", f"chunk {second} of 900 done")
    lone_line(traffic, START + timedelta(seconds=TWO[0] - 30), "deployer", f"rollout of {n.store} revision 8 complete")
    for second in range(1800, 2000, 12):
        at = START + timedelta(seconds=second)
        lone_line(traffic, at, "batchd", f"cannot reach object store: {second} ms", severity="ERROR")
    return traffic


def window(begin: float, end: float) -> Window:
    """Seconds of the made-up time."""
    return Window(START + timedelta(seconds=begin), START + timedelta(seconds=end))


# Of 100 traces the first half fails, and has another tier; each span has two thousand keys besides.
MADE_UP = """
INSERT INTO otel_traces
    (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode, SpanAttributes)
SELECT
    {at:DateTime64(3)} + INTERVAL number * 500 MILLISECOND, lower(hex(sipHash128(number))), lower(hex(number + 1)),
    'GET /', 'Server', {service:String}, 5000000, if(number < 50, 'Error', 'Unset'),
    CAST(arrayConcat(
        [('tier', if(number < 50, 'a', 'b'))],
        arrayMap(k -> ('made up ' || toString(k), if(number < 50, 'x', 'y')), range(2000))
    ) AS Map(LowCardinality(String), String))
FROM numbers(100)
"""


@pytest.fixture(scope="module", params=SYSTEMS, ids=lambda names: names.edge)
def asked(request: pytest.FixtureRequest, databases: Databases) -> Iterator[tuple[Names, Callable[..., Investigation]]]:
    """A system, and how to ask about it."""
    n: Names = request.param
    with databases.one() as settings, Database(settings) as db:
        pods = {n.list: 12, n.trade: 3}
        traffic = System(endpoints(n), pods, seed=n.seed).run(START, SECONDS, troubles(n))
        traffic.lines += lone(n).lines
        traffic.write(db)
        chain.run(db, None, window(-60, SECONDS))

        @cache  # several tests read the same report
        def ask(times: tuple[float, float], around: float = 60, **how: str) -> Investigation:
            found = investigate(db, window(times[0] - around, times[1] + around), **how)
            assert contradictions(found) == [], text(found)
            return found

        yield n, ask


Asked = tuple[Names, Callable[..., Investigation]]


def seconds(found: Investigation) -> float:
    """When the trouble began, by the report."""
    assert found.since is not None
    return (found.since - START).total_seconds()


def test_a_new_error_in_many_words_is_one_trouble_where_it_begins(asked: Asked):
    n, ask = asked
    found = ask(THIN)
    assert (found.verdict, found.causes[0].service, found.others) == ("trouble", n.store, []), text(found)
    assert found.path == [n.edge, n.trade, n.store]
    assert abs(seconds(found) - THIN[0]) < 30
    assert {out.service for out in found.affected} <= {n.edge, n.trade}
    assert n.store in found.headline
    assert "not seen in quiet times" in found.headline


def test_three_pods_of_twelve_are_named(asked: Asked):
    n, ask = asked
    found = ask(PODS)
    assert (found.verdict, found.causes[0].service) == ("trouble", n.list), text(found)
    pods = tuple(f"{n.list}-{number}" for number in ("02", "05", "09"))
    assert found.skewed[0].terms == (("k8s.pod.name", pods),), text(found)


def test_two_values_that_only_together_are_slow_are_named(asked: Asked):
    n, ask = asked
    found = ask(PAIR)
    assert (found.verdict, found.causes[0].service) == ("trouble", n.list), text(found)
    assert set(found.skewed[0].terms) == {(n.tier[0], (n.tier[2],)), (n.cache[0], (n.cache[2],))}, text(found)


def test_keys_that_somebody_makes_up_are_looked_at_within_bounds(databases: Databases):
    names: Names = SYSTEMS[0]
    seen = {"start": START, "end": START + timedelta(seconds=60), "service": names.list, "by": "errors", "most": 1}
    seen |= {"starts": [], "ends": [], "hours": []}
    with databases.one() as settings, Database(settings) as db:
        db.client.command(MADE_UP, parameters={"at": START, "service": names.list})
        chain.run(db, None, window(-60, 60))
        assert {row["Key"] for row in db.rows("investigate__skew", **seen)} == {"tier"}
        everything = {row["Key"] for row in db.rows("investigate__skew", **seen | {"most": 5_000})}
        assert len(everything) > 100, "a limit that holds nothing back proves nothing"


def test_two_troubles_at_once_are_two_reports(asked: Asked):
    n, ask = asked
    found = ask(TWO, around=45)
    assert {block.causes[0].service for block in found.blocks} == {n.store, n.side}, text(found)
    assert len(found.blocks) == 2
    assert text(found).splitlines()[0] == "TROUBLE: 2 troubles at once, each with a cause of its own"
    for block in found.blocks:
        assert block.examples
        services = {c.service for c in block.changes if c.kind in ("errors", "latency")}
        other = ({n.store, n.side} - {block.causes[0].service}).pop()
        assert other not in services, text(found)
    slow = next(block for block in found.blocks if block.causes[0].service == n.store)
    assert any(f"rollout of {n.store} revision 8" in fact for fact in slow.causes[0].evidence), text(found)


def test_of_two_troubles_a_trace_shows_its_own(asked: Asked):
    _, ask = asked
    blocks = ask(TWO, around=45).blocks
    for block in blocks:
        found = ask((0, SECONDS), trace_id=block.examples[0])
        assert found.causes[0].service == block.causes[0].service, text(found)
        assert not found.others, text(found)


def test_a_service_is_told_from_what_it_depends_on(asked: Asked):
    n, ask = asked
    caller = ask(TWO, around=45, service=n.trade)
    assert [block.causes[0].service for block in caller.blocks] == [n.store], text(caller)
    assert caller.about == f"the trouble is in {n.store}, on which {n.trade} depends"
    itself = ask(TWO, around=45, service=n.side)
    assert [block.causes[0].service for block in itself.blocks] == [n.side], text(itself)
    assert itself.about.endswith(f"{n.side} itself")
    other = ask(TWO, around=45, service=n.list)
    assert n.side not in {block.causes[0].service for block in other.blocks if block.causes}, text(other)


def test_a_calm_time_is_healthy_and_told_with_figures(asked: Asked):
    n, ask = asked
    found = ask(CALM, around=0)
    assert (found.state, found.causes) == ("healthy", []), text(found)
    assert text(found).startswith("HEALTHY: ")
    assert {e.operation for e in found.endpoints} == {"POST /trades", "POST /refunds", "GET /list", "GET /me"}
    for endpoint in found.endpoints:
        assert 0 < endpoint.own[0] < endpoint.whole[0] < endpoint.whole[2]
        assert endpoint.note == "as usual"
    mine = ask(CALM, around=0, service=n.trade)
    assert mine.state == "healthy"
    assert mine.about.startswith(f"{n.trade} itself and what it depends on"), mine.about
    assert mine.status is not None
    assert (set(mine.status.calls), mine.status.called_by) == ({n.list, n.store}, [n.edge])


def test_a_service_that_only_logs_is_seen(asked: Asked):
    _, ask = asked
    found = ask((1800, 2000))
    assert (found.verdict, found.causes[0].service) == ("trouble", "batchd"), text(found)
    assert abs(seconds(found) - 1800) <= 1
    mine = ask((1800, 2000), service="batchd")
    assert (mine.verdict, mine.about) == ("trouble", "the trouble is in batchd itself")
    calm = ask(CALM, around=0, service="batchd")
    assert calm.state == "healthy", text(calm)
