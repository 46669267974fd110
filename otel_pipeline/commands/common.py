"""What several commands share: the options of a time window, ``--json``, and how to print."""

import getpass
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from otel_pipeline.console import PlainConsole
from otel_pipeline.printable import hidden_in_json, printable

console = PlainConsole()
progress_console = PlainConsole(stderr=True)


def say(text: str) -> None:
    """Print a text that may hold telemetry."""
    click.echo(printable(text))


class Instant(click.ParamType):
    """An ISO 8601 time; UTC where it names no zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if value == "now":
            return datetime.now(UTC)
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an ISO 8601 time, such as 2026-01-31T08:15:00", param, ctx)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def window_options(required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options ``--from`` and ``--to``, passed as ``start`` and ``end``; refuses an empty window with status 2."""

    def check(ctx: click.Context, _: click.Parameter, end: datetime | None) -> datetime | None:
        start = ctx.params.get("start")
        if start and end and end <= start:
            raise click.BadParameter("the window is empty: it must be later than --from")
        return end

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        function = click.option(
            "--to", "end", type=Instant(), required=required, callback=check, help="End of the window (ISO 8601, UTC)."
        )(function)
        return click.option(
            "--from",
            "start",
            type=Instant(),
            required=required,
            is_eager=True,
            help="Start of the window (ISO 8601, UTC).",
        )(function)

    return wrap


who_option = click.option("--who", default=getpass.getuser, show_default="your login", help="Who says so.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


def iso(instant: datetime) -> str:
    """An instant as ISO 8601, UTC, with milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def print_json(document: Any) -> None:
    """One JSON document on one line of standard output; times as ISO 8601."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return iso(value if value.tzinfo else value.replace(tzinfo=UTC))
        if hasattr(value, "tolist"):
            return value.tolist()
        return str(value)

    click.echo(hidden_in_json(json.dumps(document, default=plain, ensure_ascii=False)))
