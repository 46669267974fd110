"""End of life for what has no time of its own: templates, masks, vectors, patterns; by when they were last seen.

Raw and derived rows go by the TTL of their tables. What people confirmed in the error memory stays until they
reject it.
"""

from otel_pipeline.clickhouse import Database

# In this order: what hangs on a template or a pattern goes when that is gone.
STATEMENTS = ("templates", "texts", "masks", "patterns", "history", "vectors")


def delete(db: Database) -> dict[str, int]:
    """Delete what was not seen for TEMPLATE_TTL_DAYS; how many rows of each table were due.

    Safe to run again, and beside the lineage: a template that is seen again is founded again, with the same id.
    """
    days = db.settings.template_ttl_days
    due = {row["Name"]: row["Rows"] for row in db.rows("end_of_life__due", days=days)}
    if any(due.values()):
        for name in STATEMENTS:
            db.run(f"end_of_life__{name}", days=days)
    return due
