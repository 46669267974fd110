"""``otel-pipeline migrate``."""

import click

from otel_pipeline.commands.common import json_option, print_json
from otel_pipeline.settings import load


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Bring the database to the newest schema. Safe to run again, and while data arrives.

    Runs the files of sql/schema that were not run yet, or have changed. With CLICKHOUSE_CLUSTER set, tables become
    Replicated and are made ON CLUSTER. JSON: {"database": str, "applied": [str]}.
    """
    from otel_pipeline.migrate import migrate

    settings = load()
    applied = migrate(settings)
    if as_json:
        print_json({"database": settings.database, "applied": applied})
    elif applied:
        click.echo("\n".join(applied))
        click.echo(f"{len(applied)} applied to database {settings.database}")
    else:
        click.echo(f"database {settings.database} is up to date")
