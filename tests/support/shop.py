"""The shop as tests run it: five real processes on free ports, with their databases in a temporary folder."""

import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from load.faults import admin_headers
from sample_app.config import SERVICES

REPOSITORY = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 180


def free_ports(count: int) -> int:
    """The first of ``count`` adjoining free ports."""
    for _ in range(200):
        first = random.randrange(20_000, 32_000)
        sockets = [socket.socket() for _ in range(count)]
        try:
            for offset, probe in enumerate(sockets):
                probe.bind(("127.0.0.1", first + offset))
            return first
        except OSError:
            continue
        finally:
            for probe in sockets:
                probe.close()
    raise RuntimeError("no free ports")


class Shop:
    """``with Shop(folder, sink.url) as shop: shop.http.get("/")``."""

    def __init__(self, folder: Path, otlp: str, **settings: str) -> None:
        self.port = free_ports(len(SERVICES))
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.token = "admin-token-of-this-test"
        self._folder = folder
        self.environment = {
            **os.environ,
            "OTEL_PIPELINE_HOME": str(folder),
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
            "SHOP_PORT": str(self.port),
            "SHOP_ADMIN_TOKEN": self.token,
            **settings,
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Shop":
        for service in SERVICES:
            with (self._folder / f"{service}.log").open("wb") as log:
                command = [sys.executable, "-m", "sample_app", service]
                self.processes[service] = subprocess.Popen(
                    command, env=self.environment, cwd=REPOSITORY, stdout=log, stderr=log
                )
        try:
            for service in SERVICES:
                self._wait_until_up(service)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End every service."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.http.close()

    def admin(self, service: str, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        """Call the admin API of a service."""
        url = f"http://127.0.0.1:{self.port + SERVICES.index(service)}/admin/{path}"
        answer = self.http.request(method, url, json=body, headers=admin_headers(self.token))
        assert answer.status_code == 200, (service, path, answer.text)
        return answer.json()

    def switch(self, service: str, scenario: str, on: bool, **parameters: Any) -> None:
        """Switch a fault."""
        self.admin(service, "faults", {"scenario": scenario, "on": on, "parameters": parameters})

    def counts(self) -> dict[str, int]:
        """Emitted spans and logs of all services together, after a flush."""
        total: dict[str, int] = {}
        for service in SERVICES:
            for name, number in self.admin(service, "flush").items():
                if name != "instances":
                    total[name] = total.get(name, 0) + number
        return total

    def _wait_until_up(self, service: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        port = self.port + SERVICES.index(service)
        while time.monotonic() < deadline:
            if self.processes[service].poll() is not None:
                break
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError(f"{service} did not start: {(self._folder / f'{service}.log').read_text()[-2000:]}")
