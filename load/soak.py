"""``python -m load.soak``: the whole stack under load for half an hour. Does it keep up, lose nothing, stay flat?

Quiet first, then every fault of the shop in turn (``--no-faults``: none; ``--rounds 2``: each one twice); with
``--bombs`` a bomb of each kind every two minutes, and an honest client beside them (``benchmarks.bombs``). Prints a
line a minute, a table of memory, and in the end one line of JSON: minutes, logs_per_min, traces_per_min, sent_spans,
stored_spans, sent_logs, stored_logs, restarts, rss_mb {process: [start, end, most]}, bombs. Exit status 0 when the
rates were reached, the counts are equal, nothing was started again, and the memory of every process is flat: in the
second half of the soak its slope (Theil and Sen) would add less than a tenth, or than 15 MB, in half an hour; and when
the honest client was answered in time, and all that it was told is stored is.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from load.bombs import Bombs, complaints
from load.faults import FaultControl
from load.memory import SHORTEST_S, Samples
from load.timetable import Faults, Slot, rounds, timetable
from otel_pipeline.clickhouse import Database
from otel_pipeline.demo.counts import Counts, count
from otel_pipeline.demo.load import Load
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings
from otel_pipeline.settings import load as load_settings
from otel_pipeline.stack import Stack
from otel_pipeline.stack.record import memory_bytes
from otel_pipeline.stack.record import table as processes

LEAST_LOGS_PER_MIN, LEAST_TRACES_PER_MIN = 5_000, 500
WARM_UP_S = 60.0
"""Customers arrive, connections open: measured from here on."""

SAMPLE_S = 15.0
SETTLE_S = 60.0
"""The longest wait at the end for the last rows to arrive."""


@dataclass(frozen=True)
class Plan:
    """What a soak does: so many customers, for so long, with these faults."""

    users: int
    length_s: float
    slots: tuple[Slot, ...]
    is_bombed: bool = False


@dataclass(frozen=True)
class Look:
    """What was sent and stored so far."""

    at: float
    counts: Counts


@dataclass(frozen=True)
class Result:
    """A soak that is over. ``end`` is the last look under load, ``final`` the one when all had arrived."""

    start: Look
    end: Look
    final: Look
    restarts: int
    memory: dict[str, Samples]
    bombs: dict[str, Any] | None = None


def main(arguments: list[str]) -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="Length (default 30)")
    parser.add_argument("--users", type=int, default=46, help="Customers at the same time (default 46)")
    parser.add_argument("--without", action="append", default=[], help="Part of the stack to leave out")
    parser.add_argument("--rounds", type=int, default=1, help="How often each fault comes (default 1)")
    parser.add_argument("--no-faults", action="store_true", help="Break nothing")
    parser.add_argument("--bombs", action="store_true", help="Throw a bomb of each kind every two minutes")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="Home folder to use, and to leave there afterwards")
    options = parser.parse_args(arguments)
    console = Console(stderr=True, highlight=False)
    length_s = options.minutes * 60
    slots = () if options.no_faults else planned(length_s, options.rounds, console)
    plan = Plan(options.users, length_s, slots, options.bombs)
    with ExitStack() as opened:
        home = kept(options.keep) or Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        since = datetime.now(UTC)
        stack = opened.enter_context(Stack(load_settings(otel_pipeline_home=home), without=options.without))
        console.print("starting the stack ...")
        stack.wait_ready()
        with Database(stack.settings, comment={"command": "soak"}) as db:
            result = soak(stack, db, plan, since, console)
    show_memory(console, result.memory)
    line = report(result)
    print(json.dumps(line))
    return verdict(result, line, console)


def planned(length_s: float, times: int, console: Console) -> tuple[Slot, ...]:
    """The faults of a soak, each one so many times; says so when not all fit."""
    scenarios = rounds(times)
    slots = timetable(length_s, scenarios)
    if len(slots) < len(scenarios):
        console.print(f"only {len(slots)} of {len(scenarios)} faults fit into {length_s / 60:g} minutes")
    return slots


def kept(folder: Path | None) -> Path | None:
    """The folder to keep, which must be new or empty.

    :raises UserError: it holds something.
    """
    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--keep {folder}: there is something already; name a folder that is new or empty")
    return folder and folder.absolute()


def soak(stack: Stack, db: Database, plan: Plan, since: datetime, console: Console) -> Result:
    """Load the running stack as planned, after the warm-up.

    :param since: when its processes were started, or earlier.
    """

    def look() -> Look:
        return Look(time.monotonic(), count(stack.settings, db, since))

    def say(line: str) -> None:
        console.print(f"           {line}")

    memory: dict[str, Samples] = {}
    bombs = Bombs(stack.settings) if plan.is_bombed else None
    control = FaultControl(f"http://127.0.0.1:{stack.settings.shop_port}", db, stack.settings.shop_admin_token)
    with (
        Load(stack.settings, plan.users) as load,
        Faults(plan.slots, control, say) as faults,
        bombs or nullcontext(),
    ):
        console.print(f"{load.described}; warming up")
        time.sleep(WARM_UP_S)
        start = end = look()
        while end.at - start.at < plan.length_s:
            minute_ends = min(end.at + 60, start.at + plan.length_s + 0.1)
            while (now := time.monotonic()) < minute_ends:
                faults.step(now - start.at)
                load.check()
                stack.check()
                sample(memory, now - start.at, stack.settings, load)
                time.sleep(max(0.0, min(1.0, minute_ends - now)))
            before, end = end, look()
            console.print(minute(before, end, start, memory))
        if bombs:
            bombs.stop()
    final = settle(look)
    if bombs:
        bombs.said["honest"]["stored"] = bombs.stored(db, since)
    return Result(start, end, final, sum(stack.restarts().values()), memory, bombs and bombs.said)


def sample(memory: dict[str, Samples], at: float, settings: Settings, load: Load) -> None:
    """Note the memory of every process, if it is time to."""
    if memory and at - next(iter(memory.values())).at[-1] < SAMPLE_S:
        return
    table = {process["name"]: process["memory_mb"] for process in processes(settings.otel_pipeline_home)}
    for name, mb in {**table, "load": memory_bytes(load.process.pid) / 1e6}.items():
        memory.setdefault(name, Samples()).add(at, mb)


def minute(before: Look, now: Look, first: Look, memory: dict[str, Samples]) -> str:
    """What the last minute brought, on one line."""
    minutes = (now.at - before.at) / 60
    logs = (now.counts.sent_logs - before.counts.sent_logs) / minutes
    traces = (now.counts.traces - before.counts.traces) / minutes
    total = sum(samples.mb[-1] for samples in memory.values())
    return f"{(now.at - first.at) / 60:5.1f} min  {logs:7,.0f} logs/min  {traces:6,.0f} traces/min  {total:7,.0f} MB"


def settle(look: Callable[[], Look]) -> Look:
    """The counts when the last rows have arrived, or the time for that is over."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        now = look()
        if now.counts.equal or time.monotonic() > deadline:
            return now
        time.sleep(1)


