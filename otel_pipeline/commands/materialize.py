"""``otel-pipeline materialize``."""

import time
from datetime import datetime

import click
from rich.table import Table

from otel_pipeline.clickhouse import Database
from otel_pipeline.commands.common import console, iso, json_option, print_json, progress_console, window_options
from otel_pipeline.detection.model import Window
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import Unavailable, UserError
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import load


@click.command()
@window_options()
@click.option("--checksums", is_flag=True, help="Print rows and a checksum of each derived table afterwards.")
@click.option("--without-vectors", is_flag=True, help="Leave out what needs the embedder.")
@click.option("--version", metavar="N", type=click.IntRange(1), help="As this version, beside [LINEAGE_VERSION].")
@json_option
def command(  # noqa: PLR0917
    start: datetime, end: datetime, checksums: bool, without_vectors: bool, version: int | None, as_json: bool
) -> None:
    """Run the lineage over a window, without a UI.

    Every hour that the window touches is computed anew from the raw tables and replaced; running it twice gives the
    same tables (see --checksums). The engine lets it wait while a run of the present is at work, and leaves half of the
    cores to others: days of history can be backfilled while the stack is up.

    With --version, everything is derived beside what is there, into a database of that version: its templates,
    summaries, vectors, baselines, scores and incidents (compare them with `otel-pipeline evaluate compare`). Which
    version is read, and goes on live, is the setting LINEAGE_VERSION.

    Where the embedder does not answer, vectors are left out (search by meaning waits for them), nothing else.

    JSON: {"start", "end", "seconds", "steps": [{"hour", "node", "rows", "metrics"}], "checksums": [{"table", "rows",
    "checksum"}]}
    """
    from otel_pipeline.detection import chain, lineage

    settings = load(lineage_version=version) if version else load()
    if version:
        migrate(settings)
    window = Window(start, end)
    embedder = None if without_vectors else Embedder(settings)
    began = time.monotonic()
    with Database(settings, comment={"command": "materialize"}, history=True) as db:
        hours = lineage.raw_hours(db, window)
        if not hours:
            raise UserError(f"no raw rows between {iso(start)} and {iso(end)}; import some, or ask for another window")
        if embedder and not _answers(embedder):
            embedder = None
        with progress_console.status(f"{len(hours)} hours") as status:
            steps = chain.run(
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


def _answers(embedder: Embedder) -> bool:
    """Whether the embedder is there; says so where it is not. One that is wrongly set up is an error."""
    try:
        embedder.embed(["is anybody there"])
    except Unavailable as error:
        progress_console.print(f"without vectors: {error}", style="yellow")
        return False
    return True
