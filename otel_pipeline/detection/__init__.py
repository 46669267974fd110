"""The model: templates, summaries, baseline, score, reasons. No Dagster import."""
