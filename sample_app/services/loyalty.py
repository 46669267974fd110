"""Loyalty: how a customer ranks among all buyers, shown with each order."""

import logging
import threading
from typing import Any

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import Tracer
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, delete, func, insert, select

log = logging.getLogger("shop.checkout.loyalty")
FIRST_PURCHASES = 200
BATCHES_PER_S = 2


def purchases_table(tables: MetaData) -> Table:
    """The table of past purchases, added to a service's tables."""
    return Table(
        "purchases",
        tables,
        Column("id", Integer, primary_key=True),
        Column("user_id", String(64), nullable=False),
        Column("cents", Integer, nullable=False),
    )


class Loyalty:
    """Ranks customers by what they spent. It reads every purchase to do so, which is fine while there are few.

    Put out of order, purchases of former years are imported all the time: each look takes longer than the one before.
    """

    def __init__(self, engine: Engine, purchases: Table, tracer: Tracer) -> None:
        self._engine, self._purchases, self._tracer = engine, purchases, tracer
        self._ending = threading.Event()
        self._worker: threading.Thread | None = None
        with suppress_instrumentation(), engine.begin() as db:
            db.execute(delete(purchases))
        self._insert(0, FIRST_PURCHASES)

    def rank(self, user_id: str) -> int:
        """Place of a customer among all, 1 for the one who spent most."""
        with self._tracer.start_as_current_span("checkout.loyalty") as span:
            with self._engine.connect() as db:
                rows = db.execute(select(self._purchases.c.user_id, self._purchases.c.cents)).all()
            spent: dict[str, int] = {}
            for user, cents in rows:
                spent[user] = spent.get(user, 0) + cents
            mine = spent.get(user_id, 0)
            place = 1 + sum(other > mine for other in spent.values())
            span.set_attribute("loyalty.purchases", len(rows))
        log.info("user %s ranks %d of %d by %d purchases", user_id, place, len(spent), len(rows))
        return place

    def start(self, rows_per_s: int = 4_000, limit: int = 150_000) -> dict[str, Any]:
        """Import purchases.

        :param rows_per_s: purchases a second.
        :param limit: purchases at which the import ends.
        """
        self._ending.clear()
        self._worker = threading.Thread(target=self._import, args=(rows_per_s, limit), name="import", daemon=True)
        self._worker.start()
        return {"rows_per_s": rows_per_s, "limit": limit}

    def stop(self) -> None:
        """End the import and take the imported purchases out again."""
        self._ending.set()
        if self._worker:
            self._worker.join()
            with suppress_instrumentation(), self._engine.begin() as db:
                db.execute(delete(self._purchases).where(self._purchases.c.id >= FIRST_PURCHASES))

    def _import(self, rows_per_s: int, limit: int) -> None:
        with suppress_instrumentation(), self._engine.connect() as db:
            number = db.execute(select(func.max(self._purchases.c.id))).scalar_one() + 1
        while number < limit and not self._ending.wait(1 / BATCHES_PER_S):
            self._insert(number, rows_per_s // BATCHES_PER_S)
            number += rows_per_s // BATCHES_PER_S

    def _insert(self, first: int, count: int) -> None:
        """The importer is a program of another team: what it does to the table is not in our telemetry."""
        rows = [
            {"id": n, "user_id": f"u-{n * 7919 % 4000:05d}", "cents": 500 + n * 31 % 20_000}
            for n in range(first, first + count)
        ]
        with suppress_instrumentation(), self._engine.begin() as db:
            db.execute(insert(self._purchases), rows)
