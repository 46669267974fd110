"""Parts of inventory that can go wrong: the stocktake report, the history of movements, the size of packs."""

import json
import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from opentelemetry.trace import Tracer
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sample_app.catalogue import Product

log = logging.getLogger("shop.inventory.stocktake")


class Stocktake:
    """A report that reads the whole stock through a connection of its own for each aisle.

    Put out of order it never gives its connections back: it takes from the pool until none is left and holds them.
    Requests then wait for the pool, and time out there.
    """

    def __init__(self, engine: Engine, pool_limit: int, tracer: Tracer) -> None:
        self._engine, self._pool_limit, self._tracer = engine, pool_limit, tracer
        self._held: list[Connection] = []
        self._ending = threading.Event()
        self._worker: threading.Thread | None = None

    def start(self, connections: int = 0) -> dict[str, Any]:
        """Take connections and keep them.

        :param connections: how many; 0 takes all that the pool may open.
        """
        wanted = connections or self._pool_limit
        self._ending.clear()
        self._worker = threading.Thread(target=self._take, args=(wanted,), name="stocktake", daemon=True)
        self._worker.start()
        return {"connections": wanted}

    def stop(self) -> None:
        """Give every connection back."""
        self._ending.set()
        if self._worker:
            self._worker.join()
        for connection in self._held:
            connection.close()
        self._held.clear()

    def _take(self, wanted: int) -> None:
        while len(self._held) < wanted and not self._ending.is_set():
            with self._tracer.start_as_current_span("inventory.stocktake"):
                try:
                    connection = self._engine.connect()
                except PoolTimeout:
                    continue
                self._held.append(connection)
                counted = connection.execute(text("SELECT count(*), sum(on_hand) FROM stock")).one()
            log.info("stocktake of aisle %d: %d articles, %d units", len(self._held), *counted)


class MovementHistory:
    """Recent movements of stock, kept as the pages in which the warehouse sends them.

    A new page replaces the one before. Put out of order the pages pile up instead, and as every look-up reads all that
    are there, it slows as they grow.
    """

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = [p for p in products if not p.discontinued]
        self._pages = [self._page(copies=1)]
        self._reading = threading.Lock()
        self._ending = threading.Event()
        self._worker: threading.Thread | None = None

    def safety_stock(self, skus: list[str]) -> dict[str, int]:
        """Units to keep of each article: the largest movement of it on any page."""
        kept = dict.fromkeys(skus, 0)
        with self._reading:
            number = 0
            while number < len(self._pages):
                for sku, units in json.loads(self._pages[number]):
                    if sku in kept:
                        kept[sku] = max(kept[sku], units)
                number += 1
        return kept

    def start(self, mb_per_s: float = 4.0, limit_mb: float = 150.0) -> dict[str, Any]:
        """Let pages pile up.

        :param mb_per_s: megabytes a second that arrive and stay.
        :param limit_mb: megabytes at which the warehouse stops sending.
        """
        self._ending.clear()
        arguments = (mb_per_s, limit_mb)
        self._worker = threading.Thread(target=self._pile_up, args=arguments, name="movements", daemon=True)
        self._worker.start()
        return {"mb_per_s": mb_per_s, "limit_mb": limit_mb}

    def stop(self) -> None:
        """Keep one page only, again."""
        self._ending.set()
        if self._worker:
            self._worker.join()
        del self._pages[1:]

    def _pile_up(self, mb_per_s: float, limit_mb: float) -> None:
        page = self._page(copies=200)
        pause = len(page) / 1e6 / mb_per_s
        while not self._ending.wait(pause):
            if len(self._pages) * len(page) / 1e6 < limit_mb:
                self._pages.append(self._page(copies=200))

    def _page(self, copies: int) -> str:
        """One page of movements: a few units of each article."""
        second = int(time.time())
        movements = [[p.sku, 1 + (p.number + second) % 5] for p in self._products]
        return json.dumps(movements * copies)


class Packs:
    """How many units one entry of the stock stands for.

    Put out of order, it takes units for packs, so that what it answers about the stock is wrong.
    """

    def __init__(self) -> None:
        self._per_pack = 1

    def units(self, on_hand: int) -> int:
        """Units that can be sold, of what the shelf is said to hold."""
        return on_hand // self._per_pack

    def start(self, per_pack: int = 2_500) -> dict[str, Any]:
        """Count in packs.

        :param per_pack: units in a pack.
        """
        self._per_pack = per_pack
        return {"per_pack": per_pack}

    def stop(self) -> None:
        """Count in units."""
        self._per_pack = 1
