"""Payment: reserves the goods, then charges the card at the payment gateway."""

import asyncio
import logging
import random
import time
import uuid
from typing import Any

import httpx
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse
from opentelemetry import baggage
from opentelemetry.trace import Tracer
from pydantic import BaseModel
from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from sample_app.client import CallPolicy, Peer
from sample_app.errors import ShopError, UpstreamError, UpstreamTimeoutError
from sample_app.service import Job, Runtime, Service
from sample_app.services.receipt import Receipts

log = logging.getLogger("shop.payment")
tables = MetaData()
payments = Table(
    "payments",
    tables,
    Column("order_id", String(40), primary_key=True),
    Column("idempotency_key", String(64), nullable=False),
    Column("amount_cents", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("authorisation", String(40), nullable=False),
    Column("created_at", Float, nullable=False, index=True),
)

PAYMENT_LIFETIME_S = 1_800
GATEWAY_TIMEOUT_S = 2.0
GATEWAY_LATENCY_MS = 25
"""Median answer time of the acquirer's sandbox."""

DECLINED = {
    "tok_insufficient_funds": "insufficient_funds",
    "tok_stolen": "card_declined",
    "tok_expired": "card_expired",
}
GATEWAY_DOWN, GATEWAY_SLOW = "tok_gateway_error", "tok_gateway_slow"
"""Test cards for which the sandbox fails, and answers too late."""


class PaymentBody(BaseModel):
    """Body of ``POST /payments``."""

    order_id: str
    total_cents: int
    country: str
    items: dict[str, int]
    card_token: str


class Payments:
    """The payments table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, order_id: str, amount_cents: int, key: str) -> str:
        """Record an attempt to pay.

        :returns: the authorisation, when the same request was fulfilled before; else "".
        :raises ShopError: the order was paid, or is being paid, by another request.
        """
        with self._engine.begin() as db:
            row = db.execute(select(payments).where(payments.c.order_id == order_id)).mappings().first()
            if row and row["status"] == "captured":
                if row["idempotency_key"] == key:
                    return row["authorisation"]
                raise ShopError(409, "duplicate_payment", f"order {order_id} is already paid")
            if row:
                db.execute(delete(payments).where(payments.c.order_id == order_id))
            new = {"order_id": order_id, "idempotency_key": key, "amount_cents": amount_cents}
            try:
                db.execute(insert(payments).values(**new, status="pending", authorisation="", created_at=time.time()))
            except IntegrityError:
                raise ShopError(409, "duplicate_payment", f"order {order_id} is being paid") from None
        return ""

    def close(self, order_id: str, status: str, authorisation: str = "") -> None:
        """Record how an attempt ended."""
        changed = {"status": status, "authorisation": authorisation}
        with self._engine.begin() as db:
            db.execute(update(payments).where(payments.c.order_id == order_id).values(**changed))

    def archive(self) -> int:
        """Remove old payments; how many."""
        with self._engine.begin() as db:
            return db.execute(delete(payments).where(payments.c.created_at < time.time() - PAYMENT_LIFETIME_S)).rowcount


class Gateway:
    """Client of the payment gateway."""

    def __init__(self, base_url: str, tracer: Tracer) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=GATEWAY_TIMEOUT_S, trust_env=False)
        self._tracer = tracer

    def authorise(self, token: str, amount_cents: int) -> str:
        """Charge a card; the authorisation.

        :raises ShopError: declined (402), or the gateway failed (502, 504).
        """
        with self._tracer.start_as_current_span("payment.authorise") as span:
            span.set_attribute("payment.gateway", "acquirer-sandbox")
            span.set_attribute("payment.amount_cents", amount_cents)
            try:
                answer = self._client.post("/sandbox/charges", json={"token": token, "amount": amount_cents})
            except httpx.TimeoutException:
                raise UpstreamTimeoutError("gateway", GATEWAY_TIMEOUT_S) from None
            except httpx.TransportError as error:
                raise UpstreamError("gateway", type(error).__name__) from None
            if answer.status_code == 402:
                raise ShopError(402, answer.json()["code"], f"card refused: {answer.json()['code']}")
            if answer.status_code != 200:
                raise UpstreamError("gateway", f"HTTP {answer.status_code}")
            return answer.json()["authorisation"]


async def sandbox(request: Request) -> JSONResponse:
    """The acquirer's test environment: not ours, so it emits nothing. Its answer depends on the card token."""
    charge = await request.json()
    await asyncio.sleep(random.lognormvariate(0, 0.25) * GATEWAY_LATENCY_MS / 1000)
    if charge["token"] == GATEWAY_SLOW:
        await asyncio.sleep(2 * GATEWAY_TIMEOUT_S)
    if charge["token"] == GATEWAY_DOWN:
        return JSONResponse({"code": "acquirer_unavailable"}, 503)
    if code := DECLINED.get(charge["token"]):
        return JSONResponse({"code": code}, 402)
    return JSONResponse({"authorisation": f"auth-{uuid.uuid4().hex[:10]}"})


def build(runtime: Runtime) -> Service:
    """Make the payment service."""
    tracer, config = runtime.tracer, runtime.config
    inventory = Peer("inventory", config.url_of("inventory"), CallPolicy(timeout_s=1.0, attempts=2, backoff_s=0.15))
    gateway = Gateway(config.url_of("payment"), tracer)
    book, receipts = Payments(runtime.engine), Receipts()
    charged = runtime.meter.create_counter("shop.payments", "{payment}", "Payments by outcome")
    app = FastAPI(title="payment", openapi_url=None)

    def close(order_id: str, status: str, authorisation: str = "") -> None:
        book.close(order_id, status, authorisation)
        charged.add(1, {"payment.status": status})

    def give_back(order_id: str) -> None:
        """Release the goods of an order that was not paid. A failure is logged only: reservations expire."""
        try:
            inventory.post("/inventory/release", {"order_id": order_id}, f"release-{order_id}")
        except ShopError as error:
            log.warning("the goods of order %s stay reserved: %s", order_id, error.message)

    @app.post("/payments")
    def pay(body: PaymentBody, idempotency_key: str = Header("")) -> dict[str, Any]:
        key = idempotency_key or uuid.uuid4().hex
        with tracer.start_as_current_span("payment.open") as span:
            span.set_attribute("order.id", body.order_id)
            earlier = book.open(body.order_id, body.total_cents, key)
        if earlier:
            log.info("payment of order %s repeated under the same key", body.order_id)
            return {"order_id": body.order_id, "authorisation": earlier, "status": "captured"}
        log.info("payment of order %s opened: %d cents", body.order_id, body.total_cents)
        with tracer.start_as_current_span("payment.receipt"):
            amount = receipts.text(body.total_cents, body.country, str(baggage.get_baggage("app.version") or ""))
        try:
            with tracer.start_as_current_span("payment.reserve_stock"):
                wanted = {"order_id": body.order_id, "items": body.items}
                inventory.post("/inventory/reserve", wanted, f"reserve-{body.order_id}")
            authorisation = gateway.authorise(body.card_token, body.total_cents)
        except ShopError as error:
            close(body.order_id, "failed")
            if not (isinstance(error, UpstreamError | UpstreamTimeoutError) and error.peer == "inventory"):
                give_back(body.order_id)
            raise
        close(body.order_id, "captured", authorisation)
        log.info("charged %s for order %s, authorisation %s", amount, body.order_id, authorisation)
        return {"order_id": body.order_id, "authorisation": authorisation, "status": "captured"}

    def settle_day() -> None:
        with tracer.start_as_current_span("payment.settlement"):
            gone = book.archive()
        log.info("settled and archived %d payments", gone)

    app.add_api_route("/sandbox/charges", sandbox, methods=["POST"])
    return Service(
        app, switches={"segment_fault": receipts}, peers=(inventory,), jobs=(Job("settlement", 60, settle_day),)
    )
