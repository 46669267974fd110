"""The counting desk of inventory: what is really on a shelf, by its scanner."""

import asyncio
import logging
import random
from collections.abc import Callable

import httpx
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from opentelemetry.trace import Tracer
from sqlalchemy import Connection

from sample_app.config import ShopConfig
from sample_app.database import PoolSize, open_pool
from sample_app.errors import UpstreamError

log = logging.getLogger("shop.inventory.counting")
POOL = PoolSize(keeps=2, overflow=0, wait_s=0.3)
SCAN_S = 0.5
"""Median time that a scanner needs for one shelf."""

SCANNER_TIMEOUT_S = 5.0


class CountingDesk:
    """Has a shelf scanned, and compares with the stock as it is recorded.

    A connection is held while the scanner looks, and the desk has two of its own, so that counting leaves the others to
    the sale. A few counts at the same time find no connection free in time: this pool is exhausted on any day.

    :param recorded: units of an article by the tables, None for an unknown one.
    """

    def __init__(self, config: ShopConfig, tracer: Tracer, recorded: Callable[[Connection, str], int | None]) -> None:
        self._engine = open_pool(config, "inventory-counting", POOL)
        self._tracer, self._recorded = tracer, recorded
        scanner = f"{config.url_of('inventory')}/sandbox/scanner"
        self._scanner, self._client = scanner, httpx.Client(timeout=SCANNER_TIMEOUT_S, trust_env=False)

    def count(self, sku: str) -> int | None:
        """Units of an article that are really there; None for an unknown one.

        :raises sqlalchemy.exc.TimeoutError: the desk is busy. :raises UpstreamError: the scanner fails.
        """
        with self._tracer.start_as_current_span("inventory.recount") as span, self._engine.connect() as db:
            recorded = self._recorded(db, sku)
            if recorded is not None:
                try:
                    self._client.get(self._scanner, params={"sku": sku}).raise_for_status()
                except httpx.HTTPError as error:
                    raise UpstreamError("scanner", type(error).__name__) from None
                span.set_attribute("inventory.units", recorded)
                log.info("the scanner of %s agrees: %d units", sku, recorded)
        return recorded


def add_scanner(app: FastAPI) -> None:
    """Stands for the scanners at the shelves, which are not ours and emit nothing."""

    @app.get("/sandbox/scanner")
    async def scan(sku: str) -> JSONResponse:
        await asyncio.sleep(random.lognormvariate(0, 0.2) * SCAN_S)
        return JSONResponse({"sku": sku, "agrees": True})
