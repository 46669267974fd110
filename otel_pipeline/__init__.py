"""otel-pipeline: OpenTelemetry logs and traces in ClickHouse, made useful to the engineer on call."""
