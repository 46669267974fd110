"""Cart: what each session wants to buy. Every change is checked against the stock."""

import json
import logging
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from sample_app.client import CallPolicy, Peer
from sample_app.errors import ShopError, UpstreamError, UpstreamTimeoutError
from sample_app.service import Job, Runtime, Service

log = logging.getLogger("shop.cart")
tables = MetaData()
carts = Table(
    "carts",
    tables,
    Column("session_id", String(64), primary_key=True),
    Column("items", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", Float, nullable=False, index=True),
)

MOST_PER_ARTICLE = 50
CART_LIFETIME_S = 1_800
LOCK_STRIPES = 64
STOCK_PATIENCE_S = 0.5


class Line(BaseModel):
    """Body of ``POST /cart/add``."""

    session_id: str
    sku: str
    quantity: int
    note: str = ""


class StaleCartError(RuntimeError):
    """The cart was changed by another request between reading and writing it."""


class CartLocks:
    """One lock for the requests of one cart, so that reading, checking and writing it are one step.

    Striped: carts share a fixed number of locks. As a switch it stops handing locks out.
    """

    def __init__(self) -> None:
        self._stripes = [threading.Lock() for _ in range(LOCK_STRIPES)]
        self._serialise = True

    def hold(self, session_id: str) -> AbstractContextManager[Any]:
        """The lock of a cart."""
        return self._stripes[hash(session_id) % LOCK_STRIPES] if self._serialise else nullcontext()

    def start(self) -> dict[str, Any]:
        """Let requests of the same cart run side by side."""
        self._serialise = False
        return {"locks": "off"}

    def stop(self) -> None:
        """One at a time again."""
        self._serialise = True


class Carts:
    """The carts table. A cart carries a version, by which a write notices that it is late."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, session_id: str) -> tuple[dict[str, int], int]:
        """Articles and version of a cart; version 0 when there is none."""
        wanted = select(carts.c["items"], carts.c.version).where(carts.c.session_id == session_id)
        with self._engine.connect() as db:
            row = db.execute(wanted).first()
        return (json.loads(row[0]), row[1]) if row else ({}, 0)

    def write(self, session_id: str, items: dict[str, int], seen_version: int) -> None:
        """Store a cart if nobody changed it since it was read.

        :raises StaleCartError: when somebody did.
        """
        new = {"items": json.dumps(items), "version": seen_version + 1, "updated_at": time.time()}
        same = (carts.c.session_id == session_id) & (carts.c.version == seen_version)
        try:
            with self._engine.begin() as db:
                if seen_version == 0:
                    db.execute(insert(carts).values(session_id=session_id, **new))
                    return
                written = db.execute(update(carts).where(same).values(**new)).rowcount
        except IntegrityError:
            written = 0
        if not written:
            raise StaleCartError(f"cart {session_id} is no longer at version {seen_version}")

    def clear(self, session_id: str) -> None:
        """Remove a cart."""
        with self._engine.begin() as db:
            db.execute(delete(carts).where(carts.c.session_id == session_id))

    def expire(self) -> int:
        """Remove abandoned carts; how many."""
        with self._engine.begin() as db:
            return db.execute(delete(carts).where(carts.c.updated_at < time.time() - CART_LIFETIME_S)).rowcount


class Patience:
    """How patient the cart is with inventory. As a switch it gives up far too early, and asks again at once."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self._usual = peer, peer.policy

    def start(self, timeout_ms: float = 1.5, attempts: int = 12) -> dict[str, Any]:
        """Lose patience.

        :param timeout_ms: wait for one answer; inventory needs about as long.
        :param attempts: calls for one question.
        """
        self._peer.policy = CallPolicy(timeout_ms / 1000, attempts, backoff_s=0)
        return {"timeout_ms": timeout_ms, "attempts": attempts}

    def stop(self) -> None:
        """Be patient again."""
        self._peer.policy = self._usual


def build(runtime: Runtime) -> Service:
    """Make the cart service."""
    tracer, book = runtime.tracer, Carts(runtime.engine)
    inventory = Peer("inventory", runtime.config.url_of("inventory"), CallPolicy(timeout_s=STOCK_PATIENCE_S))
    locks = CartLocks()
    conflicts = runtime.meter.create_counter("shop.cart.conflicts", "{conflict}", "Cart writes that found it changed")
    app = FastAPI(title="cart", openapi_url=None)

    def check_stock(sku: str, wanted: int) -> None:
        """Refuse what is sold out. Checkout reserves the goods anyway, so no answer in time is no reason to refuse.

        :raises ShopError: unknown article (404), sold out (409).
        """
        try:
            stock = inventory.get("/inventory/check", sku=sku, quantity=wanted)
        except (UpstreamTimeoutError, UpstreamError) as error:
            log.warning("added %s without knowing the stock: %s", sku, error.message)
            return
        if not stock["in_stock"]:
            raise ShopError(409, "out_of_stock", f"{sku}: {wanted} wanted, {stock['available']} left")

    @app.post("/cart/add")
    def add(line: Line) -> dict[str, Any]:
        with tracer.start_as_current_span("cart.update") as span, locks.hold(line.session_id):
            span.set_attribute("cart.sku", line.sku)
            span.set_attribute("cart.quantity", line.quantity)
            items, version = book.read(line.session_id)
            wanted = items.get(line.sku, 0) + line.quantity
            if wanted > MOST_PER_ARTICLE:
                raise ShopError(422, "too_many", f"no more than {MOST_PER_ARTICLE} of one article")
            check_stock(line.sku, wanted)
            items[line.sku] = wanted
            try:
                book.write(line.session_id, items, version)
            except StaleCartError:
                conflicts.add(1)
                raise
        log.info("cart %s at version %d holds %d articles", line.session_id, version + 1, sum(items.values()))
        return {"session_id": line.session_id, "items": items, "version": version + 1}

    @app.get("/cart/{session_id}")
    def show(session_id: str) -> dict[str, Any]:
        items, version = book.read(session_id)
        log.info("read cart %s: %d kinds of articles", session_id, len(items))
        return {"session_id": session_id, "items": items, "version": version}

    @app.delete("/cart/{session_id}")
    def clear(session_id: str) -> dict[str, Any]:
        with locks.hold(session_id):
            book.clear(session_id)
        log.info("cart %s cleared", session_id)
        return {"session_id": session_id}

    def forget_old() -> None:
        with tracer.start_as_current_span("cart.expire"):
            gone = book.expire()
        log.info("expired %d abandoned carts", gone)

    return Service(
        app,
        switches={"intermittent_error": locks, "retry_storm": Patience(inventory)},
        peers=(inventory,),
        jobs=(Job("cart-expiry", 60, forget_old),),
    )
