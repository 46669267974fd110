"""The timeline of the demo: traffic until a normal is known, then three faults with quiet between them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from load.faults import FaultControl, FaultRecord
from otel_pipeline.clickhouse import Database
from otel_pipeline.demo import counts, report
from otel_pipeline.demo.load import Load
from otel_pipeline.demo.watch import Watch
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long each phase lasts, in seconds."""

    scenarios: tuple[str, ...] = ("payment_timeout", "cascade_failure", "intermittent_error")
    users: int = 20
    baseline_limit_s: float = 240
    judged: int = 100
    fault_s: float = 30
    quiet_s: float = 30
    settle_limit_s: float = 60
    settle_s: float = 12


def run(settings: Settings, plan: Plan, since: datetime, say: Say) -> report.Report:
    """Run the show on a stack that is up.

    :param since: when the demo began to start the stack; the shop's processes are younger.
    :param say: told what happens, one line each.
    :raises UserError: no baseline in time, or a part of the stack is gone.
    """
    faults: list[FaultRecord] = []
    with Database(settings, comment={"command": "demo"}) as db, Watch(settings, since) as watch:
        control = FaultControl(f"http://127.0.0.1:{settings.shop_port}", db, settings.shop_admin_token)
        with Load(settings, plan.users) as load:
            load_started = time.monotonic()
            say(f"{load.described}; waiting for the lineage to learn what is normal")
            await_baseline(db, plan, since, load, say)
            for number, name in enumerate(plan.scenarios):
                say(f"fault {number + 1} of {len(plan.scenarios)}: {name}")
                fault = control.start(name)
                try:
                    pause(plan.fault_s, load)
                finally:
                    faults.append(control.stop(fault))
                say("switched off; quiet" if number + 1 < len(plan.scenarios) else "switched off")
                pause(plan.quiet_s, load)
            load_minutes = (time.monotonic() - load_started) / 60
        say("the load has ended; comparing what was sent with what is stored")
        counted = settle(settings, db, plan, since)
        say("waiting for the sensors to finish")
        pause(plan.settle_s, None)
        watch.look()
        return report.build(db, watch=watch, faults=faults, since=since, load_minutes=load_minutes, counts=counted)


def await_baseline(db: Database, plan: Plan, since: datetime, load: Load, say: Say) -> None:
    """Wait until a baseline judges the traffic of this demo.

    :raises UserError: none within the limit.
    """
    deadline = time.monotonic() + plan.baseline_limit_s
    known = False
    while time.monotonic() < deadline:
        row = db.one("demo__baseline", since=since)
        if row["Judged"] and not known:
            say(f"baseline {row['Version']:%H:%M:%S} is learned; judging")
            known = True
        if row["Judged"] >= plan.judged:
            return
        pause(1, load)
    raise UserError(
        f"no baseline after {plan.baseline_limit_s:.0f} s of traffic; see the runs in Dagster and the logs in"
        f" {load.log.parent}"
    )


def pause(seconds: float, load: Load | None) -> None:
    """Let time pass, watching that the load goes on."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if load:
            load.check()
        time.sleep(min(1.0, left))


def settle(settings: Settings, db: Database, plan: Plan, since: datetime) -> counts.Counts:
    """Counts, as soon as they are equal, or when the limit has passed."""
    deadline = time.monotonic() + plan.settle_limit_s
    while True:
        counted = counts.count(settings, db, since)
        if counted.equal or time.monotonic() > deadline:
            return counted
        time.sleep(0.5)
