"""What all five services share: the web application around the business routes, the admin API, background jobs."""

import asyncio
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import baggage, context, metrics, trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from pydantic import BaseModel, ValidationError
from sqlalchemy import Engine, MetaData
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sample_app import deadline
from sample_app.client import Peer
from sample_app.config import ShopConfig
from sample_app.deployment import Deployment
from sample_app.errors import ShopError
from sample_app.telemetry import Telemetry

ADMIN = "/admin"
NOT_TRACED = (ADMIN, "/health", "/sandbox", "/static")
REQUEST_HEADERS = {
    b"x-session-id": "session.id",
    b"x-user-id": "user.id",
    b"x-customer-country": "customer.country",
    b"x-app-version": "app.version",
}
access = logging.getLogger("shop.access")


class Switch(Protocol):
    """Something about a service that can be put out of order, and in order again."""

    @property
    def start(self) -> Callable[..., dict[str, Any]]:
        """Begin: takes the scenario's own parameters by name, returns those in force."""
        ...

    def stop(self) -> None:
        """End, leaving the service as it was."""
        ...


class SwitchRequest(BaseModel):
    """Body of ``POST /admin/faults``."""

    scenario: str
    on: bool
    parameters: dict[str, Any] = {}


@dataclass
class Runtime:
    """What a service is built from. One per process."""

    config: ShopConfig
    telemetry: Telemetry
    engine: Engine
    deployment: Deployment

    @property
    def tracer(self) -> trace.Tracer:
        """Tracer of the business spans."""
        return trace.get_tracer(f"shop.{self.config.service}")

    @property
    def meter(self) -> metrics.Meter:
        """Meter of the business metrics."""
        return metrics.get_meter(f"shop.{self.config.service}")


@dataclass
class Service:
    """One service: its routes, what can be switched, and what it calls."""

    app: FastAPI
    switches: Mapping[str, Switch]
    peers: tuple[Peer, ...] = ()
    jobs: tuple["BackgroundJob", ...] = ()


class BackgroundJob(Protocol):
    """Something that runs beside the requests."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End."""
        ...


class ServiceModule(Protocol):
    """A module of ``sample_app.services``."""

    tables: MetaData

    def build(self, runtime: Runtime) -> Service:
        """Make the service."""
        ...


class Job(threading.Thread):
    """A background task that repeats until stopped.

    :param every_s: seconds between the ends and the starts of its rounds.
    """

    def __init__(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._every_s, self._work = every_s, work
        self._stopped = threading.Event()

    def run(self) -> None:
        log = logging.getLogger(f"shop.jobs.{self.name}")
        while not self._stopped.wait(self._every_s):
            try:
                self._work()
            except Exception as error:
                log.exception("job %s failed: %s", self.name, error)

    def stop(self) -> None:
        """Ask it to end and wait a moment."""
        self._stopped.set()
        if self.is_alive():
            self.join(3)


class AdminGuard:
    """Lets requests to the admin API through that have the token, as a bearer: no foreign page can send one.

    :param token: SHOP_ADMIN_TOKEN; empty: nobody has it.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(ADMIN) and not self._may(scope):
            answer = JSONResponse({"message": "send Authorization: Bearer and the SHOP_ADMIN_TOKEN"}, 401)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return bool(self._token) and len(given) == 1 and hmac.compare_digest(given[0], b"Bearer " + self._token)


class _RequestLog:
    """Carries the customer's headers on as baggage, logs one line a request, and answers for unforeseen errors.

    An error that is left to the server costs the caller its connection, and with it other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(NOT_TRACED):
            await self._app(scope, receive, send)
            return
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token = context.attach(_with_customer(scope))
        began = time.perf_counter()
        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            logging.getLogger("shop.errors").exception("unexpected error in %s %s", scope["method"], scope["path"])
            trace.get_current_span().record_exception(error)
            trace.get_current_span().set_attribute("error.type", type(error).__name__)
            answer = JSONResponse({"code": "internal_error", "message": "an unexpected error occurred"}, 500)
            await answer(scope, receive, watch)
        finally:
            took = (time.perf_counter() - began) * 1000
            level = logging.WARNING if status >= 500 else logging.INFO
            access.log(level, "%s %s -> %d in %.1f ms", scope["method"], scope["path"], status, took)
            context.detach(token)


def _with_customer(scope: Scope) -> context.Context:
    ctx = context.get_current()
    for key, value in scope["headers"]:
        if name := REQUEST_HEADERS.get(key):
            ctx = baggage.set_baggage(name, value.decode("latin-1")[:100], ctx)
    return ctx


def _mark_customer(span: trace.Span, scope: Scope) -> None:
    """The first service's own server span starts before there is baggage: mark it from the headers."""
    if span.is_recording():
        for key, value in scope.get("headers", ()):
            if name := REQUEST_HEADERS.get(key):
                span.set_attribute(name, value.decode("latin-1")[:100])


def prepare_app(app: FastAPI) -> None:
    """Add error answers, the request log and instrumentation to a service's application."""
    app.add_middleware(_RequestLog)
    app.exception_handler(ShopError)(_shop_error)
    app.exception_handler(PoolTimeout)(_pool_timeout)
    app.exception_handler(OperationalError)(_database_error)
    app.exception_handler(RequestValidationError)(_bad_request)
    FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls=",".join(f"^https?://[^/]+{prefix}" for prefix in NOT_TRACED),
        exclude_spans=["receive", "send"],
        server_request_hook=_mark_customer,
    )
    HTTPXClientInstrumentor().instrument()


