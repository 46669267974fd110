"""``otel-pipeline status``."""

import click

from otel_pipeline.commands.common import console, json_option, print_json, say
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load


@click.command()
@json_option
def command(as_json: bool) -> None:
    """What runs, where, since when, with how much memory. Exit status 1 when no stack runs.

    Memory is resident memory of a process and of those it started. JSON: {"home": str, "processes": [{"name", "state",
    "pid", "port", "url", "memory_mb", "uptime_s", "restarts", "reason"}], "total_memory_mb": float}. States: waiting,
    starting, ready, stalled (gives no answer), pause (starts again soon), failed (left down; see reason), dead.
    """
    from otel_pipeline.stack.record import is_running, table

    home = load().otel_pipeline_home
    if not is_running(home):
        raise UserError(f"no stack runs in {home}; start one with `otel-pipeline up`")
    processes = table(home)
    total = round(sum(process["memory_mb"] for process in processes), 1)
    if as_json:
        print_json({"home": str(home), "processes": processes, "total_memory_mb": total})
        return
    from rich.table import Table

    grid = Table(title=f"stack in {home}")
    for heading in ("process", "state", "pid", "port", "memory", "up", "restarts", "address"):
        grid.add_column(heading, justify="right" if heading in ("pid", "port", "memory", "up", "restarts") else "left")
    for process in processes:
        grid.add_row(
            *(process["name"], process["state"], str(process["pid"]), str(process["port"] or "")),
            f"{process['memory_mb']:,.0f} MB",
            f"{process['uptime_s'] // 60:.0f}:{process['uptime_s'] % 60:02.0f}",
            *(str(process["restarts"]), process["url"]),
        )
    grid.add_section()
    grid.add_row("total", "", "", "", f"{total:,.0f} MB")
    console.print(grid)
    for process in processes:
        if process["reason"]:
            say(f"{process['name']} is left down: {process['reason']}")
