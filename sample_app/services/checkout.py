"""Checkout: turns a cart into an order and has it paid."""

import json
import logging
import time
import uuid
from typing import Any

from fastapi import FastAPI, Header
from opentelemetry.trace import Tracer
from pydantic import BaseModel
from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from sample_app.catalogue import all_products
from sample_app.client import CallPolicy, Peer
from sample_app.errors import ShopError
from sample_app.relay import SlowPath
from sample_app.service import Job, Runtime, Service
from sample_app.services.export import LostBookkeeping, OrderExport, add_bookkeeping
from sample_app.services.loyalty import Loyalty, purchases_table

log = logging.getLogger("shop.checkout")
tables = MetaData()
orders = Table(
    "orders",
    tables,
    Column("order_id", String(40), primary_key=True),
    Column("idempotency_key", String(64), unique=True, nullable=False),
    Column("user_id", String(64), nullable=False, index=True),
    Column("country", String(2), nullable=False),
    Column("items", Text, nullable=False),
    Column("total_cents", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", Float, nullable=False, index=True),
)
purchases = purchases_table(tables)

ORDER_LIFETIME_S = 1_800
VAT_PERCENT = {"DE": 19, "FR": 20, "GB": 20, "US": 0, "BR": 17, "JP": 10, "KR": 10, "IN": 18}
PRICES = {p.sku: p.price_cents for p in all_products()}


class CheckoutBody(BaseModel):
    """Body of ``POST /checkout``."""

    session_id: str
    user_id: str
    country: str
    method: str
    card_token: str


class Paid(BaseModel):
    """Body of ``POST /orders/{id}/paid``."""

    authorisation: str


class Orders:
    """The orders table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, column: Column[Any], value: str) -> dict[str, Any] | None:
        """The order whose column has that value."""
        with self._engine.connect() as db:
            row = db.execute(select(orders).where(column == value)).mappings().first()
        return {**row, "items": json.loads(row["items"])} if row else None

    def place(self, order: dict[str, Any], key: str) -> None:
        """Store a new order; a failed one under the same key makes room.

        :raises ShopError: another request is placing it.
        """
        row = {**order, "items": json.dumps(order["items"])}
        with self._engine.begin() as db:
            db.execute(delete(orders).where((orders.c.idempotency_key == key) & (orders.c.status == "failed")))
            try:
                db.execute(insert(orders).values(idempotency_key=key, created_at=time.time(), **row))
            except IntegrityError:
                raise ShopError(409, "order_in_progress", "this order is being placed by another request") from None

    def set_status(self, order_id: str, status: str) -> None:
        """Change the status of an order."""
        with self._engine.begin() as db:
            db.execute(update(orders).where(orders.c.order_id == order_id).values(status=status))

    def archive(self) -> int:
        """Remove old orders; how many."""
        with self._engine.begin() as db:
            return db.execute(delete(orders).where(orders.c.created_at < time.time() - ORDER_LIFETIME_S)).rowcount


def price(tracer: Tracer, items: dict[str, int], country: str) -> int:
    """What the articles cost in a country, in cents, with tax."""
    with tracer.start_as_current_span("checkout.price") as span:
        net = sum(PRICES.get(sku, 0) * quantity for sku, quantity in items.items())
        total = net + net * VAT_PERCENT.get(country, 0) // 100
        span.set_attribute("order.items", len(items))
        span.set_attribute("order.total_cents", total)
    log.info("priced %d kinds of articles for %s: net %d cents, gross %d cents", len(items), country, net, total)
    return total


def add_order_routes(app: FastAPI, book: Orders, inventory: Peer) -> None:
    """Routes about orders that were placed."""

    @app.get("/orders/{order_id}")
    def show(order_id: str) -> dict[str, Any]:
        order = book.find(orders.c.order_id, order_id)
        if order is None:
            raise ShopError(404, "no_such_order", f"there is no order {order_id}")
        log.info("read order %s: %s", order_id, order["status"])
        return order

    @app.post("/orders/{order_id}/paid")
    def mark_paid(order_id: str, body: Paid) -> dict[str, Any]:
        inventory.post("/inventory/commit", {"order_id": order_id}, f"commit-{order_id}")
        book.set_status(order_id, "paid")
        log.info("order %s paid later with authorisation %s", order_id, body.authorisation)
        return {"order_id": order_id, "status": "paid"}


def build(runtime: Runtime) -> Service:
    """Make the checkout service."""
    tracer, url_of = runtime.tracer, runtime.config.url_of
    book = Orders(runtime.engine)
    cart = Peer("cart", url_of("cart"), CallPolicy(timeout_s=2.0, attempts=2))
    payment = Peer("payment", url_of("payment"), CallPolicy(timeout_s=5.0))
    inventory = Peer("inventory", url_of("inventory"), CallPolicy(timeout_s=1.5, attempts=2))
    placed = runtime.meter.create_counter("shop.orders", "{order}", "Orders by outcome")
    revenue = runtime.meter.create_histogram("shop.order.value", "cents", "Value of placed orders")
    app = FastAPI(title="checkout", openapi_url=None)

    @app.post("/checkout")
    def checkout(body: CheckoutBody, idempotency_key: str = Header("")) -> dict[str, Any]:
        key = idempotency_key or uuid.uuid4().hex
        if idempotency_key and (earlier := book.find(orders.c.idempotency_key, key)) and earlier["status"] != "failed":
            log.info("order %s was placed before under the same key", earlier["order_id"])
            return earlier
        items = cart.get(f"/cart/{body.session_id}")["items"]
        if not items:
            raise ShopError(409, "cart_empty", f"cart {body.session_id} is empty")
        order = {
            "order_id": f"ord-{uuid.uuid4().hex[:12]}",
            "user_id": body.user_id,
            "country": body.country,
            "items": items,
            "total_cents": price(tracer, items, body.country),
            "status": "pending",
        }
        with tracer.start_as_current_span("checkout.place_order"):
            book.place(order, key)
        log.info("order %s of user %s is pending", order["order_id"], order["user_id"])
        if body.method == "card":
            settle(order, body.card_token)
        order["rank"] = loyalty.rank(body.user_id)
        cart.delete(f"/cart/{body.session_id}")
        export.add(order["order_id"])
        placed.add(1, {"order.status": order["status"]})
        revenue.record(order["total_cents"])
        return order

    def settle(order: dict[str, Any], card_token: str) -> None:
        """Have the order paid and its goods handed over; mark it failed when that is not possible."""
        order_id = order["order_id"]
        wanted = {name: order[name] for name in ("order_id", "total_cents", "country", "items")}
        try:
            paid = payment.post("/payments", {**wanted, "card_token": card_token}, f"pay-{order_id}")
            inventory.post("/inventory/commit", {"order_id": order_id}, f"commit-{order_id}")
        except ShopError as error:
            book.set_status(order_id, "failed")
            placed.add(1, {"order.status": "failed"})
            log.log(
                logging.ERROR if error.status >= 500 else logging.WARNING,
                "order %s was not paid: %s", order_id, error.message,
            )  # fmt: skip
            raise
        order["status"] = "paid"
        book.set_status(order_id, "paid")
        log.info("order %s paid with authorisation %s", order_id, paid["authorisation"])

    add_order_routes(app, book, inventory)
    loyalty = Loyalty(runtime.engine, purchases, tracer)
    export = OrderExport(f"{url_of('checkout')}/sandbox/bookkeeping", tracer, runtime.meter)
    add_bookkeeping(app)

    def archive() -> None:
        with tracer.start_as_current_span("checkout.archive"):
            gone = book.archive()
        log.info("archived %d orders", gone)

    return Service(
        app,
        switches={
            "latency_drift": loyalty,
            "noisy_neighbour": LostBookkeeping(export),
            "slow_network": SlowPath(payment),
        },
        peers=(cart, payment, inventory),
        jobs=(Job("order-archive", 60, archive), export),
    )
