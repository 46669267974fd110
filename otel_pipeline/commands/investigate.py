"""``otel-pipeline investigate``."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from otel_pipeline.commands.common import json_option, print_json, say, window_options


@click.command()
@window_options(required=False)
@click.option("--service", help="Everything in traces in which this service takes part, and how it is doing.")
@click.option("--trace", "trace_id", help="The incident that this trace belongs to.")
@click.option(
    "--markdown",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the report to this file, with a timeline and a trace's waterfall as SVG beside it.",
)
@json_option
def command(
    *,
    start: datetime | None,
    end: datetime | None,
    service: str | None,
    trace_id: str | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Ranked causes for a window, with evidence. Without --from and --to: the last 15 minutes.

    Compares the window's incidents, or the window itself, with quiet traffic before it: traces, logs and metrics.
    What recurs in the same phase of past periods is ruled out. "Nothing abnormal" and "not enough evidence" are
    answers. With --service also its traffic, errors and latency against their usual values, and what is new, and
    whether the trouble is in the service or in what it depends on. Several troubles at once are several reports.

    \b
    --json: {"state", "window", "verdict", "headline", "focus", "since", "about", "traces", "anomalous",
             "reference": [{"start", "end"}],
             "incidents": [{"incident_id", "start", "end", "service", "title", "anomalous", "traces", "services",
                            "surprise", "operations", "examples"}],
             "causes": [{"service", "confidence", "score", "why", "evidence": [text]}], "path": [service],
             "changes": [{"kind", "service", "what", "before", "now"}], "affected",
             "ruled_out": [{"service", "why", "kind": "service", "release", "job" or "incident"}],
             "known": [{"pattern_id", "status", "root_cause", "remedy", "occurrences", "last_seen", "message"}],
             "recall": why the memory knows the incident, or why not,
             "examples": [trace id], "next_checks": [text],
             "metrics": [{"kind", "service", "metric", "what", "before", "now", "since", "strength"}],
             "deploys": [{"kind", "service", "before", "after", "at", "lead"}],
             "timeline": [{"at", "service", "signal", "what"}], "isolated": [trace id],
             "odd": [what is odd about the trace asked for, observed and expected],
             "skewed": [{"key", "value", "service", "bad", "of_bad", "good", "of_good", "lift", "distinct",
                         "terms": [[key, [value]]]}],
             "lines": new log lines outside traces, [{"at", "service", "text", "lines", "severity"}],
             "endpoints": [{"service", "operation", "requests", "rate", "failed", "usual_failed", "whole", "own",
                            "usual", "note", "blips": [text]}],
             "status": null or {"service", "visits", "new": [text], "calls", "called_by": [service],
                                "figures": [{"name", "now", "low", "high", "note"}]},
             "others": [reports of further troubles, each like this one]}
    state: "trouble", "healthy", "unclear", "no data"
    since: when the trouble began; about: is it the service asked for, or what it depends on
    whole, own: p50, p95, p99 in ms of the whole duration, and of the time in the service itself; usual: p95, lowest and
    highest
    verdict: "trouble", "nothing abnormal", "not enough evidence", "no data"
    lead: seconds from the deploy to the trouble; negative: it came after
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection.model import Window
    from otel_pipeline.embedding import Embedder
    from otel_pipeline.investigate import markdown
    from otel_pipeline.investigate.engine import investigate
    from otel_pipeline.investigate.text import text
    from otel_pipeline.settings import load

    end = end or datetime.now(UTC)
    # A trace that somebody names may be of any day that is kept.
    start = start or end - (timedelta(days=90) if trace_id else timedelta(minutes=15))
    if start >= end:
        raise click.UsageError("the window is empty: --from must be earlier than --to, which is now unless given")
    settings = load()
    asked = {"service": service, "trace_id": trace_id, "embedder": Embedder(settings)}
    with Database(settings, role="reader", comment={"command": "investigate"}) as db:
        found = investigate(db, Window(start, end), **asked)
        written = markdown.write(db, found, file, trace_id) if file else []
    if as_json:
        print_json(found.as_dict())
    else:
        say(text(found))
    for path in written:
        click.echo(f"wrote {path}", err=True)
