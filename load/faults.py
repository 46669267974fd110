"""Switches the shop's faults, and writes into the ledger what was broken, when and where.

    control = FaultControl(shop_url, database)
    with control.fault("payment_timeout"):
        ...                                   # inventory's pool is exhausted here

The ledger is the ground truth that results are judged by. Nothing in the shop's telemetry names a scenario.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

from load.scenarios import SCENARIOS, Scenario, scenario
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load
from sample_app.config import SERVICES

SWITCH_TIMEOUT_S = 60
COLUMNS = ("Id", "Scenario", "ServiceName", "StartedAt", "EndedAt", "ExpectedSignature", "Parameters", "Version")


class Ledger(Protocol):
    """Where records go: :class:`otel_pipeline.clickhouse.Database`."""

    def insert(self, table: str, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
        """Insert rows."""
        ...


@dataclass(frozen=True)
class FaultRecord:
    """One injected fault. Times are UTC; ``ended`` is None while it lasts."""

    scenario: str
    service: str
    signature: str
    parameters: dict[str, str]
    started: datetime
    ended: datetime | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def row(self) -> list[Any]:
        """The record as a row of ``fault_ledger``, in the order of :data:`COLUMNS`."""
        version = time.time_ns() // 1_000_000
        names = (self.id, self.scenario, self.service, self.started, self.ended, self.signature, self.parameters)
        return [*names, version]


def admin_headers(token: str) -> dict[str, str]:
    """What the shop's admin API wants to see."""
    return {"Authorization": f"Bearer {token}"}


class FaultControl:
    """Switches faults of a running shop.

    :param shop_url: base URL of the storefront; the other services listen on the ports that follow.
    :param ledger: database for the records, or None to keep none.
    :param token: SHOP_ADMIN_TOKEN of that shop; None: that of the settings.
    """

    def __init__(self, shop_url: str, ledger: Ledger | None = None, token: str | None = None) -> None:
        self._base = httpx.URL(shop_url)
        self._headers = admin_headers(load().shop_admin_token if token is None else token)
        self._ledger = ledger

    def scenarios(self) -> tuple[Scenario, ...]:
        """Everything that can be switched."""
        return SCENARIOS

    def start(self, name: str, **parameters: Any) -> FaultRecord:
        """Switch a fault on.

        :param parameters: passed to the service; see the switch's ``start`` for names and units.
        :raises UserError: unknown scenario, or the shop does not answer.
        """
        try:
            wanted = scenario(name)
        except KeyError as error:
            raise UserError(str(error.args[0])) from None
        started = datetime.now(UTC)
        in_force = self._switch(wanted, on=True, parameters=parameters)
        if in_force and "version" in in_force:
            self._wait_for(wanted, lambda version: version == in_force["version"])
        texts = {key: str(value) for key, value in (in_force or {}).items()}
        record = FaultRecord(wanted.name, wanted.service, wanted.signature, texts, started)
        self._write(record)
        return record

    def stop(self, record: FaultRecord) -> FaultRecord:
        """Switch a fault off; the record with its end.

        :raises UserError: the shop does not answer.
        """
        wanted = scenario(record.scenario)
        self._switch(wanted, on=False, parameters={})
        if "version" in record.parameters:
            self._wait_for(wanted, lambda version: version != record.parameters["version"])
        ended = replace(record, ended=datetime.now(UTC))
        self._write(ended)
        return ended

    @contextmanager
    def fault(self, name: str, **parameters: Any) -> Iterator[FaultRecord]:
        """A fault for the length of a block."""
        record = self.start(name, **parameters)
        try:
            yield record
        finally:
            self.stop(record)

    def _write(self, record: FaultRecord) -> None:
        if self._ledger:
            self._ledger.insert("fault_ledger", [record.row()], COLUMNS)

    def _wait_for(self, wanted: Scenario, reached: Callable[[str], bool]) -> None:
        """Wait for a deployment: the service answers, with the right version.

        :raises UserError: it does not come up.
        """
        url = self._url(wanted.switch, "/health")
        deadline = time.monotonic() + SWITCH_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                if reached(httpx.get(url, timeout=SWITCH_TIMEOUT_S, trust_env=False).json()["version"]):
                    return
            except httpx.HTTPError:
                pass  # between two versions
            time.sleep(0.1)
        raise UserError(f"{wanted.switch} did not come up after {wanted.name} was switched; see its log")

    def _url(self, service: str, path: str) -> httpx.URL:
        return self._base.copy_with(port=(self._base.port or 80) + SERVICES.index(service), path=path)

    def _switch(self, wanted: Scenario, *, on: bool, parameters: dict[str, Any]) -> dict[str, Any] | None:
        url = self._url(wanted.switch, "/admin/faults")
        body = {"scenario": wanted.name, "on": on, "parameters": parameters}
        try:
            answer = httpx.post(url, json=body, headers=self._headers, timeout=SWITCH_TIMEOUT_S, trust_env=False)
        except httpx.HTTPError as error:
            reason = f"{wanted.switch} at {url.host}:{url.port} does not answer ({type(error).__name__})"
            raise UserError(f"cannot switch {wanted.name}: {reason}; is the shop running?") from None
        if answer.status_code != 200:
            raise UserError(f"cannot switch {wanted.name}: {answer.json().get('message', answer.text)}")
        return answer.json()["parameters"]
