"""``otel-pipeline demo``: stack, load, three real faults, and the on-call report that finds them."""

import contextlib
import time
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.text import Text

from otel_pipeline.commands.common import json_option, print_json
from otel_pipeline.sanitize import Terminal


@click.command()
@click.option("--oneshot", is_flag=True, help="End afterwards; exit status 0 only if everything was found, rightly.")
@click.option("--users", type=click.IntRange(1, 500), default=20, show_default=True, help="Customers at the same time.")
@click.option(
    "--fault-seconds", type=click.IntRange(10, 600), default=30, show_default=True, help="Length of each fault."
)
@click.option(
    "--quiet-seconds", type=click.IntRange(10, 600), default=30, show_default=True, help="Quiet after each fault."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context, *, oneshot: bool, users: int, fault_seconds: int, quiet_seconds: int, as_json: bool
) -> None:
    """Start the stack, drive the shop, break it three times, and print what the pipeline found by itself.

    It first drives normal traffic until a baseline exists (about two minutes), then injects the three scenarios one
    after another with quiet between them, lets the Dagster sensors do the work, and holds the incidents against the
    ledger of what was injected. Afterwards the stack stays up until Ctrl-C, so that you can look around.

    \b
    --json: {"seconds", "logs_per_min", "traces_per_min", "sent_spans", "stored_spans", "sent_logs", "stored_logs",
             "delay_p50_s", "delay_p95_s", "faults": [{"scenario", "service", "found", "blamed", "delay_s"}],
             "false_incidents"}
    delay: seconds from the end of an anomalous trace of a fault to its row in anomaly_scores
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.demo import outcome, page, show
    from otel_pipeline.settings import load
    from otel_pipeline.stack import Stack

    began = time.monotonic()
    since = datetime.now(UTC)
    console = Console(highlight=False, stderr=as_json)

    def say(line: str) -> None:
        console.print(Text.assemble((f"{time.monotonic() - began:5.0f} s", "dim"), " ", Terminal.of(line)))

    def changed(name: str, state: str, detail: str) -> None:
        if state in ("ready", "pause", "failed"):
            say(f"{name} {state} {detail}")

    with Stack(load(), on_event=changed) as stack:
        stack.wait_ready()
        plan = show.Plan(users=users, fault_s=fault_seconds, quiet_s=quiet_seconds)
        report = show.run(stack.settings, plan, since, say)
        with Database(stack.settings) as db:
            remedies = outcome.remedies(db, report)
        page.show(console, report, outcome.links(stack.settings, stack.addresses(), report), remedies)
        if as_json:
            print_json(report.document())
        if not oneshot:
            say("the stack stays up; Ctrl-C ends it")
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    stack.check()
                    time.sleep(1)
    ctx.exit(0 if report.passed else 1)
