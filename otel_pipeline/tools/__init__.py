"""What people's agents may ask: one registry of tools for the MCP server and for `otel-pipeline ask`."""
