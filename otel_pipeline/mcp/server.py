"""The MCP server: tools, prompts and resources behind the official SDK's low-level server.

A call that fails is an answer (``isError``, one line that says what to do), never the end of the session: ClickHouse
may go away and come back. Calls run in worker threads, each with connections of its own.
"""

import functools
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import anyio
from anyio import to_thread
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListToolsResult,
    ReadResourceRequestParams,
    ReadResourceResult,
    TextContent,
    Tool,
    ToolAnnotations,
)

from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.mcp import prompts, resources
from otel_pipeline.settings import Settings
from otel_pipeline.tools import answer, registry
from otel_pipeline.tools import model as tools

log = logging.getLogger(__name__)
AT_ONCE = 4


def build(settings: Settings) -> Server[Any]:
    """The server for an installation; no connection is made before the first call."""
    embedder = Embedder(settings)
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
        return await to_thread.run_sync(functools.partial(function, *arguments), limiter=limiter)

    async def list_tools(_context: Any, _params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[described(tool) for tool in registry.offered(settings)])

    async def call_tool(_context: Any, params: CallToolRequestParams) -> CallToolResult:
        return await in_thread(call, settings, embedder, params.name, params.arguments)

    async def list_prompts(_context: Any, _params: Any) -> ListPromptsResult:
        return ListPromptsResult(prompts=prompts.listed())

    async def get_prompt(_context: Any, params: GetPromptRequestParams) -> GetPromptResult:
        return prompts.filled(params.name, params.arguments or {})

    async def list_resources(_context: Any, _params: Any) -> ListResourcesResult:
        return ListResourcesResult(resources=resources.listed())

    async def read_resource(_context: Any, params: ReadResourceRequestParams) -> ReadResourceResult:
        return resources.read(str(params.uri))

    return Server(
        "otel-pipeline",
        version=version("otel-pipeline"),
        title="otel-pipeline",
        instructions=registry.INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
    )


def described(tool: tools.Tool) -> Tool:
    """A tool as MCP lists it. None reaches outside this installation; what writes is kept in a history."""
    return Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=ToolAnnotations(
            read_only_hint=not tool.writes,
            destructive_hint=False,
            idempotent_hint=tool.repeatable,
            open_world_hint=False,
        ),
    )


def call(settings: Settings, embedder: Embedder, name: str, arguments: dict[str, Any] | None) -> CallToolResult:
    """Call a tool; a failure is one line of text that says what to do."""
    try:
        with tools.Context(settings, embedder, may_write=True) as context:
            found = registry.call(context, name, arguments)
    except UserError as error:
        return _failed(str(error))
    except Exception as error:
        log.exception("tool %s failed", name)
        return _failed(f"{name} failed inside otel-pipeline ({type(error).__name__}); its log on stderr says more")
    return CallToolResult(content=[TextContent(text=answer.text(found))], structured_content=found)


async def serve_stdio(settings: Settings) -> None:
    """Serve one client over standard input and output, until it goes."""
    server = build(settings)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _failed(reason: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=" ".join(reason.split()))], is_error=True)
