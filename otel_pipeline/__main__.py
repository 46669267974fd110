"""``python -m otel_pipeline`` is the command line."""

from otel_pipeline.cli import main

main()