def show_memory(console: Console, memory: dict[str, Samples]) -> None:
    """Print memory of each process: at the start, at the end, the most, and its slope."""
    table = Table("process", "start MB", "end MB", "most MB", "MB per 30 min", "", title="resident memory")
    for name, s in memory.items():
        word = "" if not s.long_enough else "flat" if s.flat else "[red]grows[/]"
        table.add_row(name, f"{s.mb[0]:,.0f}", f"{s.mb[-1]:,.0f}", f"{max(s.mb):,.0f}", f"{s.growth_mb:+,.0f}", word)
    console.print(table)


def report(result: Result) -> dict[str, object]:
    """The line of JSON."""
    minutes = (result.end.at - result.start.at) / 60
    first, last, counts = result.start.counts, result.end.counts, result.final.counts
    return {
        "minutes": round(minutes, 1),
        "logs_per_min": round((last.sent_logs - first.sent_logs) / minutes),
        "traces_per_min": round((last.traces - first.traces) / minutes),
        "sent_spans": counts.sent_spans,
        "stored_spans": counts.stored_spans,
        "sent_logs": counts.sent_logs,
        "stored_logs": counts.stored_logs,
        "restarts": result.restarts,
        "rss_mb": {name: [round(s.mb[0]), round(s.mb[-1]), round(max(s.mb))] for name, s in result.memory.items()},
        **({"bombs": result.bombs} if result.bombs else {}),
    }


def verdict(result: Result, line: dict[str, object], console: Console) -> int:
    """Say what is not as it should be; the exit status."""
    wrong = []
    if int(str(line["logs_per_min"])) < LEAST_LOGS_PER_MIN or int(str(line["traces_per_min"])) < LEAST_TRACES_PER_MIN:
        wrong.append(f"fewer than {LEAST_LOGS_PER_MIN:,} logs and {LEAST_TRACES_PER_MIN} traces a minute")
    if not result.final.counts.equal:
        wrong.append("what was sent and what is stored differ")
    if result.restarts:
        wrong.append(f"{result.restarts} processes were started again")
    if result.bombs:
        wrong += complaints(result.bombs)
    if growing := [name for name, s in result.memory.items() if s.long_enough and not s.flat]:
        wrong.append(f"memory grows: {', '.join(growing)}")
    if not all(s.long_enough for s in result.memory.values()):
        console.print(f"memory is not judged: that needs {SHORTEST_S / 60:g} minutes")
    console.print(f"[bold red]{'; '.join(wrong)}[/]" if wrong else "[bold green]as it should be[/]")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"soak: {error}")
    except KeyboardInterrupt:
        sys.exit("soak: interrupted")
