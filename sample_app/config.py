"""What a shop service needs to know to start: its name, its ports, its database, where telemetry goes."""

import os
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from sample_app.deployment import RELEASE
from sample_app.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parent.parent
LOCAL_ENV = "local.env"
DEFAULTS = {
    "INTAKE_HTTP_PORT": "4318",
    "INTAKE_TOKEN": "",
    "SHOP_PORT": "8000",
    "SHOP_DATABASE_URL": "",
    "SHOP_POOL_SIZE": "5",
    "SHOP_POOL_OVERFLOW": "2",
    "SHOP_POOL_TIMEOUT_S": "2.0",
    "SHOP_STATEMENT_TIMEOUT_S": "2.5",
    "SHOP_VERSION": "1.4.0",
    "SHOP_ENVIRONMENT": "demo",
    "SHOP_ADMIN_TOKEN": "",
}
"""Variables and what they are without one; the product documents the same (a test holds them together)."""

SERVICES = ("storefront", "cart", "checkout", "payment", "inventory")
"""The services in the order of their ports: SHOP_PORT, SHOP_PORT + 1, ..."""


@dataclass(frozen=True)
class ShopConfig:
    """Configuration of one service process."""

    service: str
    version: str
    released_version: str
    environment: str
    first_port: int
    database_url: str
    pool_size: int
    pool_overflow: int
    pool_timeout_s: float
    statement_timeout_s: float
    otlp_endpoint: str
    otlp_token: str
    admin_token: str
    """What the admin API wants; empty: it refuses everybody."""

    @property
    def port(self) -> int:
        """Port this service listens on."""
        return self.first_port + SERVICES.index(self.service)

    def url_of(self, service: str) -> str:
        """Base URL of a service of the shop."""
        return f"http://127.0.0.1:{self.first_port + SERVICES.index(service)}"


def from_environment(service: str) -> ShopConfig:
    """Build the configuration of ``service`` from the environment, and from what the local stack remembers.

    The variables are those of ``.env.example``. Without OpenTelemetry's own ``OTEL_EXPORTER_OTLP_ENDPOINT``
    telemetry goes to the local intake.

    :param service: one of :data:`SERVICES`.
    :raises ConfigError: when a variable has a wrong value.
    """
    home = Path(os.environ.get("OTEL_PIPELINE_HOME") or REPOSITORY / ".home").expanduser().absolute()
    remembered = {name: value for name, value in dotenv_values(home / LOCAL_ENV).items() if value}
    values = {**DEFAULTS, **remembered, **{name: value for name, value in os.environ.items() if value}}

    def number(name: str, least: float = 0) -> float:
        try:
            found = float(values[name])
        except ValueError:
            raise ConfigError(f"{name}={values[name]!r} is not a number") from None
        if not found >= least:
            raise ConfigError(f"{name} must be at least {least:g}")
        return found

    url = values["SHOP_DATABASE_URL"].replace("{service}", service)
    if not url:
        folder = home / "shop"
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder / f'{service}.db'}"
    return ShopConfig(
        service=service,
        version=os.environ.get(RELEASE) or values["SHOP_VERSION"],
        released_version=values["SHOP_VERSION"],
        environment=values["SHOP_ENVIRONMENT"],
        first_port=int(number("SHOP_PORT", 1)),
        database_url=url,
        pool_size=int(number("SHOP_POOL_SIZE", 1)),
        pool_overflow=int(number("SHOP_POOL_OVERFLOW")),
        pool_timeout_s=number("SHOP_POOL_TIMEOUT_S", 0.001),
        statement_timeout_s=number("SHOP_STATEMENT_TIMEOUT_S", 0.001),
        otlp_endpoint=values.get("OTEL_EXPORTER_OTLP_ENDPOINT") or f"http://127.0.0.1:{values['INTAKE_HTTP_PORT']}",
        otlp_token=values["INTAKE_TOKEN"],
        admin_token=values["SHOP_ADMIN_TOKEN"],
    )
