"""Locust as it runs: repeatable by its seed, in every shape, with its page. The shop is a server that only listens."""

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from otel_pipeline import children
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import REPOSITORY
from tests.support.processes import eventually

PATIENCE_S = 120


class Listener:
    """Answers every request with an order, and keeps what each visitor asked for."""

    def __init__(self) -> None:
        self.visits: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        visits = self.visits

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                visits[self.headers["x-session-id"]].append((self.command, self.path, body))
                answer = json.dumps({"order_id": "ord-1"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Listener":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def requests(self) -> int:
        """How many came."""
        return sum(map(len, self.visits.values()))


@contextmanager
def locust(host: str, log: Path, *arguments: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Locust with our file, for the length of a block."""
    own = {"LOAD_PACE_S": "0.05", "LOAD_USERS": "8", "LOAD_BROWSER_USERS": "0", **variables}
    command = [sys.executable, "-m", "locust", "-f", "load/locustfile.py", "--host", host, *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **own}, stdout=output, stderr=output)
    try:
        yield process
    finally:
        children.end(process, 20)


def visits_of_a_run(log: Path, seed: str) -> dict[str, list[tuple[str, str, str]]]:
    """What the visitors of a short run asked for; the last visit of a customer may be cut off."""
    arguments = ("--headless", "-u", "8", "-r", "8", "--requests", "300")
    with Listener() as shop, locust(shop.url, log, *arguments, LOAD_SEED=seed) as process:
        process.wait(PATIENCE_S)
        assert shop.requests >= 300, log.read_text()
        return shop.visits


def test_the_same_seed_makes_the_same_visits(tmp_path: Path) -> None:
    one, same, other = (visits_of_a_run(tmp_path / f"{n}.log", seed) for n, seed in enumerate(("3", "3", "4")))
    both = one.keys() & same.keys()
    assert len(both) > 0.5 * len(one) > 10
    for session in both:
        # Requests that are sent at the same time may arrive in another order.
        shorter, longer = sorted((one[session], same[session]), key=len)
        assert not [request for request in shorter if request not in longer]
    assert not one.keys() & other.keys()


@pytest.mark.parametrize("shape", ["day", "spike"])
def test_every_shape_runs(shape: str, tmp_path: Path) -> None:
    log = tmp_path / "locust.log"
    with Listener() as shop, locust(shop.url, log, "--headless", LOAD_SHAPE=shape):
        eventually(lambda: shop.requests > 30, PATIENCE_S, message="no requests")
        assert "Shape test starting" in log.read_text()


def test_the_page_of_locust_starts_the_load(tmp_path: Path) -> None:
    port = free_port()
    page = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)

    def answers() -> bool:
        try:
            return page.get("/").status_code == 200
        except httpx.TransportError:
            return False

    with Listener() as shop, locust(shop.url, tmp_path / "locust.log", "--web-port", str(port)):
        eventually(answers, PATIENCE_S)
        assert shop.requests == 0
        started = page.post("/swarm", data={"user_count": "4", "spawn_rate": "4", "host": shop.url})
        assert started.json()["success"]
        eventually(lambda: shop.requests > 20, PATIENCE_S)
        names = {row["name"] for row in page.get("/stats/requests").json()["stats"]}
        assert {"/", "/cart/add"} <= names
