"""Addresses of HyperDX pages: a trace's waterfall, a search of a window. For reports and for Dagster's metadata."""

from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlencode

from otel_pipeline.settings import Settings

Source = Literal["logs", "traces"]

# HyperDX shows what lies in the window of its address; a trace is short, its clock may be a little off.
AROUND = timedelta(minutes=30)


def hyperdx_url(settings: Settings) -> str:
    """Base URL of HyperDX."""
    if settings.hyperdx_url:
        return settings.hyperdx_url.rstrip("/")
    scheme = "https" if settings.clickhouse_secure else "http"
    return f"{scheme}://{settings.clickhouse_host or '127.0.0.1'}:{settings.clickhouse_port}/clickstack"


def trace_url(settings: Settings, trace_id: str, at: datetime | None = None) -> str:
    """The waterfall of a trace.

    :param at: a time (aware) at which the trace ran. Without one HyperDX looks at the last week and the next.
    """
    parameters = {"source": "traces", "traceId": trace_id}
    if at:
        parameters |= _window(at - AROUND, at + AROUND)
    return _search(settings, parameters)


def search_url(settings: Settings, source: Source, start: datetime, end: datetime, where: str = "") -> str:
    """The records of a window (aware times).

    :param where: a condition in SQL, such as ``ServiceName = 'checkout'``.
    """
    parameters = {"source": source, "isLive": "false", **_window(start, end)}
    if where:
        parameters |= {"whereLanguage": "sql", "where": where}
    return _search(settings, parameters)


def _window(start: datetime, end: datetime) -> dict[str, str]:
    return {"from": str(round(start.timestamp() * 1000)), "to": str(round(end.timestamp() * 1000))}


def _search(settings: Settings, parameters: dict[str, str]) -> str:
    return f"{hyperdx_url(settings)}/search?{urlencode(parameters, quote_via=quote)}"
