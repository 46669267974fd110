"""``otel-pipeline forget``."""

import click

from otel_pipeline.commands.common import console, json_option, print_json
from otel_pipeline.errors import UserError


@click.command("forget")
@click.option("--user", default="", help="A person: id, e-mail address or name, as attributes and texts have it.")
@click.option("--session", default="", help="A browser session (rum.sessionId or session.id).")
@click.option("--trace", default="", help="A trace: 32 hex digits.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@json_option
def command(dry_run: bool, as_json: bool, **named: str) -> None:
    """Erase a person, a session or a trace from every place, and prove it.

    Raw and derived tables, the error memory, the spool, dead letters, Dagster's event log, logs. Counts each place
    before and after; exit status 1 where something is left. Backups are listed. The file forgotten.jsonl of the home
    folder keeps the counts, with a digest instead of the name.
    """
    from otel_pipeline.erasure.forget import forget
    from otel_pipeline.erasure.subject import Subject
    from otel_pipeline.settings import load

    given = [(kind, value) for kind, value in named.items() if value]
    if len(given) != 1:
        raise click.UsageError("name one of --user, --session, --trace")
    kind, value = given[0]
    report = forget(load(), Subject(kind, value), dry_run=dry_run)  # pyright: ignore[reportArgumentType]
    if as_json:
        print_json(report.document())
    else:
        console.print(f"{report.traces} traces, {report.sessions} sessions")
        for place in sorted({*report.before, *report.after}):
            after = "" if dry_run else f" → {report.after.get(place, 0)}"
            console.print(f"  {place}: {report.before.get(place, 0)}{after}", soft_wrap=True)
        for line in (*report.left, *report.notes, *(f"backup: {name}" for name in report.backups)):
            console.print(f"  {line}", soft_wrap=True)
        if not report.before:
            console.print("nothing found")
    if not dry_run and not report.complete:
        raise UserError("something is left; see above")
