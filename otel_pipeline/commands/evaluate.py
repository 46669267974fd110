"""``otel-pipeline evaluate``: the same code as the pipeline, measured against labelled data."""

from pathlib import Path

import click

from otel_pipeline.commands.common import json_option, print_json, progress_console


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Measure the pipeline's own code against labelled data.

    Needs nothing running: a server of its own in a temporary folder, gone afterwards. Labels may be absent: then
    rankings, scores and groups alone are printed, and they are the same as with labels. Without a command: `all`.
    """
    if context.invoked_subcommand is None:
        context.invoke(everything)


# Made-up systems beside the folder where rules are judged: small, so that evidence is scarce; seeds of development.
ABLATION_SEEDS, ABLATION_LINES = 5, 500

folder_argument = click.argument(
    "folder", metavar="DIR", type=click.Path(exists=True, path_type=Path, resolve_path=True)
)


@command.command()
@click.argument("source", metavar="DIR|logworlds")
@click.option(
    "--seeds", default="1000-1009", help="Seeds of made-up systems: 0-49 are for development. Default 1000-1009."
)
@click.option("--style", "styles", multiple=True, help="Style of made-up systems; all where none is named.")
@click.option(
    "--ablation", "ablated", is_flag=True, help="What each rule is worth, and what is left without the system judged."
)
@json_option
def templates(source: str, seeds: str, styles: tuple[str, ...], ablated: bool, as_json: bool) -> None:
    """Log templates: accuracy on CSV files with a column Content (EventId, EventTemplate: the truth), or made-up
    systems.

    GA is the share of lines whose group holds exactly the lines of their event; FGA is the F1 of groups; PA the share
    of
    lines whose template reads as the true one. Masking what holds a digit, and Drain3 where it is installed, stand
    beside.

    \b
    --json: {"files": {NAME: {"groups": [template id of each line], "texts": {ID: text}, "lines", "templates", "events",
             "ga", "fga", "pa", "plain": {METHOD: {"ga", "fga", "templates"}}}}, "ga", "fga", "pa", "plain": {METHOD:
             {"ga", "fga"}}}
    --ablation --json: {"rules": {RULE: {SYSTEM: [change of GA, change of FGA without it]}}, "unpaid": [RULE],
             "left_out": {SYSTEM: {"ga", "fga", "without": [RULE]}}, "ga", "fga"}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation import template_ablation
    from otel_pipeline.evaluation.templates import evaluate, made_up, read

    if source == "logworlds":
        files = made_up(_seeds(seeds), styles) if styles else made_up(_seeds(seeds))
    else:
        path = Path(source)
        if not path.exists():
            raise click.BadParameter(
                f"there is no {source}; name a folder of CSV files, or logworlds", param_hint="DIR"
            )
        files = read(path.resolve())
    with progress_console.status("starting a server") as status:
        if ablated:
            extra = [] if source == "logworlds" else made_up(range(ABLATION_SEEDS), lines=ABLATION_LINES)
            answer = template_ablation.ablation([*files, *extra], status.update)
        else:
            answer = evaluate(files, lambda name: status.update(f"templates of {name}"), plain=True)
    if as_json:
        print_json(answer)
    elif ablated:
        evaluation_tables.template_ablation(answer)
    else:
        evaluation_tables.templates(answer)


def _seeds(text: str) -> list[int]:
    """``3``, ``0-49`` or ``1,5,9``."""
    try:
        found: list[int] = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except ValueError:
        raise click.BadParameter(f"{text} is no seed, and no range of seeds", param_hint="--seeds") from None
    return found


@command.command()
@folder_argument
@json_option
def rca(folder: Path, as_json: bool) -> None:
    """Root causes: all services ranked for the window of each fault in DIR/faults.json.

    DIR holds otel_traces.parquet and otel_logs.parquet, faults.json ([{"start", "end", "service"?}, …]) and, if known,
    reference.json ([[start, end], …]: normal traffic). AS@k is the share of faults whose service is among the first k.

    --json: {"cases": [{"start", "end", "ranking": [{"service", "score"}], "reasons": [text]}], "as1", "as3", "as5"}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation.rca import evaluate

    with progress_console.status("starting a server") as status:
        answer = evaluate(folder, status.update, plain=not as_json)
    if as_json:
        print_json(answer)
    else:
        evaluation_tables.rca(answer)


@command.command()
@folder_argument
@json_option
def detect(folder: Path, as_json: bool) -> None:
    """Anomalous traces: every trace of DIR scored. Files as for `rca`.

    The normal is learned from reference.json's windows, or robustly from everything. A trace counts as faulty when it
    begins in a fault's window and has a span on the faulty service.

    --json: {"threshold", "traces": [{"trace_id", "score", "anomalous"}], "ap", "auc", "f1"}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation.detect import evaluate

    with progress_console.status("starting a server") as status:
        answer = evaluate(folder, status.update, plain=not as_json)
    if as_json:
        print_json(answer)
    else:
        evaluation_tables.detect(answer)


