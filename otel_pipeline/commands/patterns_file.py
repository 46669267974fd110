"""``otel-pipeline patterns export`` and ``import``: the error memory as a file that people review."""

from pathlib import Path

import click

from otel_pipeline.commands.common import console, json_option, print_json, who_option


@click.command(name="export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Those that nobody has decided about, too.")
def export_(file: Path, everything: bool) -> None:
    """Write what people decided into FILE, YAML for review ("-": standard output)."""
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import memory, pattern_file
    from otel_pipeline.errors import UserError
    from otel_pipeline.settings import load

    with Database(load(), role="reader", comment={"command": "patterns"}) as db:
        patterns = [p for p in memory.read(db) if everything or p.ReviewedBy]
    text = pattern_file.export(patterns)
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None
    console.print(f"{len(patterns)} patterns written to {file}", markup=False)


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--force", is_flag=True, help="The file wins even over later decisions.")
@who_option
@json_option
def import_(*, file: Path, dry_run: bool, force: bool, who: str, as_json: bool) -> None:
    """Read reviewed patterns from FILE into the memory.

    All or nothing: one wrong entry, or one conflict (somebody decided later than the file says), and nothing is
    written. Running it again changes nothing. Patterns that the file does not name stay as they are.

    \b
    --json: {"dry_run", "changes": [{"line", "pattern_id", "action": added|changed|same|conflict, "why"}]}
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection import pattern_file, pattern_yaml, reviews
    from otel_pipeline.embedding import Embedder
    from otel_pipeline.errors import UserError
    from otel_pipeline.settings import load

    settings = load()
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file}: {error}") from None
    entries = pattern_yaml.parse(text, file.name)
    with Database(settings, comment={"command": "patterns"}) as db:
        changes = pattern_file.plan(db, entries, file.name, force=force)
        conflicts = [change for change in changes if change.action == "conflict"]
        if not dry_run and not conflicts:
            pattern_file.apply(db, Embedder(settings), changes, file.name, reviews.person(who))
    if as_json:
        rows = [{"line": c.line, "pattern_id": c.pattern.pattern_id, "action": c.action, "why": c.why} for c in changes]
        print_json({"dry_run": dry_run, "changes": rows})
    else:
        for c in changes:
            why = f" ({c.why})" if c.why else ""
            console.print(
                f"{file.name}:{c.line} {c.action:8} {str(c.pattern.pattern_id)[:8]} {c.pattern.service_name}:"
                f" {c.pattern.error_message[:80]}{why}",
                markup=False,
                soft_wrap=True,
            )
        console.print("nothing written: dry run" if dry_run else "nothing written" if conflicts else "done")
    if conflicts:
        raise UserError(f"{len(conflicts)} of {len(changes)} patterns were decided later than {file.name} says")
