"""Requests to the shop, as tests make them."""

from typing import Any

import httpx

from sample_app.catalogue import FIRST_SOLD_OUT, product
from tests.support.otlp_sink import CLIENT, SERVER, SinkSpan
from tests.support.shop import Shop

SKU = product(3).sku
CUSTOMER = {
    "x-session-id": "s-test",
    "x-user-id": "u-test",
    "x-customer-country": "KR",
    "x-app-version": "5.1.0",
}


def ask(shop: Shop, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    """Any request of the test's customer."""
    return shop.http.request(method, path, json=body, headers={**CUSTOMER, **headers})


def add(shop: Shop, session: str = "s-test", sku: str = SKU, quantity: int = 1) -> httpx.Response:
    """``POST /cart/add``."""
    return ask(shop, "POST", "/cart/add", {"session_id": session, "sku": sku, "quantity": quantity})


def checkout(shop: Shop, session: str = "s-test", key: str = "", **how: str) -> httpx.Response:
    """``POST /checkout``; ``headers`` of the customer by their names with underscores: x_app_version."""
    headers = {name.replace("_", "-"): how.pop(name) for name in list(how) if name.startswith("x_")}
    body = {"session_id": session, "user_id": "u-test", "country": "KR", **how}
    return ask(shop, "POST", "/checkout", body, **{"idempotency-key": key, **headers})


def buy(shop: Shop, session: str, **how: str) -> httpx.Response:
    """Fill a cart and check out."""
    assert add(shop, session).status_code == 200
    return checkout(shop, session, **how)


def edges(spans: list[SinkSpan]) -> list[tuple[SinkSpan, SinkSpan]]:
    """Calls between services: client span and server span."""
    by_id = {span.span_id: span for span in spans}
    pairs = [(by_id[span.parent_id], span) for span in spans if span.kind == SERVER and span.parent_id in by_id]
    return [(caller, callee) for caller, callee in pairs if caller.kind == CLIENT]


def server(spans: list[SinkSpan], service: str, name: str) -> list[SinkSpan]:
    """Server spans of a route, in the order of their start."""
    found = [span for span in spans if (span.kind, span.service, span.name) == (SERVER, service, name)]
    return sorted(found, key=lambda span: span.start)


def named(spans: list[SinkSpan], service: str, name: str) -> list[SinkSpan]:
    """Spans of that name, in the order of their start."""
    return sorted((s for s in spans if (s.service, s.name) == (service, name)), key=lambda span: span.start)


def visit_everything(shop: Shop) -> None:
    """Use every route, with success and with its ordinary failures."""
    assert ask(shop, "GET", "/").status_code == 200
    assert ask(shop, "GET", "/products?category=rugs").json()["products"]
    assert ask(shop, "GET", "/products/3").json()["sku"] == SKU
    assert ask(shop, "GET", "/products/4000").json()["code"] == "no_such_product"
    assert ask(shop, "GET", f"/inventory/check?sku={SKU}").json()["in_stock"]
    assert ask(shop, "GET", f"/inventory/check?sku={SKU}&recount=true").json()["in_stock"]
    assert add(shop).status_code == 200
    assert add(shop, sku=product(FIRST_SOLD_OUT).sku).json()["code"] == "out_of_stock"
    assert checkout(shop).json()["status"] == "paid"
    assert checkout(shop).json()["code"] == "cart_empty"
    add(shop)
    assert checkout(shop, card_token="tok_stolen").json()["code"] == "card_declined"
    assert checkout(shop, card_token="tok_gateway_error").status_code == 502
    order = checkout(shop, method="later").json()
    assert ask(shop, "POST", "/payment", {"order_id": order["order_id"]}).json()["status"] == "captured"
    assert ask(shop, "POST", "/payment", {"order_id": order["order_id"]}).json()["code"] == "duplicate_payment"
