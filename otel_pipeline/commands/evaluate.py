"""``otel-pipeline evaluate``: the same code as the pipeline, measured against labelled data."""

from pathlib import Path

import click

from otel_pipeline.commands.common import console, json_option, print_json, progress_console


@click.group()
def command() -> None:
    """Measure the pipeline's own code against labelled data.

    Needs nothing running: a server of its own in a temporary folder, gone afterwards. Labels may be absent: then
    rankings, scores and groups alone are printed, and they are the same as with labels.
    """


folder_argument = click.argument(
    "folder", metavar="DIR", type=click.Path(exists=True, path_type=Path, resolve_path=True)
)


@command.command()
@folder_argument
@json_option
def templates(folder: Path, as_json: bool) -> None:
    """Log templates: grouping accuracy on CSV files with a column Content (and EventId, the truth).

    GA is the share of lines whose group holds exactly the lines of their event; FGA is the F1 of groups. Drain3 stands
    beside them where it is installed.

    --json: {"files": {NAME: {"groups": [template id of each line], "lines", "templates", "ga", "fga"}}, "ga", "fga"}
    """
    from rich.table import Table

    from otel_pipeline.evaluation.templates import accuracy, drain3, evaluate, read

    with progress_console.status("starting a server") as status:
        answer = evaluate(folder, lambda name: status.update(f"templates of {name}"))
        if as_json:
            print_json(answer)
            return
        status.update("Drain3")
        others = {file.name: (file.events, drain3(file.lines)) for file in read(folder)}
    table = Table("file", "lines", "templates", "GA", "FGA", "GA Drain3", "FGA Drain3")
    baseline = []
    for name, file in answer["files"].items():
        events, groups = others[name]
        figures = accuracy(events, groups) if events and groups else (None, None)
        baseline.append(figures)
        row = [file["ga"], file["fga"], *figures]
        table.add_row(name, str(file["lines"]), str(file["templates"]), *map(_share, row))
    known = [figures for figures in baseline if figures[0] is not None and figures[1] is not None]
    means = [sum(column) / len(known) for column in zip(*known, strict=True)] if known else [None, None]
    table.add_section()
    table.add_row("mean", "", "", *map(_share, [answer["ga"], answer["fga"], *means]))
    console.print(table)


@command.command()
@folder_argument
@json_option
def rca(folder: Path, as_json: bool) -> None:
    """Root causes: all services ranked for the window of each fault in DIR/faults.json.

    DIR holds otel_traces.parquet and otel_logs.parquet, faults.json ([{"start", "end", "service"?}, …]) and, if known,
    reference.json ([[start, end], …]: normal traffic). AS@k is the share of faults whose service is among the first k.

    --json: {"cases": [{"start", "end", "ranking": [{"service", "score"}], "reasons": [text]}], "as1", "as3", "as5"}
    """
    from rich.table import Table

    from otel_pipeline.evaluation.rca import evaluate

    with progress_console.status("starting a server") as status:
        answer = evaluate(folder, status.update, plain=not as_json)
    if as_json:
        print_json(answer)
        return
    table = Table("fault's window", "likeliest cause", "score", "next", "reasons")
    for case in answer["cases"]:
        first, second = (*case["ranking"], {"service": "", "score": 0.0}, {"service": "", "score": 0.0})[:2]
        table.add_row(
            f"{case['start']:%m-%d %H:%M:%S}",
            first["service"],
            f"{first['score']:.1f}",
            second["service"],
            "; ".join(case["reasons"][:1]),
        )
    console.print(table)
    table = Table("", "AS@1", "AS@3", "AS@5")
    for name, row in (("this", answer), ("plain rule of three statistics", answer["plain"])):
        table.add_row(name, *(_share(row[figure]) for figure in ("as1", "as3", "as5")))
    console.print(table)


@command.command()
@folder_argument
@json_option
def detect(folder: Path, as_json: bool) -> None:
    """Anomalous traces: every trace of DIR scored. Files as for `rca`.

    The normal is learned from reference.json's windows, or robustly from everything. A trace counts as faulty when it
    begins in a fault's window and has a span on the faulty service.

    --json: {"threshold", "traces": [{"trace_id", "score", "anomalous"}], "ap", "auc", "f1"}
    """
    from rich.table import Table

    from otel_pipeline.evaluation.detect import evaluate

    with progress_console.status("starting a server") as status:
        answer = evaluate(folder, status.update, plain=not as_json)
    if as_json:
        print_json(answer)
        return
    flagged = sum(trace["anomalous"] for trace in answer["traces"])
    console.print(f"{len(answer['traces']):,} traces, {flagged:,} anomalous (score from {answer['threshold']})")
    table = Table("", "AP", "AUC", "F1 at the threshold")
    table.add_row("this", _share(answer["ap"]), _share(answer["auc"]), _share(answer["f1"]))
    for name, row in answer["plain"].items():
        table.add_row(name, _share(row["ap"]), _share(row["auc"]), "-")
    console.print(table)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
