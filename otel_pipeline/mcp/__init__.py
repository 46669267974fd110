"""The MCP server: the tools of :mod:`otel_pipeline.tools` over stdio and Streamable HTTP."""
