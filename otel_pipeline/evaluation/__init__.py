"""The same code as the pipeline, measured against labelled data."""
