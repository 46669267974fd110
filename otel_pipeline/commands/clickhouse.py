"""``otel-pipeline clickhouse``."""

import time

import click

from otel_pipeline.commands.common import progress_console
from otel_pipeline.commands.signals import until_interrupted
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load


@click.command()
@click.option("--port", type=int, help="HTTP port [CLICKHOUSE_PORT, 8123].")
@click.option("--native-port", type=int, help="Native TCP port [CLICKHOUSE_NATIVE_PORT, 9000].")
def command(port: int | None, native_port: int | None) -> None:
    """Run the local ClickHouse until Ctrl-C: a real server out of the chdb wheel, on 127.0.0.1.

    Its data is in $OTEL_PIPELINE_HOME/clickhouse; users and passwords of this installation are in
    $OTEL_PIPELINE_HOME/local.env. HyperDX is at /clickstack. When the server dies it is started again.
    """
    from otel_pipeline.localdb.launcher import remember, with_passwords
    from otel_pipeline.stack.console import StackConsole
    from otel_pipeline.stack.services import clickhouse
    from otel_pipeline.stack.supervisor import Supervisor

    given = {"clickhouse_port": port, "clickhouse_native_port": native_port}
    given = {field: value for field, value in given.items() if value}
    settings = load(**given)
    if not settings.clickhouse_is_local:
        raise UserError(f"CLICKHOUSE_HOST={settings.clickhouse_host} names another server; unset it to run a local one")
    view = StackConsole(progress_console)
    with until_interrupted():
        settings = with_passwords(settings)
        service = clickhouse(settings)
        with Supervisor([service], settings.otel_pipeline_home / "logs", view.echo, view.event) as supervisor:
            supervisor.wait_ready()
            if given:
                remember(settings, **given)
            http, native = settings.clickhouse_port, settings.clickhouse_native_port
            click.echo(f"ClickHouse  http://127.0.0.1:{http}  native {native}")
            click.echo(f"HyperDX     {service.url}")
            click.echo(f"Passwords   {settings.local_env}")
            while True:
                supervisor.check()
                time.sleep(0.5)
