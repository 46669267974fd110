"""Who calls whom, and who emits what. Tests hold the running shop to this page.

Server spans are named ``METHOD /route``, client spans by their method, queries ``OPERATION table``; every query stands
beside a ``connect`` span, which holds the wait for the pool. Not emitted on purpose: the admin API and health checks
(they are no customer's work), the page's scripts and styles (a CDN's work elsewhere), the acquirer's sandbox (it is
not ours), the admin's scenario names (telemetry must not tell what was broken).
"""

from dataclasses import dataclass

COMMON_METRICS = frozenset(
    {
        "db.client.connection.count",
        "db.client.connection.max",
        "db.client.connection.pending_requests",
        "db.client.connection.wait_time",
        "http.server.request.duration",
        "process.cpu.time",
        "process.memory.usage",
    }
)


@dataclass(frozen=True)
class Emits:
    """What one service emits in ordinary operation.

    :param routes: server spans.
    :param steps: spans of business steps.
    :param jobs: root spans of background jobs (they come by the clock, at most a minute apart).
    :param tables: tables that its query spans name.
    :param metrics: beside :data:`COMMON_METRICS`.
    """

    routes: frozenset[str]
    steps: frozenset[str]
    jobs: frozenset[str]
    tables: frozenset[str]
    metrics: frozenset[str]


MATRIX = {
    "storefront": Emits(
        routes=frozenset(
            {
                "GET /",
                "GET /products",
                "GET /products/{product_id}",
                "POST /cart/add",
                "POST /checkout",
                "POST /payment",
                "GET /inventory/check",
            }
        ),
        steps=frozenset({"catalogue.list"}),
        jobs=frozenset(),
        tables=frozenset({"products", "reviews"}),
        metrics=frozenset({"http.client.request.duration"}),
    ),
    "cart": Emits(
        routes=frozenset({"POST /cart/add", "GET /cart/{session_id}", "DELETE /cart/{session_id}"}),
        steps=frozenset({"cart.update"}),
        jobs=frozenset({"cart.expire"}),
        tables=frozenset({"carts"}),
        metrics=frozenset({"http.client.request.duration"}),
    ),
    "checkout": Emits(
        routes=frozenset({"POST /checkout", "GET /orders/{order_id}", "POST /orders/{order_id}/paid"}),
        steps=frozenset({"checkout.price", "checkout.place_order", "checkout.loyalty"}),
        jobs=frozenset({"checkout.archive", "checkout.export_orders"}),
        tables=frozenset({"orders", "purchases"}),
        metrics=frozenset(
            {"http.client.request.duration", "shop.orders", "shop.order.value", "shop.export.queue.length"}
        ),
    ),
    "payment": Emits(
        routes=frozenset({"POST /payments"}),
        steps=frozenset({"payment.open", "payment.receipt", "payment.reserve_stock", "payment.authorise"}),
        jobs=frozenset({"payment.settlement"}),
        tables=frozenset({"payments"}),
        metrics=frozenset({"http.client.request.duration", "shop.payments"}),
    ),
    "inventory": Emits(
        routes=frozenset(
            {"GET /inventory/check", "POST /inventory/reserve", "POST /inventory/commit", "POST /inventory/release"}
        ),
        steps=frozenset({"inventory.safety_stock", "inventory.reserve", "inventory.recount"}),
        jobs=frozenset({"inventory.restock"}),
        tables=frozenset({"stock", "reservations"}),
        metrics=frozenset({"http.client.request.duration", "shop.reservations"}),  # its client calls the scanners only
    ),
}

EDGES = frozenset(
    {
        ("storefront", "cart", "POST /cart/add"),
        ("storefront", "checkout", "POST /checkout"),
        ("storefront", "checkout", "GET /orders/{order_id}"),
        ("storefront", "checkout", "POST /orders/{order_id}/paid"),
        ("storefront", "payment", "POST /payments"),
        ("storefront", "inventory", "GET /inventory/check"),
        ("cart", "inventory", "GET /inventory/check"),
        ("checkout", "cart", "GET /cart/{session_id}"),
        ("checkout", "cart", "DELETE /cart/{session_id}"),
        ("checkout", "payment", "POST /payments"),
        ("checkout", "inventory", "POST /inventory/commit"),
        ("payment", "inventory", "POST /inventory/reserve"),
        ("payment", "inventory", "POST /inventory/release"),
    }
)
"""Calls between services: caller, callee, the callee's route."""
