"""``otel-pipeline intake``."""

import logging

import click

from otel_pipeline.settings import load


@click.command(epilog="Point any OTel client at it: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")
@click.option("--http-port", type=int, help="OTLP/HTTP port (default: INTAKE_HTTP_PORT).")
@click.option("--grpc-port", type=int, help="OTLP/gRPC port (default: INTAKE_GRPC_PORT).")
def command(http_port: int | None, grpc_port: int | None) -> None:
    """Take OTLP over HTTP and gRPC, keep it safe on disk, write it to ClickHouse.

    Runs until Ctrl-C or SIGTERM, and starts without ClickHouse: what it has acknowledged waits in its spool. /healthz
    says that it lives, /readyz whether rows reach ClickHouse.
    """
    from otel_pipeline.intake.service import run

    ports = {"intake_http_port": http_port, "intake_grpc_port": grpc_port}
    settings = load(**{name: port for name, port in ports.items() if port is not None})
    logging.basicConfig(format="%(asctime)s intake %(levelname)s %(message)s", level=logging.INFO)
    run(settings)
