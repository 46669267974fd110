"""A database with the three faults: that of a stack that runs or was kept, or one that is made for the occasion.

What was broken is read from the ledger; it judges the answers, and no tool sees it.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from load.faults import FaultControl
from otel_pipeline.clickhouse import Database
from otel_pipeline.demo.load import Load
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings, load
from otel_pipeline.stack import Stack
from otel_pipeline.stack.record import is_running

SCENARIOS = ("payment_timeout", "cascade_failure", "intermittent_error")
ARRIVAL_S = 6.0
"""Time for spans that ended late, and for their way into the database."""
QUIET, RECOVERY = timedelta(seconds=30), timedelta(seconds=20)
"""How long a control is, and how long after a fault nothing is judged: retries and queues still run down."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fault:
    """A line of the ledger. :param service: what was broken; empty where nothing was."""

    scenario: str
    service: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Stage:
    """Where to ask, and what is true there."""

    settings: Settings
    faults: tuple[Fault, ...]
    end: datetime

    def last(self, scenario: str) -> Fault:
        """The last fault of that name."""
        return [fault for fault in self.faults if fault.scenario == scenario][-1]

    def quiet(self) -> tuple[datetime, datetime] | None:
        """The end of the longest time between faults, long enough after the one before; None where all is busy."""
        ends = [fault.start for fault in self.faults[1:]] + [self.end]
        gaps = [(end - fault.end, end) for fault, end in zip(self.faults, ends, strict=True)]
        length, end = max(gaps)
        return (max(end - QUIET, end - length + RECOVERY), end) if length >= RECOVERY + QUIET / 2 else None

    def at(self, moment: datetime, grace: timedelta = timedelta(seconds=20)) -> Fault | None:
        """The fault whose doing a moment shows, if any: of two, the one that began later."""
        return next((f for f in reversed(self.faults) if f.start <= moment < f.end + grace), None)


@contextmanager
def opened(plan: "Plan", say: Say) -> Iterator[Stage]:
    """The stage.

    :raises UserError: the home folder that was named holds no such faults.
    """
    with ExitStack() as open_:
        named = os.environ.get("OTEL_PIPELINE_HOME")
        settings = load()
        if is_running(settings.otel_pipeline_home):
            say(f"asking the stack that runs in {settings.otel_pipeline_home}")
        elif named and (settings.otel_pipeline_home / "clickhouse").is_dir():
            say(f"opening what was kept in {settings.otel_pipeline_home}")
            stack = open_.enter_context(Stack(settings, only=("clickhouse", "embedder")))
            stack.wait_ready()
            settings = stack.settings
        else:
            folder = Path(named or open_.enter_context(tempfile.TemporaryDirectory(prefix="scenarios-")))
            stack = open_.enter_context(
                Stack(load(otel_pipeline_home=folder), only=("clickhouse", "intake", "embedder", "shop"))
            )
            stack.wait_ready()
            settings = stack.settings
            _play(settings, plan, say)
        with Database(settings) as db:
            faults = tuple(
                Fault(row["Scenario"], row["ServiceName"], utc(row["StartedAt"]), utc(row["EndedAt"]))
                for row in db.rows("scenarios__ledger")
            )
            missing = set(SCENARIOS) - {fault.scenario for fault in faults}
            if missing:
                raise UserError(f"no {', '.join(sorted(missing))} in the ledger of {settings.otel_pipeline_home}")
            end = utc(db.one("scenarios__end")["End"])
        yield Stage(settings, faults, end)


@dataclass(frozen=True)
class Plan:
    """Seconds of each phase when the stage has to be made; those of the demo."""

    users: int = 20
    normal_s: float = 120
    fault_s: float = 30
    quiet_s: float = 30
    calm_s: float = 60


def _play(settings: Settings, plan: Plan, say: Say) -> None:
    """Traffic, three faults, and the lineage over it all, without Dagster."""
    began = datetime.now().astimezone()
    with Database(settings, comment={"command": "scenarios"}) as db:
        control = FaultControl(f"http://127.0.0.1:{settings.shop_port}", db)
        with Load(settings, plan.users) as customers:
            say(f"{plan.users} customers are shopping; {plan.normal_s:.0f} s to learn what is normal")
            _wait(plan.normal_s, customers)
            for name in SCENARIOS:
                say(f"fault: {name}")
                with control.fault(name):
                    _wait(plan.fault_s, customers)
                _wait(plan.quiet_s, customers)
            _wait(plan.calm_s - plan.quiet_s, customers)
        time.sleep(ARRIVAL_S)
        say("running the lineage")
        chain.run(db, Embedder(settings), Window(began, datetime.now().astimezone()))


def _wait(seconds: float, customers: Load) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        customers.check()
        time.sleep(min(1.0, left))
