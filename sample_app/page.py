"""The shop's web page: what a browser gets where other clients get JSON."""

import html
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from opentelemetry import trace

from sample_app.config import ShopConfig

STATIC = Path(__file__).parent / "static"


class ShopPage:
    """The one page of the shop, told where its telemetry goes. Its parts are under ``/static``, which is not traced."""

    def __init__(self, config: ShopConfig, app: FastAPI) -> None:
        known = {
            "OTLP_ENDPOINT": config.otlp_endpoint.rstrip("/"),
            "OTLP_TOKEN": config.otlp_token or "none",  # the SDK does not start without; browsers' keys are public
            "VERSION": config.version,
            "ENVIRONMENT": config.environment,
        }
        self._html = (STATIC / "index.html").read_text("utf-8")
        for name, value in known.items():
            self._html = self._html.replace(f"{{{{{name}}}}}", html.escape(value))
        app.mount("/static", StaticFiles(directory=STATIC))

    def wanted(self, accept: str) -> bool:
        """Whether a client with this ``Accept`` header is a browser that loads a page."""
        return "text/html" in accept

    def answer(self) -> HTMLResponse:
        """The page, with the current trace in ``Server-Timing``, by which the SDK links the page load to it."""
        span = trace.get_current_span().get_span_context()
        # the SDK reads this form only: sampled, and no other flag
        timing = f'traceparent;desc="00-{span.trace_id:032x}-{span.span_id:016x}-01"'
        return HTMLResponse(self._html, headers={"Server-Timing": timing, "Vary": "Accept"})
