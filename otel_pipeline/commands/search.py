"""``otel-pipeline search``."""

from datetime import datetime

import click

from otel_pipeline.commands.common import console, iso, json_option, print_json, window_options


@click.command()
@click.argument("text")
@click.option("--service", default="", help="Only lines of this service.")
@click.option(
    "--severity",
    type=click.Choice(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], case_sensitive=False),
    help="At least this severe.",
)
@window_options(required=False)
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100), help="Templates to show.")
@json_option
def command(
    *,
    text: str,
    service: str,
    severity: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Log lines that mean TEXT: nearest templates by meaning and by words, with counts, lines and traces.

    The score is the stronger of meaning and words. An exact code or id ("ERR-4711") is looked up in the lines
    themselves. Counts are those of whole hours.

    \b
    --json: {"query", "hits": [{"template_id", "template", "services", "severity", "lines", "first_seen", "last_seen",
             "score", "similarity", "words", "examples", "trace_ids"}], "notes"}
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.embedding import Embedder
    from otel_pipeline.investigate.search import search
    from otel_pipeline.settings import load

    settings = load()
    with Database(settings, role="reader", comment={"command": "search"}) as db:
        found = search(
            db, Embedder(settings), text, service=service, severity=severity or "", start=start, end=end, limit=limit
        )
    if as_json:
        print_json(found.as_dict())
        return
    for hit in found.hits:
        console.print(f"{hit.score:.2f}", style="bold", end="  ")
        console.print(f"{hit.severity or '-':5}  {', '.join(hit.services)}", end="  ")
        console.print(f"{hit.lines:,} lines, {iso(hit.first_seen)} to {iso(hit.last_seen)}", style="dim")
        console.print(f"      {hit.template}", markup=False, soft_wrap=True)
        for line in hit.examples[:2]:
            console.print(f"      | {line.splitlines()[0][:300] if line else ''}", markup=False, style="dim")
        if hit.trace_ids:
            console.print(f"      traces {' '.join(hit.trace_ids[:3])}", markup=False, style="dim")
    for note in found.notes:
        console.print(note, markup=False, style="yellow")