@command.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(exists=True, path_type=Path, resolve_path=True)
)
@json_option
def ablation(folder: Path | None, as_json: bool) -> None:
    """What each part of the score is worth: the same code, that part of every trace left blank.

    DIR is a labelled folder as for `rca`; without it, the kept soak of `shop` is judged.

    --json: {"parts": {PART ("": nothing left out): {"as1", "as3", "ap", "auc", "f1"} of a folder, {"recall",
    "precision", "rightly_blamed", "ap", "auc", "f1"} of a soak}}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation import ablation, kept
    from otel_pipeline.settings import load

    with progress_console.status("starting a server") as status:
        if folder:
            answer = ablation.folder(folder, status.update)
        else:
            with kept.opened(load()) as db:
                answer = ablation.shop(db, status.update)
    if as_json:
        print_json(answer)
    else:
        evaluation_tables.ablation(answer, "the soak" if folder is None else folder.name)


@command.command("all")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, resolve_path=True))
@click.option("--soak", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of a kept soak.")
def everything(folder: Path | None = None, soak: Path | None = None) -> None:
    """Everything there is to measure with, baselines beside it: a few minutes.

    DIR (../shared/data where it is not named) holds labelled folders as for `rca`, and CSV files as for `templates`
    under loghub/. The shop is judged where a soak is named.
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation import everything
    from otel_pipeline.settings import load

    found = everything.find(folder)
    with progress_console.status("starting a server") as status:
        for path in found.labelled:
            answers = everything.labelled_folder(path, status.update)
            evaluation_tables.rca_shares(answers["rca"])
            evaluation_tables.detect(answers["detect"])
            evaluation_tables.ablation(answers["ablation"], path.name)
        if found.lines:
            evaluation_tables.templates(everything.lines(found.lines, status.update))
        if soak:
            answers = everything.kept_soak(load(otel_pipeline_home=soak), status.update)
            evaluation_tables.shop(answers["shop"])
            evaluation_tables.ablation(answers["ablation"], "the soak")


@command.command()
@json_option
def shop(as_json: bool) -> None:
    """Incidents and traces of the sample shop, held against the ledger of injected faults.

    Judges what a demo, or a soak with --keep DIR, left in the database that the settings point at (OTEL_PIPELINE_HOME:
    its folder; its ClickHouse is started if it does not run). Beside the scores stand four plain methods that learn
    from the quiet times.

    --json: {"start", "end", "incidents": {"faults", "incidents", "recall", "precision", "rightly_blamed",
    "neighbour_blamed", "false_incidents", "quiet_hours", "false_per_quiet_hour", "ttd_p50_s", "ttd_p95_s" (until the
    data shows an incident), "ttd_live_p50_s", "ttd_live_p95_s" (until its row was written; null where the lineage ran
    later)}, "faults": [{"scenario", "start", "service", "found", "incidents", "blamed", "ttd_s", "ttd_live_s",
    "title"}], "detect": {"threshold", "faulty", "normal", "traces": {SCENARIO: faulty traces}, "methods": {METHOD:
    {SCENARIO or "all": {"ap", "auc", "f1"}}}}}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation import kept
    from otel_pipeline.evaluation.shop import evaluate
    from otel_pipeline.settings import load

    with progress_console.status("opening the database") as status, kept.opened(load()) as db:
        answer = evaluate(db, status.update)
    if as_json:
        print_json(answer)
    else:
        evaluation_tables.shop(answer)


@command.command()
@json_option
def investigations(as_json: bool) -> None:
    """The investigation's first cause, for the window of each fault in the ledger; and whether quiet times are calm.

    Asks the database that the settings point at, as `shop` does. The status of every service in quiet times stands
    beside it: whatever is unusual there is a false alarm.

    \b
    --json: {"faults": [{"scenario", "start", "service", "blamed", "right", "verdict", "headline", "seconds"}],
             "right", "quiet": [{"start", "end", "verdict", "blamed", "headline", "services"}], "calm",
             "status_checks", "wolves": [{"service", "start", "end", "verdict", "unusual": [text]}]}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation import kept
    from otel_pipeline.evaluation.investigations import evaluate
    from otel_pipeline.settings import load

    with progress_console.status("opening the database") as status, kept.opened(load()) as db:
        answer = evaluate(db, None, status.update)
    if as_json:
        print_json(answer)
    else:
        evaluation_tables.investigations(answer)


