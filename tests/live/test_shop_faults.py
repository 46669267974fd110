"""Each fault of the shop is real: what it breaks is seen in the work of the service that it breaks, and mends again."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil

from load.faults import FaultControl
from load.scenarios import SCENARIOS
from otel_pipeline.clickhouse import Database
from tests.support.customers import add, ask, buy, checkout, edges, named, server
from tests.support.otlp_sink import CLIENT, SERVER, OtlpSink, SinkSpan
from tests.support.processes import eventually
from tests.support.shop import Shop
from tests.support.shop_fixtures import seen_fixture, shop_fixture, sink_fixture  # noqa: F401

Seen = Callable[[], OtlpSink]
patiently = partial(eventually, seconds=120)
"""Waits for work to be done, however slow the machine is; the bound is for one that hangs."""


def test_pool_exhaustion_is_real(shop: Shop, seen: Seen) -> None:
    shop.switch("inventory", "payment_timeout", True)
    patiently(lambda: sum("stocktake of aisle" in log.body for log in seen().logs) >= 7)  # all of the pool
    assert add(shop, session="s-pool").status_code == 200
    assert checkout(shop, session="s-pool").status_code in (502, 504)
    # The server notices later than its caller.
    time_out = patiently(lambda: len(found := failed_connects(seen())) >= 2 and found)
    shop.switch("inventory", "payment_timeout", False)
    sink = seen()
    assert all("TimeoutError" in str(span.events) and span.seconds > 1.9 for span in time_out)
    used = [v for s, name, a, v in sink.metrics if (s, name) == ("inventory", "db.client.connection.count")
            and a["db.client.connection.state"] == "used"]  # fmt: skip
    limit = [v for s, name, _, v in sink.metrics if (s, name) == ("inventory", "db.client.connection.max")]
    assert max(used) == limit[0] == 7
    assert sum(v for s, name, _, v in sink.metrics if (s, name) == ("inventory", "db.client.connection.timeouts")) >= 2
    payment = patiently(lambda: server(seen().spans, "payment", "POST /payments"))
    assert [span.attributes["http.response.status_code"] for span in payment] == [504]
    assert add(shop, session="s-pool").status_code == 200
    patiently(lambda: checkout(shop, session="s-pool").status_code == 200)


def failed_connects(sink: OtlpSink) -> list[SinkSpan]:
    """Waits for a connection of inventory's pool that were in vain."""
    return [span for span in named(sink.spans, "inventory", "connect") if span.error]


def test_the_leak_is_real(shop: Shop, seen: Seen) -> None:
    def look_ups() -> list[float]:
        return [span.seconds for span in named(seen().spans, "inventory", "inventory.safety_stock")]

    process = psutil.Process(shop.processes["inventory"].pid)
    before = process.memory_info().rss
    add(shop, session="s-leak")
    quick = min(look_ups())
    shop.switch("inventory", "cascade_failure", True, mb_per_s=60.0, limit_mb=300.0)
    patiently(lambda: process.memory_info().rss - before > 75e6)
    # The larger it grows, the longer each look-up takes, until payment no longer waits for it.
    patiently(lambda: checkout(shop, session="s-leak").status_code in (502, 504))
    grown = process.memory_info().rss
    shop.switch("inventory", "cascade_failure", False)
    assert max(look_ups()) > 20 * quick
    assert any(span.error for span in server(seen().spans, "payment", "POST /payments"))
    patiently(lambda: checkout(shop, session="s-leak").status_code == 200)
    assert look_ups()[-1] < max(look_ups()) / 5
    patiently(lambda: process.memory_info().rss - before < (grown - before) / 2)


