"""Storefront: the gateway that customers talk to. Owns the catalogue; passes everything else on."""

import logging
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Query
from fastapi.responses import HTMLResponse
from opentelemetry.instrumentation.utils import suppress_instrumentation
from pydantic import BaseModel, Field
from sqlalchemy import Column, Connection, Engine, Float, Index, Integer, MetaData, String, Table, func, insert, select

from sample_app.catalogue import all_products
from sample_app.client import CallPolicy, Peer
from sample_app.errors import ShopError
from sample_app.page import ShopPage
from sample_app.service import Runtime, Service

log = logging.getLogger("shop.storefront")
tables = MetaData()
products = Table(
    "products",
    tables,
    Column("id", Integer, primary_key=True),
    Column("sku", String(20), unique=True, nullable=False),
    Column("name", String(100), nullable=False),
    Column("category", String(20), nullable=False, index=True),
    Column("price_cents", Integer, nullable=False),
)
reviews = Table(
    "reviews",
    tables,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("stars", Float, nullable=False),
)
reviews_by_product = Index("reviews_by_product", reviews.c.product_id, reviews.c.stars)

REVIEWS_PER_PRODUCT = 4_000
PAGE_SIZE = 12


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


class ReviewIndex:
    """The index that finds a product's reviews. As a switch it is dropped: the same queries then read every review."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self) -> dict[str, Any]:
        """Drop the index."""
        with suppress_instrumentation():
            reviews_by_product.drop(self._engine, checkfirst=True)
        return {"index": reviews_by_product.name}

    def stop(self) -> None:
        """Make it again."""
        with suppress_instrumentation():
            reviews_by_product.create(self._engine, checkfirst=True)


def build(runtime: Runtime) -> Service:
    """Make the storefront."""
    engine, tracer, url_of = runtime.engine, runtime.tracer, runtime.config.url_of
    cart = Peer("cart", url_of("cart"), CallPolicy(timeout_s=5.0))
    checkout = Peer("checkout", url_of("checkout"), CallPolicy(timeout_s=8.0))
    payment = Peer("payment", url_of("payment"), CallPolicy(timeout_s=5.0))
    inventory = Peer("inventory", url_of("inventory"), CallPolicy(timeout_s=3.0, attempts=2))
    _stock_the_shelves(engine)
    app = FastAPI(title="storefront", openapi_url=None)

    page = ShopPage(runtime.config, app)

    @app.get("/", response_model=None)
    def home(accept: str = Header("")) -> dict[str, Any] | HTMLResponse:
        if page.wanted(accept):
            return page.answer()
        with engine.connect() as db:
            picks = db.execute(select(products).order_by(products.c.price_cents.desc()).limit(6)).mappings().all()
        log.info("home page with %d picks, first %s", len(picks), picks[0]["sku"])
        return {"shop": "Lamp & Loom", "picks": [dict(row) for row in picks]}

    @app.get("/products")
    def list_products(category: str = Query("", max_length=40), q: str = Query("", max_length=200)) -> dict[str, Any]:
        rating = select(func.avg(reviews.c.stars)).where(reviews.c.product_id == products.c.id).scalar_subquery()
        wanted = select(products, rating.label("stars")).order_by(products.c.id).limit(PAGE_SIZE)
        if category:
            wanted = wanted.where(products.c.category == category)
        if q:
            wanted = wanted.where(products.c.name.icontains(q, autoescape=True))
        with tracer.start_as_current_span("catalogue.list") as span:
            with engine.connect() as db:
                found = [dict(row) for row in db.execute(wanted).mappings()]
            span.set_attribute("catalogue.category", category or "all")
            span.set_attribute("catalogue.results", len(found))
        log.info("listed %d products of category %s", len(found), category or "all")
        return {"products": found}

    @app.get("/products/{product_id}")
    def show_product(product_id: Annotated[int, Path(ge=1, le=10**9)]) -> dict[str, Any]:
        with engine.connect() as db:
            row = db.execute(select(products).where(products.c.id == product_id)).mappings().first()
            if row is None:
                raise ShopError(404, "no_such_product", f"there is no product {product_id}")
            stars = db.execute(select(func.avg(reviews.c.stars)).where(reviews.c.product_id == product_id)).scalar()
            related = find_related(db, row["category"]) if runtime.deployment.changed else []
        log.info("product page %s at %d cents, %.1f stars", row["sku"], row["price_cents"], stars or 0)
        return {**row, "stars": stars, "related": related}

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
    def check_inventory(sku: str = Query(max_length=40), quantity: int = Query(1, ge=1, le=1000)) -> dict[str, Any]:
        answer = inventory.get("/inventory/check", sku=sku, quantity=quantity)
        log.info("stock of %s: %d available, %d wanted", sku, answer["available"], quantity)
        return answer

    return Service(
        app,
        switches={"slow_query": ReviewIndex(engine), "bad_deploy": runtime.deployment},
        peers=(cart, checkout, payment, inventory),
    )


def find_related(db: Connection, category: str) -> list[dict[str, Any]]:
    """Products of a category with their median stars: new in the next release, with a query for each of them."""
    related = []
    for number in db.execute(select(products.c.id).where(products.c.category == category)).scalars().all():
        stars = db.execute(select(reviews.c.stars).where(reviews.c.product_id == number)).scalars().all()
        related.append({"id": number, "stars": sorted(stars)[len(stars) // 2]})
    return related


def _stock_the_shelves(engine: Engine) -> None:
    """Fill catalogue and reviews, once."""
    with suppress_instrumentation(), engine.begin() as db:
        if db.execute(select(func.count()).select_from(products)).scalar():
            return
        db.execute(
            insert(products),
            [
                {"id": p.number, "sku": p.sku, "name": p.name, "category": p.category, "price_cents": p.price_cents}
                for p in all_products()
            ],
        )
        for p in all_products():
            stars = (1 + (p.number * 31 + n * 17) % 9 / 2 for n in range(REVIEWS_PER_PRODUCT))
            db.execute(insert(reviews), [{"product_id": p.number, "stars": star} for star in stars])
