"""From a question to ranked answers with evidence. No Dagster import."""
