"""``otel-pipeline cost``."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from otel_pipeline.commands.common import console, json_option, print_json, window_options

TITLES = {"logs": "log templates", "spans": "operations", "metrics": "metrics", "events": "events"}


@click.command()
@window_options(required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=15, show_default=True, help="Entries of each signal.")
@json_option
def command(*, start: datetime | None, end: datetime | None, limit: int, as_json: bool) -> None:
    """Which templates, spans and metrics make the volume, and which carry information. Default: the last hour.

    Bytes are those before compression; those of templates are estimated from examples. Advice: keep what is severe,
    rare, leaned on by incidents, or more or less frequent in them; sample what comes always; drop debugging that a span
    tells as well. It ends with what to do, service by service, and what that saves a day.

    \b
    --json: {"start", "end", "signals": [{"signal", "rows", "bytes", "share", "saved"}],
             "tail_sampling": {"normal_share", "saved"}, "logs", "spans", "events",
             "metrics": [{"service", "text", "rows", "bytes", "share", "bits", "advice", "why", "rate"}],
             "recommendations": [{"service", "rows_a_day", "bytes_a_day", "more", "keep",
                                  "steps": [{"signal", "event", "action", "rate", "rows_a_day", "bytes_a_day", "words",
                                             "why"}]}]}
    tail_sampling: spans of traces judged normal, and what keeping a tenth of them would save
    share: of all bytes, or of its signal's; saved: share that following the advice would save
    rate: share to keep; rows_a_day, bytes_a_day: saved
    bits: information of one visit (log template), span or metric point
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection.model import Window
    from otel_pipeline.investigate.cost import cost
    from otel_pipeline.settings import load

    end = end or datetime.now(UTC)
    start = start or end - timedelta(hours=1)
    if start >= end:
        raise click.UsageError("the window is empty: --from must be earlier than --to, which is now unless given")
    with Database(load(), role="reader", comment={"command": "cost"}) as db:
        found = cost(db, Window(start, end), limit)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    for signal in found["signals"]:
        name = signal["signal"]
        size = f"{signal['rows']:,} rows, {signal['bytes'] / 1e6:,.1f} MB, {signal['share']:.0%} of all"
        console.print(Text(f"{name}: {size}; the advice below would save {signal['saved']:.0%} of it"))
        if name == "spans":
            tail = found["tail_sampling"]
            normal = f"{tail['normal_share']:.0%} of the spans are of normal traces"
            console.print(Text(f"{normal}: keeping all others and a tenth of these would save {tail['saved']:.0%}"))
        _table(found, name)
    _table(found, "events")
    _recommend(found["recommendations"])


def _recommend(told: list[dict[str, Any]]) -> None:
    """What to do, in plain words."""
    from otel_pipeline.investigate.text import cut, plain

    if not told:
        console.print(Text("recommended: nothing; what there is carries information, or is small"))
        return
    rows, size = sum(r["rows_a_day"] for r in told), sum(r["bytes_a_day"] for r in told)
    console.print(Text(f"recommended; all of it saves {rows:,} rows and {_size(size)} a day:"))
    for one in told:
        saved = f"saves {one['rows_a_day']:,} rows and {_size(one['bytes_a_day'])} a day"
        console.print(Text(plain(f"{one['service']}: {saved}")))
        for step in one["steps"]:
            event = cut(step["event"], 60)
            amount = f"{step['rows_a_day']:,} rows, {_size(step['bytes_a_day'])}"
            console.print(Text(plain(f"  {step['words']}: '{event}' ({amount}): {step['why']}")))
        if one["more"]:
            console.print(Text(f"  and {one['more']} more of the kind"))
        if one["keep"]:
            console.print(Text(f"  keep: {one['keep']}"))


def _size(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _table(found: dict[str, Any], name: str) -> None:
    from otel_pipeline.investigate.text import cut, plain

    if found[name]:
        table = Table("share", "rows", "bits", "advice", "service", TITLES[name], "why", expand=False)
        for item in found[name]:
            texts = (item["service"], cut(item["text"], 60), item["why"])
            shown = (f"{item['share']:.1%}", f"{item['rows']:,}", f"{item['bits']:.2f}", item["advice"])
            table.add_row(*shown, *(Text(plain(text)) for text in texts))
        console.print(table)
