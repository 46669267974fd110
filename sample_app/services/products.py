"""What the storefront shows: products and their reviews, and the queries that find them."""

import logging
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query
from opentelemetry.instrumentation.utils import suppress_instrumentation
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    ScalarSelect,
    String,
    Table,
    func,
    insert,
    select,
)

from sample_app.catalogue import all_products
from sample_app.errors import ShopError
from sample_app.service import Runtime

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


def add_product_routes(app: FastAPI, runtime: Runtime) -> None:
    """Routes that show products."""
    engine, tracer = runtime.engine, runtime.tracer

    @app.get("/products")
    def list_products(
        category: str = Query("", max_length=40),
        q: str = Query("", max_length=200),
        sort: str = Query("", pattern="^(|disputed)$"),
    ) -> dict[str, Any]:
        rating = select(func.avg(reviews.c.stars)).where(reviews.c.product_id == products.c.id).scalar_subquery()
        order = _dispute().desc() if sort else products.c.id
        wanted = select(products, rating.label("stars")).order_by(order).limit(PAGE_SIZE)
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


def _dispute() -> ScalarSelect[int]:
    """How many pairs of a product's reviews contradict each other: the order ``sort=disputed``.

    Quick in a test with twenty reviews. With thousands there are millions of pairs, and the database gives the query up
    at its deadline: the time-out of this route that happens on any day.
    """
    one, other = reviews.alias("one"), reviews.alias("other")
    apart = (one.c.product_id == products.c.id) & (other.c.product_id == products.c.id)
    return select(func.count()).where(apart & (func.abs(one.c.stars - other.c.stars) > 3)).scalar_subquery()


def find_related(db: Connection, category: str) -> list[dict[str, Any]]:
    """Products of a category with their median stars: new in the next release, with a query for each of them."""
    related = []
    for number in db.execute(select(products.c.id).where(products.c.category == category)).scalars().all():
        stars = db.execute(select(reviews.c.stars).where(reviews.c.product_id == number)).scalars().all()
        related.append({"id": number, "stars": sorted(stars)[len(stars) // 2]})
    return related


def stock_the_shelves(engine: Engine) -> None:
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
