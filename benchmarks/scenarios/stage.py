"""A database with the three faults: that of a stack that runs or was kept, or one that is made for the occasion.

What was broken is read from the ledger; it judges the answers, and no tool sees it.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from otel_pipeline.clickhouse import Database
from otel_pipeline.demo import show
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings, load
from otel_pipeline.stack import Stack
from otel_pipeline.stack.record import is_running

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
def opened(plan: show.Plan, say: Say) -> Iterator[Stage]:
    """The stage.

    :raises UserError: the home folder that was named holds no such faults.
    """
    with ExitStack() as open_:
        named = os.environ.get("OTEL_PIPELINE_HOME")
        settings = load()
        if is_running(settings.otel_pipeline_home):
            say(f"asking the stack that runs in {settings.otel_pipeline_home}")
        else:
            folder = Path(named or open_.enter_context(tempfile.TemporaryDirectory(prefix="scenarios-")))
            kept = load(otel_pipeline_home=folder)
            if not (folder / "clickhouse").is_dir():
                _play(kept, plan, say)
            say(f"opening what was kept in {folder}")
            stack = open_.enter_context(Stack(kept, only=("clickhouse", "embedder")))
            stack.wait_ready()
            settings = stack.settings
        with Database(settings) as db:
            faults = tuple(
                Fault(row["Scenario"], row["ServiceName"], utc(row["StartedAt"]), utc(row["EndedAt"]))
                for row in db.rows("scenarios__ledger")
            )
            missing = set(show.Plan.scenarios) - {fault.scenario for fault in faults}
            if missing:
                raise UserError(f"no {', '.join(sorted(missing))} in the ledger of {settings.otel_pipeline_home}")
            end = utc(db.one("scenarios__end")["End"])
        yield Stage(settings, faults, end)


def _play(settings: Settings, plan: show.Plan, say: Say) -> None:
    """The demo, its sensors and all, in a home folder of its own; then the lineage over what they left undone.

    Its report is not looked at: what the tools say is judged, not what the demo says.
    """
    since = datetime.now(UTC)
    with Stack(settings) as stack:
        stack.wait_ready()
        report = show.run(stack.settings, plan, since, say)
        blamed = ", ".join(f"{verdict.scenario}: {verdict.blamed or 'missed'}" for verdict in report.verdicts)
        say(f"the demo found {blamed}")
        with Database(stack.settings, comment={"command": "scenarios"}) as db:
            chain.run(db, Embedder(stack.settings), Window(since, datetime.now(UTC)), whole=False)
