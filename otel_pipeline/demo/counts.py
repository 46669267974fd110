"""Counts what the shop says it sent, and what ClickHouse holds of it."""

from dataclasses import dataclass
from datetime import datetime

import httpx

from load.faults import admin_headers
from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings
from sample_app.config import SERVICES

ADMIN_TIMEOUT_S = 30


@dataclass(frozen=True)
class Counts:
    """Spans and log records that the shop's processes ended since they started, against rows of theirs."""

    sent_spans: int
    stored_spans: int
    sent_logs: int
    stored_logs: int
    traces: int

    @property
    def equal(self) -> bool:
        """Nothing lost, nothing doubled."""
        return (self.sent_spans, self.sent_logs) == (self.stored_spans, self.stored_logs)


def count(settings: Settings, db: Database, since: datetime) -> Counts:
    """Flush the shop and compare.

    :param since: when the shop's processes started, or earlier.
    :raises UserError: a service does not answer.
    """
    headers = admin_headers(settings.shop_admin_token)
    spans = logs = 0
    instances = []
    for number, service in enumerate(SERVICES):
        base = f"http://127.0.0.1:{settings.shop_port + number}/admin"
        try:
            # The answer counts what was flushed; a background job may emit more a moment later.
            answer = httpx.post(f"{base}/flush", headers=headers, timeout=ADMIN_TIMEOUT_S, trust_env=False)
            said = answer.raise_for_status().json()
        except httpx.HTTPError as error:
            raise UserError(
                f"{service} does not answer at {base} ({type(error).__name__}); is the shop running?"
            ) from None
        spans += said["spans"]
        logs += said["logs"]
        instances += said["instances"]
    row = db.one("demo__stored", since=since, instances=instances)
    stored_spans, traces = row["SpansTraces"]
    return Counts(spans, stored_spans, logs, row["Logs"], traces)
