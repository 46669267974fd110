"""The shop as it runs: it emits what its matrix says, and its faults are real."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sample_app.config import SERVICES
from sample_app.matrix import COMMON_METRICS, EDGES, MATRIX
from tests.support.customers import CUSTOMER, SKU, add, ask, checkout, edges, named, server, visit_everything
from tests.support.otlp_sink import CLIENT, SERVER, OtlpSink
from tests.support.processes import eventually
from tests.support.shop import Shop
from tests.support.shop_fixtures import seen_fixture, shop_fixture, sink_fixture  # noqa: F401


def test_the_shop_emits_what_the_matrix_says(shop: Shop, seen: Callable[[], OtlpSink]) -> None:
    visit_everything(shop)
    sink = seen()
    assert {(a.service, b.service, b.name) for a, b in edges(sink.spans)} == EDGES
    for service, emits in MATRIX.items():
        mine = [span for span in sink.spans if span.service == service]
        names = {span.name for span in mine if span.kind not in (SERVER, CLIENT)}
        assert {span.name for span in mine if span.kind == SERVER} == emits.routes
        assert emits.steps <= names <= emits.steps | emits.jobs
        tables = {span.attributes["db.collection.name"] for span in mine if "db.collection.name" in span.attributes}
        assert tables == emits.tables
        assert any(span.name == "connect" for span in mine)
        measured = {name for emitter, name, *_ in sink.metrics if emitter == service}
        assert COMMON_METRICS | emits.metrics <= measured
        assert any(log.service == service and log.trace_id for log in sink.logs)


def test_a_checkout_is_one_trace_with_its_customer_and_current_attribute_names(
    shop: Shop, seen: Callable[[], OtlpSink]
) -> None:
    add(shop)
    checkout(shop)
    sink = seen()
    (root,) = [span for span in sink.spans if span.service == "storefront" and span.name == "POST /checkout"]
    spans = [span for span in sink.spans if span.trace_id == root.trace_id]
    assert {span.service for span in spans} == set(SERVICES)
    assert not root.parent_id
    for span in spans:
        assert {"service.name", "service.version", "service.instance.id", "deployment.environment.name"} <= set(
            span.resource
        )
        if span.kind == SERVER:
            customer = ("session.id", "user.id", "customer.country", "app.version")
            assert [span.attributes[name] for name in customer] == list(CUSTOMER.values())
            assert {"http.route", "http.request.method", "http.response.status_code"} <= set(span.attributes)
        if "db.collection.name" in span.attributes:
            assert {"db.system.name", "db.operation.name", "db.query.summary"} <= set(span.attributes)
    logs = [log for log in sink.logs if log.trace_id == root.trace_id]
    assert len(logs) >= 15


def test_counts_of_the_shop_are_what_arrived(shop: Shop, sink: OtlpSink) -> None:
    before = shop.counts()
    sink.clear()
    visit_everything(shop)
    after = shop.counts()
    assert after["spans"] - before["spans"] == len(sink.spans) > 100
    assert after["logs"] - before["logs"] == len(sink.logs) > 50
    assert after["spans"] == after["spans_delivered"]
    assert after["logs"] == after["logs_delivered"]
    assert after["spans_lost"] == after["logs_lost"] == 0


def test_a_repeat_under_one_key_places_one_order(shop: Shop) -> None:
    add(shop, session="s-twice", quantity=2)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: checkout(shop, session="s-twice", key="k-twice"), range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    orders = {answer.json()["order_id"] for answer in answers if answer.status_code == 200}
    assert len(orders) == 1
    assert checkout(shop, session="s-twice", key="k-twice").json()["order_id"] in orders


@pytest.mark.parametrize("path", ["/products/0", "/products/abc", "/products/99999999999999999999"])
def test_odd_numbers_are_refused_not_stumbled_over(shop: Shop, path: str) -> None:
    assert ask(shop, "GET", path).status_code in (404, 422)


def test_a_query_that_takes_too_long_is_given_up(shop: Shop, seen: Callable[[], OtlpSink]) -> None:
    answer = ask(shop, "GET", "/products?category=rugs&sort=disputed")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_timeout")
    (query,) = named(seen().spans, "storefront", "SELECT products")
    assert query.error and query.seconds > 2.4
    assert ask(shop, "GET", "/products?category=rugs").status_code == 200


def test_a_rush_of_counts_exhausts_their_pool_and_no_other(shop: Shop, seen: Callable[[], OtlpSink]) -> None:
    def rush() -> list[int]:
        path = f"/inventory/check?sku={SKU}&recount=true"
        with ThreadPoolExecutor(6) as pool:
            return [answer.status_code for answer in pool.map(lambda _: ask(shop, "GET", path), range(6))]

    eventually(lambda: 502 in rush(), seconds=120)
    refused = [s for s in server(seen().spans, "inventory", "GET /inventory/check") if s.error]
    assert {span.attributes["http.response.status_code"] for span in refused} == {503}
    assert all("QueuePool limit of size 2" in str(span.events) for span in refused)
    assert ask(shop, "GET", f"/inventory/check?sku={SKU}").status_code == 200


def test_a_gateway_that_answers_too_late_is_a_time_out_of_the_payment(shop: Shop, seen: Callable[[], OtlpSink]) -> None:
    add(shop, session="s-late")
    order = checkout(shop, session="s-late", method="later").json()["order_id"]
    late = ask(shop, "POST", "/payment", {"order_id": order, "card_token": "tok_gateway_slow"})
    assert late.status_code == 502
    (payment,) = server(seen().spans, "payment", "POST /payments")
    assert payment.attributes["http.response.status_code"] == 504
    assert ask(shop, "POST", "/payment", {"order_id": order}).json()["status"] == "captured"


def test_a_service_ends_at_once_and_sends_its_last_lines(shop: Shop, sink: OtlpSink) -> None:
    """Last of this page: it stops the shop."""
    started = time.monotonic()
    shop.stop()
    assert time.monotonic() - started < 60
    assert all(process.returncode == 0 for process in shop.processes.values())
    for service in SERVICES:
        assert any(log.service == service and log.body == f"{service} 1.4.0 stopped" for log in sink.logs)
