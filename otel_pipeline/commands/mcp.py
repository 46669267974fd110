"""``otel-pipeline mcp``."""

import click


@click.command()
@click.option("--http", "over_http", is_flag=True, help="Streamable HTTP on MCP_HOST:MCP_PORT instead of stdio.")
def command(over_http: bool) -> None:
    """The MCP server: what agents may ask, read-only but for proposals to the error memory.

    Over stdio, for a client on this machine that starts it (docker/claude_desktop_config.json); with --http for others:
    http://MCP_HOST:MCP_PORT/mcp, where every request must bring the bearer token MCP_TOKEN. Without MCP_TOKEN one is
    made up, and printed to standard error. It starts without ClickHouse, too; its tools then say what to do.
    """
    from otel_pipeline.settings import load

    settings = load()
    if over_http:
        from otel_pipeline.mcp import http

        token = settings.mcp_token or http.new_token()
        bound = http.listen(settings)
        host, port = bound.getsockname()[:2]
        click.echo(f"MCP at http://{host}:{port}{http.PATH}", err=True)
        if not settings.mcp_token:
            click.echo(f"MCP_TOKEN={token}", err=True)
        http.serve(settings, token, bound)
    else:
        import anyio

        from otel_pipeline.mcp.server import serve_stdio

        anyio.run(serve_stdio, settings)
