"""The official MCP client over both transports; each call's time and size is kept."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import REPOSITORY, Settings
from otel_pipeline.tools import budget

TRANSPORTS = ("stdio", "http")
COMMAND = ("-m", "otel_pipeline", "mcp")
TIMEOUT = 60


@dataclass(frozen=True)
class Call:
    """One call, as the client saw it."""

    tool: str
    seconds: float
    tokens: int
    failed: bool


@dataclass
class Asker:
    """A client that remembers what each answer cost."""

    client: Client
    calls: list[Call] = field(default_factory=list)

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer of a tool; empty with ``error`` where it failed."""
        began = time.perf_counter()
        answer = await self.client.call_tool(tool, arguments)
        seconds = time.perf_counter() - began
        text = "".join(part.text for part in answer.content if part.type == "text")
        self.calls.append(Call(tool, seconds, budget.estimate(text), answer.is_error))
        return {"error": text} if answer.is_error else answer.structured_content

    async def offer(self) -> tuple[int, int]:
        """How many tools there are, and how many tokens their list costs."""
        tools = (await self.client.list_tools()).tools
        return len(tools), budget.estimate("".join(t.model_dump_json(by_alias=True, exclude_none=True) for t in tools))


@asynccontextmanager
async def connected(settings: Settings, transport: str) -> AsyncIterator[Asker]:
    """A client of a server that is started for it."""
    environment = {**os.environ, **settings.environment()}
    if transport == "stdio":
        command = StdioServerParameters(command=sys.executable, args=list(COMMAND), env=environment, cwd=REPOSITORY)
        async with Client(command, read_timeout_seconds=TIMEOUT) as client:
            yield Asker(client)
        return
    token, port = "scenarios", free_port()
    environment |= {"MCP_TOKEN": token, "MCP_PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, *COMMAND, "--http"], env=environment, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
    )
    try:
        said = server.stderr.readline() if server.stderr else ""
        if not said.startswith("MCP at "):
            raise UserError(f"the MCP server did not start: {said.strip()}")
        http = create_mcp_http_client(headers={"Authorization": f"Bearer {token}"})
        address = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http)
        async with http, Client(address, read_timeout_seconds=TIMEOUT) as client:
            yield Asker(client)
    finally:
        server.terminate()
        server.wait(20)
