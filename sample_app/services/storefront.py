"""Storefront: the gateway that customers talk to. Owns the catalogue; passes everything else on."""

import logging
from typing import Any

from fastapi import FastAPI, Header, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from sample_app.client import CallPolicy, Peer
from sample_app.page import ShopPage
from sample_app.service import Runtime, Service
from sample_app.services.products import ReviewIndex, add_product_routes, products, stock_the_shelves, tables

log = logging.getLogger("shop.storefront")
__all__ = ["build", "tables"]


class AddToCart(BaseModel):
    """Body of ``POST /cart/add``."""

    session_id: str = Field(min_length=1, max_length=64)
    sku: str = Field(min_length=1, max_length=32)
    quantity: int = Field(1, ge=1, le=20)
    note: str = Field("", max_length=4_000)


class Checkout(BaseModel):
    """Body of ``POST /checkout``."""

    session_id: str = Field(min_length=1, max_length=64)
    user_id: str = Field(min_length=1, max_length=64)
    country: str = Field("DE", min_length=2, max_length=2)
    method: str = Field("card", pattern="^(card|later)$")
    card_token: str = Field("tok_visa", max_length=64)


class Pay(BaseModel):
    """Body of ``POST /payment``: pays an order that was placed to be paid later."""

    order_id: str = Field(min_length=1, max_length=64)
    card_token: str = Field("tok_visa", max_length=64)


def build(runtime: Runtime) -> Service:
    """Make the storefront."""
    engine, url_of = runtime.engine, runtime.config.url_of
    cart = Peer("cart", url_of("cart"), CallPolicy(timeout_s=5.0))
    checkout = Peer("checkout", url_of("checkout"), CallPolicy(timeout_s=8.0))
    payment = Peer("payment", url_of("payment"), CallPolicy(timeout_s=5.0))
    inventory = Peer("inventory", url_of("inventory"), CallPolicy(timeout_s=3.0, attempts=2))
    stock_the_shelves(engine)
    app = FastAPI(title="storefront", openapi_url=None)

    page = ShopPage(runtime.config, app)
    add_product_routes(app, runtime)

    @app.get("/", response_model=None)
    def home(accept: str = Header("")) -> dict[str, Any] | HTMLResponse:
        if page.wanted(accept):
            return page.answer()
        with engine.connect() as db:
            picks = db.execute(select(products).order_by(products.c.price_cents.desc()).limit(6)).mappings().all()
        log.info("home page with %d picks, first %s", len(picks), picks[0]["sku"])
        return {"shop": "Lamp & Loom", "picks": [dict(row) for row in picks]}

    @app.post("/cart/add")
    def add_to_cart(body: AddToCart) -> dict[str, Any]:
        log.info("adding %d x %s to cart %s", body.quantity, body.sku, body.session_id)
        return cart.post("/cart/add", body.model_dump())

    @app.post("/checkout")
    def start_checkout(body: Checkout, idempotency_key: str = Header("", max_length=64)) -> dict[str, Any]:
        log.info("checkout of cart %s by %s, paying by %s", body.session_id, body.user_id, body.method)
        order = checkout.post("/checkout", body.model_dump(), idempotency_key)
        log.info("order %s placed: %d cents, %s", order["order_id"], order["total_cents"], order["status"])
        return order

    @app.post("/payment")
    def pay(body: Pay, idempotency_key: str = Header("", max_length=64)) -> dict[str, Any]:
        order = checkout.get(f"/orders/{body.order_id}")
        log.info("paying order %s of %d cents", body.order_id, order["total_cents"])
        wanted = {key: order[key] for key in ("order_id", "total_cents", "country", "items")}
        paid = payment.post("/payments", {**wanted, "card_token": body.card_token}, idempotency_key)
        checkout.post(
            f"/orders/{body.order_id}/paid", {"authorisation": paid["authorisation"]}, f"paid-{body.order_id}"
        )
        return paid

    @app.get("/inventory/check")
    def check_inventory(
        sku: str = Query(max_length=40), quantity: int = Query(1, ge=1, le=1000), recount: bool = False
    ) -> dict[str, Any]:
        how = {"recount": True} if recount else {}
        answer = inventory.get("/inventory/check", sku=sku, quantity=quantity, **how)
        log.info("stock of %s: %d available, %d wanted", sku, answer["available"], quantity)
        return answer

    return Service(
        app,
        switches={"slow_query": ReviewIndex(engine), "bad_deploy": runtime.deployment},
        peers=(cart, checkout, payment, inventory),
    )
