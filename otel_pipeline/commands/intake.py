"""``otel-pipeline intake``."""

import logging
import os
import sys

import click

from otel_pipeline.sanitize import written_out
from otel_pipeline.settings import load


class Readable(logging.Formatter):
    """Lines of the log, with a stranger's control characters written out."""

    def format(self, record: logging.LogRecord) -> str:
        return written_out(super().format(record))


def log_to_stderr() -> None:
    """Log what happens, and nothing that a client could make up.

    gRPC's core writes what peers send to stderr as it came, escape sequences and all: it is silent here, unless
    GRPC_VERBOSITY asks for it. What matters of it comes back as an exception.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(Readable("%(asctime)s intake %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[console], level=logging.INFO)


@click.command(epilog="Point any OTel client at it: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")
@click.option("--http-port", type=int, help="OTLP/HTTP port (default: INTAKE_HTTP_PORT).")
@click.option("--grpc-port", type=int, help="OTLP/gRPC port (default: INTAKE_GRPC_PORT).")
def command(http_port: int | None, grpc_port: int | None) -> None:
    """Take OTLP over HTTP and gRPC, keep it safe on disk, write it to ClickHouse.

    Runs until Ctrl-C or SIGTERM, and starts without ClickHouse: what it has acknowledged waits in its spool. /healthz
    says that it lives, /readyz whether rows reach ClickHouse.
    """
    log_to_stderr()
    from otel_pipeline.intake.service import run

    ports = {"intake_http_port": http_port, "intake_grpc_port": grpc_port}
    settings = load(**{name: port for name, port in ports.items() if port is not None})
    run(settings)
