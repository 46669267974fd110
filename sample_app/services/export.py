"""Export of orders to the bookkeeping system, in the background. No customer waits for it."""

import logging
import threading
from collections import deque
from itertools import islice
from typing import Any

import httpx
from fastapi import FastAPI
from opentelemetry.metrics import Meter, Observation
from opentelemetry.trace import Status, StatusCode, Tracer

log = logging.getLogger("shop.checkout.export")
CALM_PERIOD_S = 15.0
LARGEST_BATCH, MOST_WAITING = 500, 20_000
"""Orders in one post, and orders that are kept for a bookkeeping that is away: older ones are dropped."""

TIMEOUT_S = 2.0


class OrderExport(threading.Thread):
    """A queue of orders that is posted to the bookkeeping system now and then.

    Put out of order, that system is gone: nothing listens at its address, and the export tries again and again, loudly.
    """

    def __init__(self, url: str, tracer: Tracer, meter: Meter) -> None:
        super().__init__(name="order-export", daemon=True)
        self._good_url = self._url = url
        self._tracer = tracer
        self._period_s = CALM_PERIOD_S
        self._wake, self._ended = threading.Event(), threading.Event()
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._batch = 0
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        meter.create_observable_up_down_counter(
            "shop.export.queue.length",
            [lambda _: [Observation(len(self._waiting))]],
            "{order}",
            "Orders that wait to be sent to the bookkeeping system",
        )

    def add(self, order_id: str) -> None:
        """Queue an order."""
        self._waiting.append(order_id)

    def run(self) -> None:
        """Export until told to end."""
        while not self._ended.is_set():
            self._wake.wait(self._period_s)
            self._wake.clear()
            if not self._ended.is_set():
                self._export()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._wake.set()

    def start_noise(self, per_s: float = 5.0, port: int = 9) -> dict[str, Any]:
        """Lose the bookkeeping system.

        :param per_s: attempts a second.
        :param port: local port at which nothing listens.
        """
        self._url, self._period_s = f"http://127.0.0.1:{port}/orders", 1 / per_s
        self._wake.set()
        return {"per_s": per_s, "port": port}

    def stop_noise(self) -> None:
        """Find it again."""
        self._url, self._period_s = self._good_url, CALM_PERIOD_S

    def _export(self) -> None:
        self._batch += 1
        orders = list(islice(self._waiting, LARGEST_BATCH))
        with self._tracer.start_as_current_span("checkout.export_orders") as span:
            span.set_attribute("export.batch", self._batch)
            span.set_attribute("export.orders", len(orders))
            try:
                self._client.post(self._url, json={"batch": self._batch, "orders": orders}).raise_for_status()
            except httpx.HTTPError as error:
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, "bookkeeping cannot be reached"))
                log.error("export of batch %d failed: %s", self._batch, error)
                log.warning("bookkeeping queue is not drained; batch %d will be sent again", self._batch)
                log.error("bookkeeping at %s is unreachable, %d batches behind", self._url, self._batch)
            else:
                for _ in orders:
                    self._waiting.popleft()
                log.info("exported batch %d to bookkeeping: %d orders", self._batch, len(orders))


class LostBookkeeping:
    """The switch of :class:`OrderExport` (a thread has a ``start`` of its own)."""

    def __init__(self, export: OrderExport) -> None:
        self.start, self.stop = export.start_noise, export.stop_noise


def add_bookkeeping(app: FastAPI) -> None:
    """Stands for the bookkeeping system, which is not ours and emits nothing."""

    @app.post("/sandbox/bookkeeping")
    async def book() -> dict[str, str]:
        return {"status": "booked"}
