"""Erasing a person, a session or a trace: from tables, spool, dead letters, with a report that proves it."""
