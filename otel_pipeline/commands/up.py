"""``otel-pipeline up``."""

import time

import click

from otel_pipeline.commands.common import progress_console
from otel_pipeline.commands.signals import until_interrupted

PARTS = ("clickhouse", "intake", "embedder", "shop", "dagster")


@click.command()
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Start this part only (may be repeated).")
@click.option("--without", multiple=True, type=click.Choice(PARTS), help="Leave this part out (may be repeated).")
@click.option("--quiet", "-q", is_flag=True, help="Starts, ends and deaths only; the rest is in the log files.")
def command(only: tuple[str, ...], without: tuple[str, ...], quiet: bool) -> None:
    """Run the whole stack until Ctrl-C: ClickHouse, intake, embedder, shop, Dagster.

    Ports that are taken are replaced by free ones and remembered in $OTEL_PIPELINE_HOME/local.env, where every command
    finds them. Logs are in $OTEL_PIPELINE_HOME/logs. A process that dies or hangs is started again; one that keeps
    failing is left down, and `status` says why. With CLICKHOUSE_HOST or EMBEDDING_BASE_URL set, those servers are used
    and none is started here.
    """
    from otel_pipeline.stack import Stack
    from otel_pipeline.stack.console import StackConsole

    view = StackConsole(progress_console, quiet)
    with until_interrupted(), Stack(only=only or None, without=without, echo=view.echo, on_event=view.event) as stack:
        for reason in stack.settle():
            click.echo(f"left down: {reason}", err=True)
        for name, url in stack.addresses().items():
            click.echo(f"{name:<11} {url}")
        while True:
            stack.check_any()
            time.sleep(0.5)