def test_the_race_is_real(shop: Shop, seen: Seen) -> None:
    def add_pair(session: str) -> list[int]:
        with ThreadPoolExecutor(2) as pool:
            return [answer.status_code for answer in pool.map(lambda _: add(shop, session), "12")]

    def version_of(session: str) -> int:
        return add(shop, session).json()["version"]

    orderly = [add_pair(f"s-calm-{n}") for n in range(10)]
    assert all(pair == [200, 200] for pair in orderly)
    assert version_of("s-calm-0") == 3
    racing: list[list[int]] = []

    def one_lost_and_one_won() -> bool:
        racing.append(add_pair(f"s-race-{len(racing)}"))
        return any(sorted(pair) == [200, 502] for pair in racing)

    shop.switch("cart", "intermittent_error", True)
    patiently(one_lost_and_one_won)
    shop.switch("cart", "intermittent_error", False)
    sink = seen()
    errors = [s for s in sink.spans if s.service == "cart" and s.kind == SERVER and s.error]
    assert len(errors) == sum(pair.count(502) for pair in racing)
    assert all("StaleCartError" in str(span.events) for span in errors)
    assert sum(v for s, name, _, v in sink.metrics if (s, name) == ("cart", "shop.cart.conflicts")) >= len(errors)
    assert add_pair("s-race-0") == [200, 200]


def test_a_dropped_index_makes_queries_slow_and_nothing_else(shop: Shop, seen: Seen) -> None:
    def three_times() -> set[int]:
        return {ask(shop, "GET", "/products?category=lamps").status_code for _ in range(3)}

    assert three_times() == {200}
    shop.switch("storefront", "slow_query", True)
    assert three_times() == {200}
    shop.switch("storefront", "slow_query", False)
    assert three_times() == {200}
    queries = [span.seconds for span in named(seen().spans, "storefront", "SELECT products")]
    assert len(queries) == 9
    assert min(queries[3:6]) > 8 * max(min(queries[:3]), min(queries[6:]))


def test_a_slow_network_shows_between_caller_and_callee_only(shop: Shop, seen: Seen) -> None:
    buy(shop, "s-net-0")
    shop.switch("checkout", "slow_network", True, delay_ms=1_000.0)
    assert buy(shop, "s-net-1").status_code == 200
    shop.switch("checkout", "slow_network", False)
    buy(shop, "s-net-2")
    calls = [(a, b) for a, b in edges(seen().spans) if (a.service, b.service) == ("checkout", "payment")]
    gaps = [caller.seconds - callee.seconds for caller, callee in sorted(calls, key=lambda call: call[0].start)]
    assert gaps[1] > 1.99
    assert max(gaps[0], gaps[2]) < 1.0
    assert max(callee.seconds for _, callee in calls) < gaps[1]


def test_a_retry_storm_multiplies_calls_without_an_error_for_customers(shop: Shop, seen: Seen) -> None:
    shop.switch("cart", "retry_storm", True, timeout_ms=0.2)  # less than any machine needs
    answers = [add(shop, f"s-storm-{n}") for n in range(5)]
    shop.switch("cart", "retry_storm", False)
    assert {answer.status_code for answer in answers} == {200}
    calls = [s for s in seen().spans if s.service == "cart" and s.kind == CLIENT and s.name == "GET"]
    assert len(calls) > 40
    assert add(shop, "s-storm-0").status_code == 200
    assert len([s for s in seen().spans if s.service == "cart" and s.name == "GET"]) == len(calls) + 1


def test_wrong_content_comes_with_success(shop: Shop, seen: Seen) -> None:
    shop.switch("inventory", "wrong_content", True)
    refused = patiently(lambda: (answer := add(shop, "s-wrong")).status_code == 409 and answer)
    shop.switch("inventory", "wrong_content", False)
    assert refused.json()["code"] == "out_of_stock"
    assert add(shop, "s-wrong").status_code == 200
    checks = server(seen().spans, "inventory", "GET /inventory/check")
    assert len(checks) >= 2
    assert {span.attributes["http.response.status_code"] for span in checks} == {200}


def test_a_noisy_neighbour_is_loud_and_hurts_nobody(shop: Shop, seen: Seen) -> None:
    shop.switch("checkout", "noisy_neighbour", True, per_s=20.0)
    answers = [buy(shop, f"s-noise-{n}") for n in range(5)]
    patiently(lambda: sum(log.severity == "ERROR" for log in seen().logs) > 5)
    shop.switch("checkout", "noisy_neighbour", False)
    assert {answer.status_code for answer in answers} == {200}
    sink = seen()
    assert all(log.scope == "shop.checkout.export" for log in sink.logs if log.severity == "ERROR")
    assert all(not span.error for span in sink.spans if span.kind == SERVER)


