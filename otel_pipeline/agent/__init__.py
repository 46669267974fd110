"""`otel-pipeline ask`: a language model that asks our tools, within bounds; and the answer without any model."""
