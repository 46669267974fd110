"""``otel-pipeline import``."""

from dataclasses import asdict
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from otel_pipeline import importer
from otel_pipeline.clickhouse import Database
from otel_pipeline.commands.common import console, iso, json_option, print_json, progress_console
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import load


@click.command()
@click.option("--traces", type=click.Path(path_type=Path), help="File with the columns of otel_traces.")
@click.option("--logs", type=click.Path(path_type=Path), help="File with the columns of otel_logs.")
@json_option
def command(traces: Path | None, logs: Path | None, as_json: bool) -> None:
    """Load OTel-shaped files into the raw tables.

    Parquet (or Arrow, JSON lines, CSV, TSV, Native, by suffix) with the columns of otel_traces and otel_logs; absent
    columns stay empty. Files are checked whole first: either all are imported, or, with the reason, none. Rows that
    are there already are left out, so an import can be repeated.

    Then run `otel-pipeline materialize --from … --to …` over the times that it prints.

    JSON: [{"kind", "path", "rows", "there", "mended", "start", "end", "kept_until"}, …]
    """
    files: dict[importer.Kind, Path] = {}
    if traces:
        files["traces"] = traces
    if logs:
        files["logs"] = logs
    if not files:
        raise click.UsageError("give --traces, --logs, or both")
    settings = load().raw
    migrate(settings)
    with (
        Database(settings, comment={"command": "import"}) as db,
        Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=progress_console, transient=True
        ) as bar,
    ):
        tasks = {str(path): bar.add_task(path.name, total=None) for path in files.values()}
        done = importer.run(db, files, lambda path, sent, total: bar.update(tasks[path], completed=sent, total=total))
    if as_json:
        print_json([asdict(item) for item in done])
        return
    for item in done:
        notes = [f"{item.there:,} were there already"] if item.there else []
        notes += [f"{item.mended:,} without a time took that of their span"] if item.mended else []
        notes += [f"older than the retention: kept until {item.kept_until:%Y-%m-%d}"] if item.kept_until else []
        console.print(
            f"{item.rows:,} {item.kind} imported, {iso(item.start)} to {iso(item.end)}"
            + (f" ({'; '.join(notes)})" if notes else "")
        )
