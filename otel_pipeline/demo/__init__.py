"""The demo: a live shop, real faults, and the on-call report. It judges the pipeline, so it alone reads the ledger."""
