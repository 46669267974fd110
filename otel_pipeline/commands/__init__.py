"""The commands of ``otel-pipeline``, one module each, loaded only when asked for. Each exposes ``command``."""
