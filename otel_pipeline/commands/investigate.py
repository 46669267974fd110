"""``otel-pipeline investigate``."""

from datetime import UTC, datetime, timedelta

import click

from otel_pipeline.commands.common import json_option, print_json, window_options


@click.command()
@window_options(required=False)
@click.option("--service", help="Incidents that this service takes part in; without one, how it is doing.")
@click.option("--trace", "trace_id", help="The incident of this trace.")
@json_option
def command(
    start: datetime | None, end: datetime | None, service: str | None, trace_id: str | None, as_json: bool
) -> None:
    """Ranked causes for a window, with evidence. Without --from and --to: the last 15 minutes.

    Compares the window's incidents, or the window itself, with quiet traffic before it. "Nothing abnormal" and "not
    enough evidence" are answers.

    \b
    --json: {"window", "verdict", "headline", "focus", "traces", "anomalous", "reference": [{"start", "end"}],
             "incidents": [{"incident_id", "start", "end", "service", "title", "anomalous", "traces"}],
             "causes": [{"service", "confidence", "score", "why", "evidence": [text]}], "path": [service],
             "changes": [{"kind", "service", "what", "before", "now"}], "ruled_out": [{"service", "why"}],
             "known": [{"pattern_id", "status", "root_cause", "remedy", "occurrences", "last_seen", "message"}],
             "examples": [trace id], "next_checks": [text]}
    verdict: "trouble", "nothing abnormal", "not enough evidence", "no data"
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection.model import Window
    from otel_pipeline.investigate.engine import investigate
    from otel_pipeline.investigate.text import text
    from otel_pipeline.settings import load

    end = end or datetime.now(UTC)
    # A trace that somebody names may be of any day that is kept.
    start = start or end - (timedelta(days=90) if trace_id else timedelta(minutes=15))
    if start >= end:
        raise click.UsageError("the window is empty: --from must be earlier than --to, which is now unless given")
    with Database(load(), role="reader", comment={"command": "investigate"}) as db:
        found = investigate(db, Window(start, end), service=service, trace_id=trace_id)
    if as_json:
        print_json(found.as_dict())
    else:
        click.echo(text(found))
