"""``otel-pipeline anomalies``."""

from datetime import UTC, datetime, timedelta

import click
from rich.table import Table

from otel_pipeline.commands.common import console, iso, json_option, print_json, window_options


@click.command()
@window_options(required=False)
@click.option("--service", default="", help="Only traces whose reasons point at this service.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="Traces to show.")
@json_option
def command(*, start: datetime | None, end: datetime | None, service: str, limit: int, as_json: bool) -> None:
    """The anomalous traces of a window, the worst first, with reasons. Without --from and --to: the last 15 minutes.

    \b
    --json: {"start", "end", "traces", "anomalous", "no_baseline", "partial", "incidents": [{"id", "start", "end",
             "service", "title", "anomalous", "harmless"}], "anomalies": [{"trace_id", "timestamp", "service",
             "operation", "score", "duration_ms", "suspect", "baseline", "reasons": [{"kind", "service", "operation",
             "what", "observed", "expected", "surprise"}]}]}
    harmless: who says since when that an incident of its kind does no harm; empty where nobody does
    score: -log10 of the share of normal traces that would look as odd; from 2.3 (one in 200) a trace is anomalous.
    """
    from otel_pipeline.clickhouse import Database
    from otel_pipeline.detection.model import Window
    from otel_pipeline.embedding import Embedder
    from otel_pipeline.investigate.anomalies import anomalies
    from otel_pipeline.settings import load

    end = end or datetime.now(UTC)
    window = Window(start or end - timedelta(minutes=15), end)
    if window.start >= window.end:
        raise click.UsageError("the window is empty: --from must be earlier than --to, which is now unless given")
    settings = load()
    with Database(settings, role="reader", comment={"command": "anomalies"}) as db:
        found = anomalies(db, window, service=service, limit=limit, embedder=Embedder(settings))
    if as_json:
        print_json(found)
        return
    console.print(
        f"{iso(window.start)} to {iso(window.end)}: {found['traces']:,} traces, {found['anomalous']:,} anomalous,"
        f" {found['no_baseline']:,} without a baseline yet, {found['partial']:,} partial"
    )
    for incident in found["incidents"]:
        known = f" ({incident['harmless']})" if incident["harmless"] else ""
        console.print(f"incident {incident['id']} {iso(incident['start'])}: {incident['title']}{known}", markup=False)
    if found["anomalies"]:
        table = Table("began", "operation", "score", "ms", "suspect", "reasons", "trace")
        for row in found["anomalies"]:
            reasons = "; ".join(f"{r['kind']} {r['service']} {r['operation']}: {r['what']}" for r in row["reasons"][:2])
            table.add_row(
                f"{row['timestamp']:%H:%M:%S}",
                f"{row['service']} {row['operation']}",
                f"{row['score']:.1f}",
                f"{row['duration_ms']:.0f}",
                row["suspect"],
                reasons[:160],
                row["trace_id"],
            )
        console.print(table)
