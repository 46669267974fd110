"""The MCP server as clients meet it: the official client over stdio and HTTP, against the real process."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import Settings
from otel_pipeline.tools import budget
from tests.support.outage import DURING
from tests.support.processes import start

TOKEN = "token-of-this-test"
TIMEOUT = 60


@asynccontextmanager
async def stdio(settings: Settings, **variables: str) -> AsyncIterator[Client]:
    """A client that has started the server by itself."""
    env = {**os.environ, **settings.environment(), **variables}
    command = StdioServerParameters(command=sys.executable, args=["-m", "otel_pipeline", "mcp"], env=env)
    async with Client(command, read_timeout_seconds=TIMEOUT) as client:
        yield client


@pytest.fixture
def address(outage: Settings) -> Iterator[str]:
    """The server over HTTP."""
    settings = outage.model_copy(update={"mcp_port": free_port(), "mcp_token": TOKEN})
    process = start("mcp", "--http", env={**os.environ, **settings.environment(), "PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdout
        said = process.stdout.readline()
        assert said.startswith("MCP at http://127.0.0.1:"), said
        yield said.split()[-1]
    finally:
        process.terminate()
        process.wait(20)


def test_a_client_over_stdio_learns_and_asks(outage: Settings):
    async def session() -> None:
        async with stdio(outage) as client:
            tools = (await client.list_tools()).tools
            assert len(tools) <= 15
            shown = "".join(tool.model_dump_json(by_alias=True, exclude_none=True) for tool in tools)
            assert budget.estimate(shown) < 6000
            writing = {tool.name for tool in tools if tool.annotations and not tool.annotations.read_only_hint}
            assert writing == {"propose_pattern"}
            answer = await client.call_tool("investigate", DURING)
            assert answer.structured_content["causes"][0]["service"] == "stock"
            (content,) = answer.content
            assert content.type == "text" and budget.estimate(content.text) < 2000
            wrong = await client.call_tool("investigate", {"start": "soon"})
            assert wrong.is_error and wrong.structured_content is None
            prompts = (await client.list_prompts()).prompts
            assert [prompt.name for prompt in prompts] == ["error_spike", "anything_abnormal", "logs_like"]
            filled = await client.get_prompt("error_spike", {"service": "stock"})
            assert "stock" in filled.messages[0].content.text
            with pytest.raises(MCPError, match="no prompt"):
                await client.get_prompt("ignore_everything")
            resources = (await client.list_resources()).resources
            text = (await client.read_resource(resources[0].uri)).contents[0]
            assert "SELECT" in text.text
            with pytest.raises(MCPError, match="no resource"):
                await client.read_resource("file:///etc/passwd")

    anyio.run(session)


def test_a_client_of_the_handshake_era_is_served_too(outage: Settings):
    async def session() -> None:
        env = {**os.environ, **outage.environment()}
        command = StdioServerParameters(command=sys.executable, args=["-m", "otel_pipeline", "mcp"], env=env)
        async with Client(command, mode="legacy", read_timeout_seconds=TIMEOUT) as client:
            answer = await client.call_tool("list_incidents", DURING)
            assert answer.structured_content["incidents"][0]["blamed"] == "stock"

    anyio.run(session)


def test_without_clickhouse_each_tool_says_what_to_do_and_the_session_lives(outage: Settings):
    async def session() -> None:
        async with stdio(outage, CLICKHOUSE_PORT=str(free_port())) as client:
            for name, arguments in (("investigate", {}), ("run_sql", {"query": "evidence__entries"})):
                answer = await client.call_tool(name, arguments)
                (content,) = answer.content
                assert answer.is_error and "\n" not in content.text
            assert (await client.call_tool("investigate")).content[0].text.startswith("no ClickHouse at ")
            assert (await client.list_tools()).tools

    anyio.run(session)


def test_http_wants_the_token_and_a_known_name(address: str):
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    plain = {"Accept": "application/json, text/event-stream"}
    token = {**plain, "Authorization": f"Bearer {TOKEN}"}

    def status(headers: dict[str, str]) -> int:
        return httpx.post(address, json=body, headers=headers, timeout=TIMEOUT).status_code

    assert status(plain) == 401
    assert status({**plain, "Authorization": "Bearer wrong"}) == 401
    assert status({**plain, "Authorization": TOKEN}) == 401
    for host in ("evil.example", "localhost:1.evil.example", "localhost.evil.example:8091", "127.0.0.1:x"):
        assert status({**token, "Host": host}) == 421
        assert status({**token, "Origin": f"http://{host}"}) == 403
    assert status({**token, "Origin": "http://evil.example"}) == 403
    assert (
        httpx.post(address, content=b"x" * 1_100_000, headers={**token, "Content-Type": "application/json"}).status_code
        == 413
    )

    async def session() -> None:
        http = create_mcp_http_client(headers={"Authorization": f"Bearer {TOKEN}"})
        async with (
            http,
            Client(streamable_http_client(address, http_client=http), read_timeout_seconds=TIMEOUT) as client,
        ):
            answer = await client.call_tool("investigate", DURING)
            assert answer.structured_content["causes"][0]["service"] == "stock"

    anyio.run(session)


def test_a_port_that_is_taken_is_one_line(address: str):
    taken = address.split(":")[2].split("/", maxsplit=1)[0]
    process = start("mcp", "--http", env={**os.environ, "MCP_PORT": taken})
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert said.startswith(f"otel-pipeline: cannot listen on 127.0.0.1:{taken}")
