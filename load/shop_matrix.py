"""``python -m load.shop_matrix``: is the load mixed as it should be, and is each fault seen where it is?

Starts ClickHouse, intake and shop in a temporary folder on free ports. First it sends the mix with its waves of
faults, and compares shares; then it switches each scenario on alone and asks telemetry for its signature. Exit status 0
when all is as it should be. Takes about seven minutes; ``--requests`` and ``--fault-seconds`` make it shorter.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load.faults import FaultControl, admin_headers
from load.mix import SHARES
from load.scenarios import SCENARIOS, Scenario, scenario
from load.signatures import Signature, look
from otel_pipeline.clickhouse import Database
from otel_pipeline.demo.load import Load
from otel_pipeline.errors import UserError
from otel_pipeline.sanitize import Terminal
from otel_pipeline.settings import REPOSITORY, Settings
from otel_pipeline.settings import load as load_settings
from otel_pipeline.stack import Stack
from sample_app.config import SERVICES

MIX_TOLERANCE = 1.0
SCENARIO_TOLERANCE = 0.5
BUSY_USERS, BUSY_PACE_S = 60, 1.0
"""The mix is sent faster than shops sell, to be done in minutes."""

LONGER = {"cascade_failure": 2.0, "latency_drift": 2.0, "segment_fault": 2.0}
"""Scenarios that need more time to be seen than others: they grow with the requests, begin slowly, or hit few."""

FAILURES = (
    ("storefront", "GET /products", "OperationalError"),  # the database gives the query up
    ("storefront", "GET /products/{product_id}", "no_such_product"),
    ("cart", "POST /cart/add", "out_of_stock"),
    ("payment", "POST /payments", "UpstreamError"),  # the payment gateway fails
    ("checkout", "POST /checkout", "UpstreamError"),  # ... and the checkout with it
    ("payment", "POST /payments", "UpstreamTimeoutError"),  # the gateway, or inventory, answers too late
    ("payment", "POST /payments", "duplicate_payment"),
    ("inventory", "GET /inventory/check", "TimeoutError"),  # no connection of a pool came free in time
)
"""What each endpoint is known to fail by: service, route, cause."""

FLUSH_S = 180
CALM_USERS = 24
ARRIVAL_S = 4.0
"""Time for spans that ended late, and for their way into the database."""


def main(arguments: list[str]) -> int:
    """Run it all; the exit status."""
    parser = argparse.ArgumentParser(prog="shop-matrix", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=5_000, help="Requests of the mix (default 5000)")
    parser.add_argument("--fault-seconds", type=float, default=15, help="Length of each fault (default 15)")
    parser.add_argument("--quiet-seconds", type=float, default=12, help="Quiet before each fault (default 12)")
    parser.add_argument("--only", action="append", metavar="SCENARIO", help="Break this one only; may be repeated")
    options = parser.parse_args(arguments)
    scenarios = [named(name) for name in options.only] if options.only else SCENARIOS
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="shop-matrix-") as home:
        settings = load_settings(otel_pipeline_home=Path(home))
        with Stack(settings, only=("clickhouse", "intake", "shop")) as stack:
            stack.wait_ready()
            settings = stack.settings
            began = datetime.now(UTC)
            mix = send_mix(settings, options.requests, Path(home) / "mix.json")
            good = show_mix(console, settings, mix)
            with Database(settings, comment={"command": "shop-matrix"}) as db, Load(settings, CALM_USERS):
                time.sleep(ARRIVAL_S)
                good &= show_errors(console, db, began)
                found = [
                    break_once(settings, db, wanted, options.quiet_seconds, options.fault_seconds)
                    for wanted in scenarios
                ]
            show_signatures(console, found)
    good &= all(signature.seen for signature in found)
    console.print("[bold green]as it should be[/]" if good else "[bold red]not as it should be[/]")
    return 0 if good else 1


def send_mix(settings: Settings, requests: int, report: Path) -> dict[str, Any]:
    """Send the mix with its waves of faults; Locust's report of it.

    :raises UserError: Locust failed.
    """
    busy = {"LOAD_SHAPE": "waves", "LOAD_USERS": BUSY_USERS, "LOAD_PACE_S": BUSY_PACE_S, "LOAD_FAULT_CYCLE": requests}
    command = [sys.executable, "-m", "locust", "-f", str(REPOSITORY / "load" / "locustfile.py"), "--headless"]
    command += ["--only-summary", "--requests", str(requests), "--mix-report", str(report)]
    command += ["--host", f"http://127.0.0.1:{settings.shop_port}"]
    environment = os.environ | settings.environment() | {name: str(value) for name, value in busy.items()}
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if not report.exists():
        raise UserError(f"the load generator failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(report.read_text())


def show_mix(console: Console, settings: Settings, mix: dict[str, Any]) -> bool:
    """Print shares beside what they should be; whether they are."""
    wanted = {kind: (100 * share, MIX_TOLERANCE) for kind, share in SHARES.items()}
    for name in ("payment_timeout", "cascade_failure", "intermittent_error"):
        wanted[name] = (getattr(settings, f"load_{name}_pct"), SCENARIO_TOLERANCE)
    table = Table("share of requests", "wanted %", "sent %", "", title=f"{mix['requests']} requests")
    good = True
    for name, (share, tolerance) in wanted.items():
        sent = mix["percent"].get(name, 0.0)
        close = abs(sent - share) <= tolerance
        good &= close
        table.add_row(name, f"{share:g} ± {tolerance:g}", f"{sent:.2f}", "ok" if close else "[red]off[/]")
    console.print(table)
    return good


def show_errors(console: Console, db: Database, since: datetime) -> bool:
    """Print what went wrong where; whether every failure that an endpoint is known for was seen."""
    table = Table("service", "route", "status", "cause", "requests", title="error causes")
    seen = set()
    for row in db.rows("shop_matrix__errors", start=since, services=list(SERVICES)):
        seen.add((row["ServiceName"], row["Route"], row["Cause"]))
        table.add_row(row["ServiceName"], row["Route"], row["Status"], row["Cause"], str(row["Requests"]))
    console.print(table)
    missing = [failure for failure in FAILURES if failure not in seen]
    for service, route, cause in missing:
        console.print(f"[red]not seen: {cause} of {route} at {service}[/]")
    return not missing


def named(name: str) -> Scenario:
    """The scenario of that name.

    :raises UserError: there is none.
    """
    try:
        return scenario(name)
    except KeyError as error:
        raise UserError(str(error.args[0])) from None


def break_once(settings: Settings, db: Database, wanted: Scenario, quiet_s: float, fault_s: float) -> Signature:
    """Switch one scenario on between two times of quiet, and look for it."""
    shop_url = f"http://127.0.0.1:{settings.shop_port}"
    control = FaultControl(shop_url, db, settings.shop_admin_token)
    before = datetime.now(UTC)
    time.sleep(quiet_s)
    flush(settings)
    record = control.start(wanted.name)
    time.sleep(fault_s * LONGER.get(wanted.name, 1.0))
    flush(settings)
    ended = control.stop(record)
    time.sleep(ARRIVAL_S)
    flush(settings)
    time.sleep(1)
    return look(db, wanted, before, ended.started, ended.ended or datetime.now(UTC))


def flush(settings: Settings) -> None:
    """Have every service send what it holds, metrics too.

    :raises UserError: one does not answer.
    """
    for number, service in enumerate(SERVICES):
        url = f"http://127.0.0.1:{settings.shop_port + number}/admin/flush"
        try:
            httpx.post(url, headers=admin_headers(settings.shop_admin_token), timeout=FLUSH_S, trust_env=False)
        except httpx.HTTPError as error:
            raise UserError(
                f"{service} does not answer ({type(error).__name__}); the machine may be too busy"
            ) from None


def show_signatures(console: Console, found: list[Signature]) -> None:
    """Print what each scenario's query says."""
    table = Table("scenario", "broken", "stands out", "quiet", "during", "", title="signatures")
    for s in found:
        verdict = "seen" if s.seen else "[red]not seen[/]"
        named = Text("nothing" if s.service is None else Terminal.of(s.service) or "(no service)")
        table.add_row(s.scenario, s.expected or "(no service)", named, f"{s.quiet:.2f}", f"{s.during:.2f}", verdict)
    console.print(table)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"shop-matrix: {error}")
    except KeyboardInterrupt:
        sys.exit("shop-matrix: interrupted")
