"""Inventory: how much of each article there is, and for whom it is kept."""

import logging
import time
from typing import Any

from fastapi import FastAPI, Query
from opentelemetry.instrumentation.utils import suppress_instrumentation
from pydantic import BaseModel
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from sample_app.catalogue import all_products
from sample_app.errors import ShopError
from sample_app.service import Job, Runtime, Service
from sample_app.services.counting import CountingDesk, add_scanner
from sample_app.services.stocktake import MovementHistory, Packs, Stocktake

log = logging.getLogger("shop.inventory")
tables = MetaData()
stock = Table(
    "stock",
    tables,
    Column("sku", String(20), primary_key=True),
    Column("on_hand", Integer, nullable=False),
    Column("restocked_to", Integer, nullable=False),
)
reservations = Table(
    "reservations",
    tables,
    Column("order_id", String(40), primary_key=True),
    Column("sku", String(20), primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("status", String(12), nullable=False),
    Column("created_at", Float, nullable=False, index=True),
)

FULL_SHELF = 5_000
RESERVATION_LIFETIME_S = 1_800


class Reserve(BaseModel):
    """Body of ``POST /inventory/reserve``."""

    order_id: str
    items: dict[str, int]


class OrderRef(BaseModel):
    """Body of ``POST /inventory/commit`` and ``/inventory/release``."""

    order_id: str


def recorded(db: Connection, sku: str) -> int | None:
    """Units of an article by the stock table; None for an unknown one."""
    return db.execute(select(stock.c.on_hand).where(stock.c.sku == sku)).scalar()


class Warehouse:
    """The tables of stock and reservations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        of, units = bindparam("of"), bindparam("units")
        there = (stock.c.sku == of) & (stock.c.on_hand >= units)
        self._take = update(stock).where(there).values(on_hand=stock.c.on_hand - units)
        self._give_back = update(stock).where(stock.c.sku == of).values(on_hand=stock.c.on_hand + units)
        with suppress_instrumentation(), engine.begin() as db:
            if db.execute(select(func.count()).select_from(stock)).scalar():
                return
            full = [(p.sku, 0 if p.discontinued else FULL_SHELF) for p in all_products()]
            db.execute(insert(stock), [{"sku": sku, "on_hand": n, "restocked_to": n} for sku, n in full])

    def on_hand(self, sku: str) -> int | None:
        """Units on the shelf; None for an unknown article."""
        with self._engine.connect() as db:
            return recorded(db, sku)

    def reserve(self, order_id: str, items: dict[str, int]) -> bool:
        """Take the goods of an order off the shelf, all or none; False when they were taken before.

        :raises ShopError: not enough of some article.
        """
        same = {"order_id": order_id, "status": "reserved", "created_at": time.time()}
        try:
            with self._engine.begin() as db:
                if db.execute(select(reservations.c.sku).where(reservations.c.order_id == order_id)).first():
                    return False
                taken = db.execute(self._take, [{"of": sku, "units": units} for sku, units in items.items()]).rowcount
                if taken < len(items):
                    raise ShopError(409, "out_of_stock", f"order {order_id}: not enough left of {' '.join(items)}")
                db.execute(insert(reservations), [{**same, "sku": sku, "quantity": n} for sku, n in items.items()])
        except IntegrityError:  # a repeat of the request was faster; what this one took is rolled back
            return False
        return True

    def commit(self, order_id: str) -> int:
        """Mark the goods of an order as handed over; kinds of articles."""
        with self._engine.begin() as db:
            mine = reservations.c.order_id == order_id
            return db.execute(update(reservations).where(mine).values(status="committed")).rowcount

    def release(self, order_id: str) -> int:
        """Put the goods of an order back; kinds of articles."""
        with self._engine.begin() as db:
            mine = (reservations.c.order_id == order_id) & (reservations.c.status == "reserved")
            held = db.execute(select(reservations.c.sku, reservations.c.quantity).where(mine)).all()
            if held:
                db.execute(self._give_back, [{"of": sku, "units": quantity} for sku, quantity in held])
                db.execute(delete(reservations).where(mine))
        return len(held)

    def restock(self) -> tuple[int, int]:
        """Fill low shelves and remove old reservations; numbers of both."""
        with self._engine.begin() as db:
            low = stock.c.on_hand < stock.c.restocked_to // 2
            filled = db.execute(update(stock).where(low).values(on_hand=stock.c.restocked_to)).rowcount
            old = reservations.c.created_at < time.time() - RESERVATION_LIFETIME_S
            return filled, db.execute(delete(reservations).where(old)).rowcount


def build(runtime: Runtime) -> Service:
    """Make the inventory service."""
    tracer, engine = runtime.tracer, runtime.engine
    warehouse = Warehouse(engine)
    history = MovementHistory(all_products())
    packs = Packs()
    desk = CountingDesk(runtime.config, tracer, recorded)
    stocktake = Stocktake(engine, runtime.config.pool_size + runtime.config.pool_overflow, tracer)
    reserved = runtime.meter.create_counter("shop.reservations", "{reservation}", "Reservations by outcome")
    app = FastAPI(title="inventory", openapi_url=None)
    add_scanner(app)

    def safety_stock(skus: list[str]) -> dict[str, int]:
        """Units of each article that must stay on the shelf, from the recent movements."""
        with tracer.start_as_current_span("inventory.safety_stock") as span:
            span.set_attribute("inventory.skus", len(skus))
            return history.safety_stock(skus)

    @app.get("/inventory/check")
    def check(sku: str = Query(max_length=40), quantity: int = Query(1, ge=1), recount: bool = False) -> dict[str, Any]:
        kept = safety_stock([sku])[sku]
        on_hand = desk.count(sku) if recount else warehouse.on_hand(sku)
        if on_hand is None:
            raise ShopError(404, "unknown_sku", f"there is no article {sku}")
        available = max(0, packs.units(on_hand) - kept)
        log.info("checked %s: %d on hand, %d available", sku, on_hand, available)
        return {"sku": sku, "available": available, "in_stock": available >= quantity}

    @app.post("/inventory/reserve")
    def reserve(body: Reserve) -> dict[str, Any]:
        safety_stock(list(body.items))
        with tracer.start_as_current_span("inventory.reserve") as span:
            span.set_attribute("order.id", body.order_id)
            try:
                new = warehouse.reserve(body.order_id, body.items)
            except ShopError:
                reserved.add(1, {"reservation.status": "refused"})
                raise
        if new:
            reserved.add(1, {"reservation.status": "reserved"})
            log.info("reserved %d articles for order %s", sum(body.items.values()), body.order_id)
        else:
            log.info("order %s is reserved already", body.order_id)
        return {"order_id": body.order_id, "status": "reserved"}

    @app.post("/inventory/commit")
    def commit(body: OrderRef) -> dict[str, Any]:
        kinds = warehouse.commit(body.order_id)
        log.info("order %s leaves the warehouse: %d kinds of articles", body.order_id, kinds)
        return {"order_id": body.order_id, "status": "committed"}

    @app.post("/inventory/release")
    def release(body: OrderRef) -> dict[str, Any]:
        kinds = warehouse.release(body.order_id)
        log.info("released %d kinds of articles of order %s", kinds, body.order_id)
        return {"order_id": body.order_id, "status": "released"}

    def restock() -> None:
        with tracer.start_as_current_span("inventory.restock"):
            filled, gone = warehouse.restock()
        log.info("restocked %d articles, archived %d reservations", filled, gone)

    return Service(
        app,
        switches={"payment_timeout": stocktake, "cascade_failure": history, "wrong_content": packs},
        jobs=(Job("restock", 20, restock),),
    )
