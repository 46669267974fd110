"""``python -m load.soak``: the whole stack under load for half an hour. Does it keep up, lose nothing, stay flat?

Prints a line a minute, then a table of memory, then one line of JSON: minutes, logs_per_min, traces_per_min,
sent_spans, stored_spans, sent_logs, stored_logs, restarts, rss_mb {process: [start, end]}. Exit status 0 when the rates
were reached, the counts are equal and nothing was started again.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from otel_pipeline.clickhouse import Database
from otel_pipeline.demo.counts import Counts, count
from otel_pipeline.demo.load import Load
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load as load_settings
from otel_pipeline.stack import Stack
from otel_pipeline.stack.record import table as processes

LEAST_LOGS_PER_MIN, LEAST_TRACES_PER_MIN = 5_000, 500
WARM_UP_S = 60.0
"""Caches, pools and first imports: memory is compared from here on."""

SETTLE_S = 60.0
"""The longest wait at the end for the last rows to arrive."""


@dataclass(frozen=True)
class Look:
    """One look at the running stack."""

    at: float
    counts: Counts
    rss_mb: dict[str, float]


def main(arguments: list[str]) -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="Length (default 30)")
    parser.add_argument("--users", type=int, default=46, help="Customers at the same time (default 46)")
    parser.add_argument("--without", action="append", default=[], help="Part of the stack to leave out")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        since = datetime.now(UTC)
        stack = opened.enter_context(Stack(load_settings(otel_pipeline_home=home), without=options.without))
        console.print("starting the stack ...")
        stack.wait_ready()
        settings = stack.settings
        db = opened.enter_context(Database(settings, comment={"command": "soak"}))

        def look() -> Look:
            rss = {process["name"]: process["memory_mb"] for process in processes(home)}
            return Look(time.monotonic(), count(settings, db, since), rss)

        with Load(settings, options.users) as load:
            time.sleep(WARM_UP_S)
            first = last = look()
            while last.at - first.at < options.minutes * 60:
                time.sleep(min(60.0, max(1.0, options.minutes * 60 - (time.monotonic() - first.at))))
                load.check()
                stack.check()
                before, last = last, look()
                console.print(minute(before, last, first))
        final = settle(look)
        restarts = sum(stack.restarts().values())
    show_memory(console, first, last)
    return report(first, last, final, restarts)


def minute(before: Look, now: Look, first: Look) -> str:
    """What the last minute brought, on one line."""
    minutes = (now.at - before.at) / 60
    logs = (now.counts.sent_logs - before.counts.sent_logs) / minutes
    traces = (now.counts.traces - before.counts.traces) / minutes
    total = sum(now.rss_mb.values())
    return f"{(now.at - first.at) / 60:5.1f} min  {logs:7,.0f} logs/min  {traces:6,.0f} traces/min  {total:7,.0f} MB"


def settle(look: Callable[[], Look]) -> Look:
    """The counts when the last rows have arrived, or the time for that is over."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        now = look()
        if now.counts.equal or time.monotonic() > deadline:
            return now
        time.sleep(1)


def show_memory(console: Console, first: Look, last: Look) -> None:
    """Print memory of each process at the start and at the end."""
    table = Table("process", "start MB", "end MB", "change %", title="resident memory")
    for name, start in first.rss_mb.items():
        end = last.rss_mb.get(name, 0.0)
        table.add_row(name, f"{start:,.0f}", f"{end:,.0f}", f"{100 * (end - start) / max(start, 1):+.0f}")
    console.print(table)


def report(first: Look, last: Look, final: Look, restarts: int) -> int:
    """Print the line of JSON; the exit status."""
    minutes = (last.at - first.at) / 60
    counts = final.counts
    line = {
        "minutes": round(minutes, 1),
        "logs_per_min": round((last.counts.sent_logs - first.counts.sent_logs) / minutes),
        "traces_per_min": round((last.counts.traces - first.counts.traces) / minutes),
        "sent_spans": counts.sent_spans,
        "stored_spans": counts.stored_spans,
        "sent_logs": counts.sent_logs,
        "stored_logs": counts.stored_logs,
        "restarts": restarts,
        "rss_mb": {name: [round(mb), round(last.rss_mb.get(name, 0))] for name, mb in first.rss_mb.items()},
    }
    print(json.dumps(line))
    fast = line["logs_per_min"] >= LEAST_LOGS_PER_MIN and line["traces_per_min"] >= LEAST_TRACES_PER_MIN
    return 0 if fast and counts.equal and not restarts else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"soak: {error}")
    except KeyboardInterrupt:
        sys.exit("soak: interrupted")
