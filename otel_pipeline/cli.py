"""``otel-pipeline …``: the command line. Exit status: 0 done, 1 failed with a one-line reason, 2 wrong usage."""

import importlib
import sys

import click

from otel_pipeline.errors import UserError

# Name, and the line of help: kept here so that --help need not import every command.
COMMANDS = {
    "demo": "Stack, load, three real faults, and the on-call report that finds them.",
    "up": "Run the whole stack until Ctrl-C.",
    "status": "What runs, where, with how much memory.",
    "clickhouse": "Run the local ClickHouse (with HyperDX at /clickstack).",
    "intake": "Run the OTLP intake (HTTP and gRPC).",
    "embedder": "Run the local OpenAI-compatible embedding server.",
    "migrate": "Bring the database to the newest schema.",
    "import": "Load OTel-shaped Parquet files into the raw tables.",
    "materialize": "Run the lineage over a window, without a UI.",
    "anomalies": "The anomalous traces of a window, with reasons.",
    "search": "Log lines that mean this.",
    "similar": "Past errors like those of a trace, and what fixed them.",
    "investigate": "Ranked causes for a window, with evidence.",
    "cost": "What makes the volume of telemetry, and what of it carries information.",
    "ask": "Answer a question, in any language, with evidence.",
    "patterns": "The error memory: list, add, resolve, reject.",
    "forget": "Erase a person, a session or a trace, and prove it.",
    "mcp": "The MCP server for agents: stdio, or HTTP with a token.",
    "evaluate": "The same code, measured against labelled data.",
}

EPILOG = (
    "Start with `otel-pipeline demo`. Times are ISO 8601, UTC. Settings are environment variables; see .env.example."
)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"otel_pipeline.commands.{cmd_name.replace('import', 'import_')}")
        return module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="otel-pipeline")
def cli() -> None:
    """What is abnormal, why, seen before, and what fixed it: OpenTelemetry in ClickHouse, for the engineer on call."""


def main() -> None:
    """Run the command line and end the process."""
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        click.echo(f"otel-pipeline: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
