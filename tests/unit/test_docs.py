"""The documents are held to the code."""

import json
import re

import click
import pytest

from otel_pipeline import cli
from otel_pipeline.detection.chain import NODES as LINEAGE
from otel_pipeline.settings import REPOSITORY, Settings
from otel_pipeline.tools.registry import TOOLS

README = (REPOSITORY / "README.md").read_text()
EXAMPLE = (REPOSITORY / ".env.example").read_text()


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading of the README."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_every_command_is_in_the_readme_and_no_other() -> None:
    documented = [row[0].strip("`").removeprefix("otel-pipeline ").split()[0] for row in table("Commands")]
    assert documented == list(cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_teaches(name: str) -> None:
    command = cli.cli.get_command(None, name)  # pyright: ignore[reportArgumentType]
    assert command is not None and command.help
    assert all(p.help for p in command.params if isinstance(p, click.Option))


def test_every_variable_is_in_the_readme_with_its_default() -> None:
    documented = {row[0].strip("`"): row[1].strip("`") for row in table("Settings")}
    assert set(documented) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if name != "otel_pipeline_home":
            assert documented[name.upper()] == str(field.default), name


def test_every_variable_is_in_env_example() -> None:
    names = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
    assert names == {name.upper() for name in Settings.model_fields}


def test_every_asset_is_in_the_readme() -> None:
    documented = set(re.findall(r"`(\w+)`", " ".join(row[0] for row in table("The lineage"))))
    assert {*LINEAGE, "otel_logs", "otel_traces"} == documented


def test_every_tool_of_agents_is_in_the_readme() -> None:
    documented = set(re.findall(r"`(\w+)`", " ".join(row[0] for row in table("For agents (MCP)"))))
    assert documented == {tool.name for tool in TOOLS}
    assert len(TOOLS) <= 15


def test_the_example_of_an_mcp_client_names_what_exists() -> None:
    servers = json.loads((REPOSITORY / "docker" / "claude_desktop_config.json").read_text())["mcpServers"]
    assert servers["otel-pipeline"]["args"][0] in cli.COMMANDS
    assert {"OTEL_PIPELINE_HOME"} == set(servers["otel-pipeline"]["env"])
    assert servers["clickhouse"]["env"]["CLICKHOUSE_USER"] == Settings.model_fields["clickhouse_reader_user"].default
    database = servers["clickhouse"]["env"]["CLICKHOUSE_DATABASE"]
    assert database == Settings.model_fields["clickhouse_database"].default
