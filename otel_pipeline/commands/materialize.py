"""``otel-pipeline materialize``."""

import time
from datetime import datetime

import click
from rich.table import Table

from otel_pipeline.clickhouse import Database
from otel_pipeline.commands.common import console, iso, json_option, print_json, progress_console, window_options
from otel_pipeline.detection.model import Window
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load


@click.command()
@window_options()
@click.option("--checksums", is_flag=True, help="Print rows and a checksum of each derived table afterwards.")
@click.option("--without-vectors", is_flag=True, help="Leave out what needs the embedder.")
@click.option("--detector", metavar="VERSION", help="Only judge, as this version of the detector, beside the others.")
@json_option
def command(  # noqa: PLR0917
    start: datetime, end: datetime, checksums: bool, without_vectors: bool, detector: str | None, as_json: bool
) -> None:
    """Run the lineage over a window, without a UI.

    Every hour that the window touches is computed anew from the raw tables and replaced; running it twice gives the
    same tables (see --checksums). The engine lets it wait while a run of the present is at work, and leaves half of the
    cores to others: days of history can be backfilled while the stack is up.

    With --detector, what has been summarised is judged again as that version of the detector: its baselines, scores and
    incidents stand beside those of other versions (compare them with `otel-pipeline evaluate compare`). Which version
    is read, and goes on live, is the setting DETECTOR_VERSION.

    JSON: {"start", "end", "seconds", "steps": [{"hour", "node", "rows", "metrics"}], "checksums": [{"table", "rows",
    "checksum"}]}
    """
    from otel_pipeline.detection import chain, lineage

    settings = load(detector_version=detector) if detector else load()
    window = Window(start, end)
    embedder = None if without_vectors else Embedder(settings)
    began = time.monotonic()
    with Database(settings, comment={"command": "materialize"}, history=True) as db:
        hours = lineage.raw_hours(db, window)
        if not hours:
            raise UserError(f"no raw rows between {iso(start)} and {iso(end)}; import some, or ask for another window")
        if embedder:
            embedder.embed(["is anybody there"])
        with progress_console.status(f"{len(hours)} hours") as status:
            steps = (chain.judge if detector else chain.run)(
                db, embedder, window, lambda step: status.update(f"{step.hour:%Y-%m-%d %H:00} {step.node}")
            )
        sums = lineage.checksums(db) if checksums else []
    seconds = time.monotonic() - began
    if as_json:
        print_json(
            {
                "start": start,
                "end": end,
                "seconds": round(seconds, 2),
                "steps": [
                    {"hour": s.hour, "node": s.node, "rows": s.report.rows, "metrics": s.report.metrics} for s in steps
                ],
                "checksums": sums,
            }
        )
        return
    table = Table("node", "hours", "rows", title=f"{len(hours)} hours in {seconds:.1f} s")
    for node in chain.NODES:
        of_node = [step for step in steps if step.node == node]
        table.add_row(node, str(len(of_node)), f"{sum(step.report.rows for step in of_node):,}")
    console.print(table)
    if checksums:
        table = Table("table", "rows", "checksum")
        for row in sums:
            table.add_row(row["table"], f"{row['rows']:,}", row["checksum"])
        console.print(table)