@command.command()
@click.argument(
    "homes",
    metavar="HOME...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True),
)
@json_option
def memory(homes: tuple[Path, ...], as_json: bool) -> None:
    """The error memory: is a fault known again, and only then? On databases of kept stacks, which are copied.

    HOME is the OTEL_PIPELINE_HOME of a stack that ran with faults (fault_ledger); of each scenario the first is learned
    and the later ones are asked for, across all HOMEs in the order given.

    \b
    --json: {"faults", "incidents", "scenarios", "again", "recall_at_1", "unseen", "false_recall", "poisoned",
             "poison_served", "cases": {"again" and "unseen": [{"start", "scenario", "service", "recalled", "right",
             "why"}]}}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation.memory import evaluate

    with progress_console.status("starting a server") as status:
        answer = evaluate(homes, status.update)
    if as_json:
        print_json(answer)
    else:
        evaluation_tables.memory(answer)


@command.command()
@click.option("--seeds", default="0-7", show_default=True, metavar="A-B", help="Seeds of the worlds, both included.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Worlds judged at a time.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder to leave the worlds in, as seedN."
)
@click.option(
    "--faults", type=click.IntRange(1, 16), help="At most so many faults a world: shorter worlds, for a quick look."
)
@json_option
def worlds(seeds: str, jobs: int, keep: Path | None, faults: int | None, as_json: bool) -> None:
    """Made-up worlds: systems drawn from a seed that have nothing in common with the shop, 12 to 16 faults in each.

    Root causes, traces (nothing given; twelve quiet minutes given) and incidents, by kind of fault and property of the
    world, plain methods beside them. Seeds 0-99 are for development; from 1000 on they are for judging, and are not to
    be looked at while anything is chosen. About a minute a world.

    The last line, and all of --json: {"worlds": {SEED: {"world", "faults": [{"kind", "service", "ranks": {METHOD:
    [rank, best rank of whom one may blame]}, "incidents": {METHOD: {"found", "blamed", "right"}}}], "detect": {FORM:
    {METHOD: {"ap", "recall", "false_alarms"}}}, "incidents": {METHOD: {"incidents", "false", "loud_blamed", "recall",
    "rightly_blamed", "precision"}}}}, "summary": {"all", "kinds": {KIND}, "properties": {PROPERTY}}}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.evaluation.made_up import evaluate

    first, _, last = seeds.partition("-")
    if "-" not in seeds:
        last = first
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise click.BadParameter(f"{seeds!r} is not of the form A-B", param_hint="--seeds")
    with progress_console.status("the first world") as status:
        answer = evaluate(range(int(first), int(last) + 1), jobs, keep, faults, status.update)
    if not as_json:
        evaluation_tables.worlds(answer)
    print_json(answer)


@command.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@json_option
def compare(old: str, new: str, as_json: bool) -> None:
    """Two versions of the lineage: is NEW no worse than OLD? Exit status 1 if it is worse.

    Numbers are versions that have judged the same traces in the database that the settings point at (`otel-pipeline
    materialize --version N`): with a ledger of injected faults, both are held against that; without one, only where
    they differ is told. To switch, set LINEAGE_VERSION.

    Files are answers of `evaluate rca|detect|templates DIR --json`, by the code of the one version and of the other.

    --json: {"old", "new", "traces" (of versions): {"both_judged", "both_anomalous", "only_old", "only_new"}, "figures":
    [{"figure", "old", "new", "worse"}], "no_worse": true, false, or null without a ledger}
    """
    from otel_pipeline.commands import evaluation_tables
    from otel_pipeline.errors import UserError
    from otel_pipeline.evaluation.compare import answers, evaluate
    from otel_pipeline.settings import load

    if old.isdigit() and new.isdigit():
        with progress_console.status("comparing") as status:
            answer = evaluate(load(), int(old), int(new), status.update)
    else:
        answer = answers(Path(old), Path(new))
    if as_json:
        print_json(answer)
    else:
        evaluation_tables.compare(answer)
    if answer["no_worse"] is False:
        names = ", ".join(row["figure"] for row in answer["figures"] if row["worse"])
        raise UserError(f"{new} is worse than {old} in {names}; leave LINEAGE_VERSION as it is")