def test_a_deploy_changes_the_version_and_slows_one_route_and_loses_no_telemetry(shop: Shop, seen: Seen) -> None:
    def settled() -> dict[str, int]:
        return patiently(lambda: (counts := shop.counts()) == shop.counts() and counts)

    def instances() -> int:
        return len(shop.admin("storefront", "telemetry", method="GET")["instances"])

    control = FaultControl(shop.url, token=shop.token)
    before, ran = settled(), instances()
    held = len(seen().spans), len(seen().logs)  # work in the background of the tests above
    ask(shop, "GET", "/products/3")
    record = control.start("bad_deploy")
    assert ask(shop, "GET", "/products/3").json()["related"]
    ask(shop, "GET", "/")
    control.stop(record)
    assert not ask(shop, "GET", "/products/3").json()["related"]
    after = settled()
    sink = seen()
    pages = server(sink.spans, "storefront", "GET /products/{product_id}")
    assert [page.resource["service.version"] for page in pages] == ["1.4.0", "1.5.0", "1.4.0"]
    queries = [sum(s.trace_id == page.trace_id and "db.query.summary" in s.attributes for s in sink.spans)
               for page in pages]  # fmt: skip
    assert queries[1] > 3 * queries[0] == 3 * queries[2]
    assert len({page.resource["service.instance.id"] for page in pages}) == 3
    assert instances() == ran + 2
    assert after["spans"] - before["spans"] == len(sink.spans) - held[0]
    assert after["logs"] - before["logs"] == len(sink.logs) - held[1]


def test_a_growing_table_makes_checkout_slower_and_slower(shop: Shop, seen: Seen) -> None:
    def ranked() -> list[SinkSpan]:
        assert buy(shop, "s-drift").status_code == 200
        return named(seen().spans, "checkout", "checkout.loyalty")

    def purchases(span: SinkSpan) -> int:
        return int(span.attributes["loyalty.purchases"])

    calm = min(ranked()[-1].seconds for _ in range(3))
    shop.switch("checkout", "latency_drift", True, rows_per_s=20_000)
    spans = patiently(lambda: purchases((found := ranked())[-1]) > 40_000 and found)
    shop.switch("checkout", "latency_drift", False)
    assert [purchases(span) for span in spans] == sorted(purchases(span) for span in spans)
    assert spans[-1].seconds > 3 * calm
    assert purchases(ranked()[-1]) == 200


def test_a_fault_of_one_segment_spares_all_others(shop: Shop, seen: Seen) -> None:
    shop.switch("payment", "segment_fault", True, country="DE", app_version="5.1.0")
    hit = buy(shop, "s-seg-0", country="DE", x_app_version="5.1.0")
    spared = [
        buy(shop, "s-seg-1", country="DE", x_app_version="5.2.1"),
        buy(shop, "s-seg-2", country="BR", x_app_version="5.1.0"),
    ]
    shop.switch("payment", "segment_fault", False)
    assert hit.status_code == 502
    assert [answer.status_code for answer in spared] == [200, 200]
    payments = server(seen().spans, "payment", "POST /payments")
    assert [span.attributes["http.response.status_code"] for span in payments] == [500, 200, 200]
    assert "ValueError" in str(payments[0].events)
    assert buy(shop, "s-seg-0", country="DE", x_app_version="5.1.0").status_code == 200


def test_telemetry_of_the_tests_above_never_names_a_scenario(shop: Shop, sink: OtlpSink) -> None:
    shop.counts()
    sink.clear()
    everything = "\n".join(sink.archive)
    assert "QueuePool limit" in everything
    for word in (r"\bfault", "/admin", *(found.name for found in SCENARIOS)):
        assert not re.search(word, everything, re.IGNORECASE), word


def test_the_ledger_keeps_what_was_broken_and_when(shop: Shop, database: Database) -> None:
    control = FaultControl(shop.url, database, shop.token)
    with control.fault("intermittent_error") as record:
        (open_row,) = database.client.query("SELECT * FROM fault_ledger FINAL").named_results()
        assert open_row["EndedAt"] is None
    (row,) = database.client.query("SELECT * FROM fault_ledger FINAL").named_results()
    assert (row["Id"], row["Scenario"], row["ServiceName"]) == (record.id, "intermittent_error", "cart")
    assert row["EndedAt"] > row["StartedAt"]
    assert row["Parameters"] == {"locks": "off"}
    assert row["ExpectedSignature"]
