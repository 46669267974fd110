"""What a shop service needs to know to start: its name, its ports, its database, where telemetry goes."""

import os
from dataclasses import dataclass
from pathlib import Path

from otel_pipeline.settings import Settings, load
from sample_app.deployment import RELEASE

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

    @property
    def port(self) -> int:
        """Port this service listens on."""
        return self.first_port + SERVICES.index(self.service)

    def url_of(self, service: str) -> str:
        """Base URL of a service of the shop."""
        return f"http://127.0.0.1:{self.first_port + SERVICES.index(service)}"


def from_settings(service: str, settings: Settings | None = None) -> ShopConfig:
    """Build the configuration of ``service``.

    ``OTEL_EXPORTER_OTLP_ENDPOINT`` is OpenTelemetry's own variable; without it telemetry goes to the local intake.

    :param service: one of :data:`SERVICES`.
    :raises UserError: when a setting has a wrong value.
    """
    settings = settings or load()
    url = settings.shop_database_url.replace("{service}", service)
    if not url:
        folder = Path(settings.otel_pipeline_home) / "shop"
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder / f'{service}.db'}"
    return ShopConfig(
        service=service,
        version=os.environ.get(RELEASE) or settings.shop_version,
        released_version=settings.shop_version,
        environment=settings.shop_environment,
        first_port=settings.shop_port,
        database_url=url,
        pool_size=settings.shop_pool_size,
        pool_overflow=settings.shop_pool_overflow,
        pool_timeout_s=settings.shop_pool_timeout_s,
        statement_timeout_s=settings.shop_statement_timeout_s,
        otlp_endpoint=os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or f"http://127.0.0.1:{settings.intake_http_port}",
        otlp_token=settings.intake_token,
    )
