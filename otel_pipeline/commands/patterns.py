"""``otel-pipeline patterns``."""

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from otel_pipeline.commands.common import console, json_option, print_json, who_option
from otel_pipeline.commands.patterns_file import export_, import_

if TYPE_CHECKING:
    from otel_pipeline.detection.memory import Pattern

note_option = click.option("--note", default="", help="Anything else.")
check_option = click.option(
    "--check",
    default="",
    help="SELECT that must hold before it is recalled: {start:DateTime64(3)} and {end:...} in it.",
)


@click.group()
def command() -> None:
    """The error memory: what went wrong before, why, and what fixed it.

    Incidents note patterns by themselves, as suspected. People confirm them, with the cause and the remedy, correct or
    reject them, here or in a reviewed file (`export`, `import`); only what is confirmed is ever offered as a remedy.
    Every change is kept (see `history`).

    \b
    --json of a pattern: {"pattern_id", "created_at", "error_signature", "error_message", "service_name", "root_cause",
    "resolution", "occurrence_count", "first_seen", "last_seen", "related_trace_ids", "Status", "Harmless", "Services",
    "Features", "Templates", "Shapes", "Exceptions", "Versions", "CheckQuery", "CheckFailures", "ReviewedBy",
    "ReviewedAt", "Incidents", "EmbeddingModel", "EmbeddedText", "ChangedBy"}
    """


@command.command(name="list")
@click.option(
    "--status", type=click.Choice(["suspected", "confirmed", "rejected", "stale"]), help="Only those of this status."
)
@json_option
def list_(status: str | None, as_json: bool) -> None:
    """Known patterns, the last seen first."""
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import memory
    from otel_pipeline.settings import load

    with Database(load(), role="reader", comment={"command": "patterns"}) as db:
        patterns = [p for p in memory.read(db) if status in (None, p.Status)]
    if as_json:
        print_json([memory.plain(pattern) for pattern in patterns])
        return
    if not patterns:
        console.print("no patterns yet; incidents note them by themselves")
        return
    table = Table("id", "status", "service", "message", "seen", "last", "cause", "what fixed it")
    for p in patterns:
        status = "harmless" if p.Harmless else p.Status
        seen, last = str(p.occurrence_count), f"{p.last_seen:%Y-%m-%d %H:%M}"
        table.add_row(
            str(p.pattern_id)[:8], status, p.service_name, p.error_message[:120], seen, last, p.root_cause, p.resolution
        )
    console.print(table)


@command.command()
@click.argument("service")
@click.argument("message")
@click.option("--cause", required=True, help="Why it happens.")
@click.option("--resolution", default="", help="What fixes it.")
@click.option("--harmless", is_flag=True, help="It does no harm: never report it as a cause.")
@check_option
@who_option
@json_option
def add(
    *, service: str, message: str, cause: str, resolution: str, harmless: bool, check: str, who: str, as_json: bool
) -> None:
    """Note a pattern that you know of: errors of SERVICE like MESSAGE. It counts as confirmed."""
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import reviews
    from otel_pipeline.embedding import Embedder
    from otel_pipeline.settings import load

    settings = load()
    with Database(settings, comment={"command": "patterns"}) as db:
        pattern = reviews.add(
            db,
            Embedder(settings),
            service,
            message,
            root_cause=cause,
            resolution=resolution,
            who=who,
            harmless=harmless,
            check=check,
        )
    _show(pattern, as_json)


def _confirm(*, pattern_id: str, cause: str, resolution: str, note: str, check: str, who: str, as_json: bool) -> None:
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import reviews
    from otel_pipeline.settings import load

    with Database(load(), comment={"command": "patterns"}) as db:
        _show(reviews.confirm(db, pattern_id, cause, resolution, who=who, note=note, check=check), as_json)


@command.command()
@click.argument("pattern_id")
@click.option("--cause", required=True, help="Why it happens.")
@click.option("--resolution", required=True, help="What fixed it.")
@note_option
@check_option
@who_option
@json_option
def resolve(**decision: Any) -> None:
    """Confirm PATTERN_ID (its beginning is enough), with its cause and what fixed it."""
    _confirm(**decision)


@command.command()
@click.argument("pattern_id")
@click.option("--cause", help="Why it really happens; without it, as before.")
@click.option("--resolution", help="What really fixes it; without it, as before.")
@note_option
@check_option
@who_option
@json_option
def correct(*, pattern_id: str, cause: str | None, resolution: str | None, **decision: Any) -> None:
    """Correct what is confirmed about PATTERN_ID; what is not given stays."""
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import memory
    from otel_pipeline.settings import load

    with Database(load(), role="reader") as db:
        known = memory.find(db, pattern_id)
    cause = known.root_cause if cause is None else cause
    resolution = known.resolution if resolution is None else resolution
    _confirm(pattern_id=pattern_id, cause=cause, resolution=resolution, **decision)


@command.command()
@click.argument("pattern_id")
@click.option("--harmless", is_flag=True, help="It is real, but known to do no harm.")
@note_option
@who_option
@json_option
def reject(*, pattern_id: str, harmless: bool, note: str, who: str, as_json: bool) -> None:
    """Say that PATTERN_ID is no pattern; it is not recalled again."""
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import reviews
    from otel_pipeline.settings import load

    with Database(load(), comment={"command": "patterns"}) as db:
        _show(reviews.reject(db, pattern_id, who=who, note=note, harmless=harmless), as_json)


@command.command()
@click.argument("pattern_id")
@note_option
@who_option
@json_option
def reopen(*, pattern_id: str, note: str, who: str, as_json: bool) -> None:
    """Take a decision about PATTERN_ID back: it is suspected again."""
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import reviews
    from otel_pipeline.settings import load

    with Database(load(), comment={"command": "patterns"}) as db:
        _show(reviews.reopen(db, pattern_id, who=who, note=note), as_json)


@command.command()
@click.argument("pattern_id")
@json_option
def history(pattern_id: str, as_json: bool) -> None:
    """Every change of PATTERN_ID: who, when, what.

    --json: [{"ChangedAt", "ChangedBy", "Action", "Status", "root_cause", "resolution", "Note", "Harmless",
    "CheckQuery", "Snapshot"}, …]
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import memory
    from otel_pipeline.settings import load

    with Database(load(), role="reader", comment={"command": "patterns"}) as db:
        rows = db.rows("error_patterns__history", pattern=memory.find(db, pattern_id).pattern_id)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        said = "; ".join(row[name] for name in ("root_cause", "resolution", "Note") if row[name])
        console.print(f"{row['ChangedAt']:%Y-%m-%d %H:%M:%S} {row['ChangedBy']} {row['Action']}: {said}", markup=False)


def _show(pattern: "Pattern", as_json: bool) -> None:
    if as_json:
        from otel_pipeline.detection import memory

        print_json(memory.plain(pattern))
    else:
        console.print(
            f"{pattern.pattern_id} {pattern.Status}: {pattern.service_name}: {pattern.error_message}", markup=False
        )


command.add_command(export_)
command.add_command(import_)
