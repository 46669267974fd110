"""``otel-pipeline similar``."""

import click

from otel_pipeline.commands.common import console, iso, json_option, print_json


@click.command()
@click.argument("trace_id")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 50), help="Errors and patterns to show.")
@json_option
def command(trace_id: str, limit: int, as_json: bool) -> None:
    """Past errors like those of TRACE_ID, and what fixed them.

    Takes the warnings and errors that the trace logged, finds where the same or nearly the same was said before it, and
    the patterns of the error memory that fit.

    \b
    --json: {"trace_id", "start", "services", "errors": [{"template_id", "template", "service", "severity", "line"}],
             "past": [as the hits of search], "patterns": [{"pattern_id", "error_signature", "root_cause", "resolution",
             "Status", "Harmless", "occurrence_count", "shared_templates", "is_evidence", "distance", ...}], "notes"}
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.investigate.similar import similar
    from otel_pipeline.settings import load

    settings = load()
    with Database(settings, role="reader", comment={"command": "similar"}) as db:
        found = similar(db, settings.embedding_model, trace_id, limit=limit)
    if as_json:
        print_json(found.as_dict())
        return
    console.print(f"trace {found.trace_id}  {iso(found.start)}  {', '.join(found.services)}", markup=False)
    for message in found.errors:
        console.print(f"  {message.severity:5} {message.service}: {message.line[:300]}", markup=False, soft_wrap=True)
    if found.past:
        console.print("\nSaid before", style="bold")
    for hit in found.past:
        console.print(f"  {hit.similarity:.2f}  {hit.template}", markup=False, soft_wrap=True)
        seen = f"{hit.lines:,} lines in {', '.join(hit.services)}, {iso(hit.first_seen)} to {iso(hit.last_seen)}"
        console.print(f"        {seen}  traces {' '.join(hit.trace_ids) or '-'}", markup=False, style="dim")
    if found.patterns:
        console.print("\nKnown patterns", style="bold")
    for pattern in found.patterns:
        console.print(
            f"  {pattern['Status']:9} {pattern['error_signature']}  ({pattern['occurrence_count']} times, last"
            f" {iso(pattern['last_seen'])})",
            markup=False,
            soft_wrap=True,
        )
        console.print(f"    cause       {pattern['root_cause'] or 'not confirmed yet'}", markup=False, soft_wrap=True)
        console.print(f"    resolution  {pattern['resolution'] or 'not confirmed yet'}", markup=False, soft_wrap=True)
    for note in found.notes:
        console.print(note, markup=False, style="yellow")