async def _shop_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ShopError)
    log = logging.getLogger("shop.errors")
    if error.status >= 500:
        log.error("request failed: %s", error.message, extra={"error.type": error.code})
        trace.get_current_span().record_exception(error)
    else:
        log.warning("request refused: %s", error.message, extra={"error.type": error.code})
    trace.get_current_span().set_attribute("error.type", error.code)
    return JSONResponse({"code": error.code, "message": error.message}, error.status)


async def _pool_timeout(_: Request, error: Exception) -> JSONResponse:
    logging.getLogger("shop.errors").error(
        "no database connection: %s", error, extra={"error.type": "connection_pool_timeout"}
    )
    trace.get_current_span().record_exception(error)
    trace.get_current_span().set_attribute("error.type", "connection_pool_timeout")
    return JSONResponse({"code": "database_busy", "message": "no database connection came free in time"}, 503)


async def _database_error(_: Request, error: Exception) -> JSONResponse:
    """A query that was given up at its deadline has an answer of its own; other errors of the database have not."""
    assert isinstance(error, OperationalError)
    if not deadline.passed(error):
        raise error
    logging.getLogger("shop.errors").error(
        "database query timed out: %s", error.orig, extra={"error.type": "database_timeout"}
    )
    trace.get_current_span().record_exception(error)
    trace.get_current_span().set_attribute("error.type", "database_timeout")
    return JSONResponse({"code": "database_timeout", "message": "the query took too long"}, 503)


async def _bad_request(_: Request, error: Exception) -> JSONResponse:
    """Say which fields are wrong, without repeating what was typed into them."""
    assert isinstance(error, RequestValidationError)
    fields = ", ".join(".".join(str(part) for part in problem["loc"]) for problem in error.errors())
    logging.getLogger("shop.errors").warning("invalid request: check %s", fields)
    return JSONResponse({"code": "invalid_request", "message": f"check {fields}"}, 422)


def add_admin(service: Service, runtime: Runtime) -> None:
    """The admin API. Its routes are async, so that they answer when every worker thread is stuck; none is traced."""
    active: dict[str, dict[str, Any]] = {}
    for name, switched in service.switches.items():
        if switched is runtime.deployment and runtime.deployment.changed:
            active[name] = {"version": runtime.config.version}
    lock = asyncio.Lock()

    async def health() -> dict[str, str]:
        return {"status": "ok", "service": runtime.config.service, "version": runtime.config.version}

    async def faults() -> dict[str, Any]:
        return {"available": sorted(service.switches), "on": active}

    async def switch(request: Request) -> JSONResponse:
        try:
            wanted = SwitchRequest.model_validate(await request.json())
        except (ValidationError, json.JSONDecodeError):
            return JSONResponse({"message": "expected {scenario, on, parameters}"}, 422)
        found = service.switches.get(wanted.scenario)
        if found is None:
            return JSONResponse({"message": f"{runtime.config.service} has no scenario {wanted.scenario}"}, 404)
        async with lock:
            if wanted.on and wanted.scenario not in active:
                try:
                    active[wanted.scenario] = await asyncio.to_thread(found.start, **wanted.parameters)
                except TypeError as error:
                    return JSONResponse({"message": f"parameters: {error}"}, 422)
            elif not wanted.on and wanted.scenario in active:
                await asyncio.to_thread(found.stop)
                del active[wanted.scenario]
        return JSONResponse({"scenario": wanted.scenario, "on": wanted.on, "parameters": active.get(wanted.scenario)})

    async def telemetry() -> dict[str, Any]:
        return runtime.telemetry.counts()

    async def flush() -> dict[str, Any]:
        await asyncio.to_thread(runtime.telemetry.flush)
        return runtime.telemetry.counts()

    service.app.add_middleware(AdminGuard, token=runtime.config.admin_token)
    service.app.add_api_route("/health", health)
    service.app.add_api_route("/admin/faults", faults)
    service.app.add_api_route("/admin/faults", switch, methods=["POST"])
    service.app.add_api_route("/admin/telemetry", telemetry)
    service.app.add_api_route("/admin/flush", flush, methods=["POST"])
