"""Customers of the sample shop for Locust.

    locust -f load/locustfile.py --headless -u 20 -r 5 -t 5m --host http://127.0.0.1:8000
    locust -f load/locustfile.py --host http://127.0.0.1:8000                 # with Locust's page at :8089

Kinds of traffic are user classes; :class:`load.mix.Mix` keeps their shares of requests at 70/15/10/5. What varies is
set by ``LOAD_*`` (``otel_pipeline/settings.py``). Beside Locust's own options: ``--requests N`` ends after so many,
``--mix-report FILE`` leaves the shares that were sent as JSON.
"""

import itertools
import json
import logging
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import gevent
from gevent import pywsgi
from locust import FastHttpUser, LoadTestShape, constant, events, task
from locust.env import Environment

from load import shapes
from load.browsers import Browsers
from load.faults import FaultControl
from load.journeys import Step, journey
from load.mix import Mix, customer
from load.waves import FaultWaves
from load.web import LOCAL, BoundedHandler, LocustGuard
from otel_pipeline import settings as all_settings
from otel_pipeline.errors import UserError

log = logging.getLogger("load")
settings = all_settings.load()
mix = Mix()
_numbers = defaultdict[str, "itertools.count[int]"](itertools.count)

DEFAULT_HOST = "http://127.0.0.1:8000"
HELD_BACK_S = 0.05
"""Pause of a user whose kind is ahead of its share."""

SPAWN_RATE = 10.0


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:
    """Options of ours beside Locust's."""
    parser.set_defaults(web_host=LOCAL)
    parser.add_argument("--requests", type=int, default=0, help="End after so many requests (0: never)")
    parser.add_argument("--mix-report", default="", help="File for the shares of what was sent, as JSON")


class Shopper(FastHttpUser):
    """A customer: goes on journeys of its kind, one after another."""

    abstract = True
    kind = ""
    wait_time = constant(0)
    connection_timeout = network_timeout = 30.0

    def on_start(self) -> None:
        """Give the user a random stream of its own, which depends on the seed only."""
        self.rng = random.Random(f"{settings.load_seed}/{self.kind}/{next(_numbers[self.kind])}")
        mix.users[self.kind] += 1

    def on_stop(self) -> None:
        """Leave: the other kinds need not wait for this one."""
        mix.users[self.kind] -= 1

    @task
    def visit(self) -> None:
        """One journey from beginning to end."""
        who = customer(self.rng)
        steps = journey(self.kind, who, self.rng)
        answer: dict[str, Any] | None = None
        side: list[gevent.Greenlet] = []
        try:
            while True:
                step: Step = steps.send(answer)
                if step.at_once:
                    side.append(gevent.spawn(self.send, step, who.headers))
                    answer = {}
                else:
                    answer = self.send(step, who.headers)
                    gevent.joinall(side)
                    side.clear()
                    self.pause()
        except StopIteration:
            gevent.joinall(side)

    def pause(self) -> None:
        """Think, then wait for this kind's turn."""
        gevent.sleep(min(self.rng.expovariate(1 / settings.load_pace_s), settings.load_pace_s * 4))
        while not mix.may_send(self.kind):
            gevent.sleep(HELD_BACK_S)

    def send(self, step: Step, headers: dict[str, str]) -> dict[str, Any]:
        """Send a request; its JSON body when it succeeded, else {}."""
        mix.count(self.kind)
        wanted = self.environment.parsed_options.requests if self.environment.parsed_options else 0
        if wanted and mix.total >= wanted and self.environment.runner:
            gevent.spawn(self.environment.runner.quit)
        how: dict[str, Any] = {"json": step.body} if step.body is not None else {}
        with self.client.request(
            step.method, step.path, name=step.name, headers={**headers, **step.headers}, catch_response=True, **how
        ) as answer:
            if answer.status_code in step.expected:
                answer.success()
            else:
                answer.failure(f"HTTP {answer.status_code}")
            return (answer.json() or {}) if answer.status_code == 200 else {}


class NormalShopper(Shopper):
    """Browses and buys: 70 % of requests."""

    kind = "normal"
    weight = 70


class ErrorShopper(Shopper):
    """Runs into errors that every shop knows: 15 %."""

    kind = "error"
    weight = 15


class AnomalousShopper(Shopper):
    """Rapid retries, steps in an unusual order: 10 %."""

    kind = "anomalous"
    weight = 10


class EdgeShopper(Shopper):
    """Large payloads, special characters, odd numbers: 5 %."""

    kind = "edge"
    weight = 5


if settings.load_shape != "steady":

    class Shape(LoadTestShape):
        """Number of customers over time, for the shapes that are not steady."""

        def tick(self) -> tuple[int, float]:
            """Users now, and how fast to get there."""
            return shapes.users(settings.load_shape, settings.load_users, self.get_run_time()), SPAWN_RATE


@events.init.add_listener
def _guard_page(environment: Environment, **_: Any) -> None:
    """Keep Locust's page to this machine, or behind the token."""
    options = environment.parsed_options
    if environment.web_ui and options:
        app: Any = environment.web_ui.app
        pywsgi.WSGIServer.handler_class = BoundedHandler  # Locust makes its server later, and leaves us no say in it
        try:
            app.wsgi_app = LocustGuard(app.wsgi_app, options.web_host, settings.web_token, settings.web_allowed_hosts)
        except UserError as error:  # Locust would log it, and serve all the same
            raise SystemExit(f"locust: {error}") from None


@events.test_start.add_listener
def _start_browsers(environment: Environment, **_: Any) -> None:
    """Let some customers come with a browser."""
    browsers = Browsers(settings, environment.host or DEFAULT_HOST, log.info)
    browsers.start()
    environment.events.test_stop.add_listener(lambda **_: browsers.stop())


@events.test_start.add_listener
def _start_waves(environment: Environment, **_: Any) -> None:
    """Let the load switch faults, where it is set to."""
    if not (settings.load_faults or settings.load_shape == "waves"):
        return
    from otel_pipeline.clickhouse import Database

    try:
        ledger = Database(settings, comment={"command": "load"})
    except UserError as error:
        log.error("faults are off, as the ledger cannot be kept: %s", error)
        environment.process_exit_code = 1
        if environment.runner:
            environment.runner.quit()
        return
    waves = FaultWaves(
        settings, FaultControl(environment.host or DEFAULT_HOST, ledger, settings.shop_admin_token), mix, log.info
    )

    def run() -> None:
        try:
            while True:
                waves.step()
                gevent.sleep(HELD_BACK_S)
        except UserError as error:
            log.error("%s", error)
        finally:
            waves.stop()

    follower = gevent.spawn(run)
    environment.events.test_stop.add_listener(lambda **_: follower.kill())


@events.quitting.add_listener
def _report(environment: Environment, **_: Any) -> None:
    """Say what was sent."""
    options = environment.parsed_options
    if options and options.mix_report:
        Path(options.mix_report).write_text(json.dumps({"requests": mix.total, "percent": mix.shares()}))
    log.info("sent %d requests, percent by kind and scenario: %s", mix.total, mix.shares())
