"""The SQL of the project: schema files in order, and named queries. SQL never stands in Python code."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from otel_pipeline.settings import REPOSITORY, Settings

SQL = REPOSITORY / "sql"
FIRST_DERIVED, GROUND_TRUTH = 30, 200  # numbers of schema files; what comes after the ground truth is derived again


@dataclass(frozen=True)
class SchemaFile:
    """One numbered statement of the schema: ``sql/schema/NNN_name.sql``."""

    number: int
    name: str
    path: Path

    @property
    def raw(self) -> bool:
        """Whether it is of tables that others fill: all versions of the lineage share these."""
        return 0 < self.number < FIRST_DERIVED or self.number == GROUND_TRUTH

    def statement(self, settings: Settings) -> str:
        """The statement with the placeholders of an installation filled in (cluster, replication, TTLs)."""
        return Template(self.path.read_text()).substitute(
            ON_CLUSTER=f"ON CLUSTER '{settings.clickhouse_cluster}'" if settings.clickhouse_cluster else "",
            REPLICATED="Replicated" if settings.clickhouse_cluster else "",
            RAW_TTL_DAYS=settings.raw_ttl_days,
            SESSIONS_TTL_DAYS=settings.sessions_ttl_days,
            DERIVED_TTL_DAYS=settings.derived_ttl_days,
        )


def schema_files() -> list[SchemaFile]:
    """All schema files, by number."""
    files = [SchemaFile(int(p.name.split("_")[0]), p.stem, p) for p in (SQL / "schema").glob("[0-9]*.sql")]
    return sorted(files, key=lambda f: (f.number, f.name))


@cache
def query(name: str) -> str:
    """The text of ``sql/query/<name>.sql``."""
    return (SQL / "query" / f"{name}.sql").read_text().strip().rstrip(";")


@cache
def statement(name: str) -> str:
    """The same without its lines of comment: the client reads them letter by letter, each time it is sent."""
    return re.sub(r"^\s*--.*\n", "", query(name), flags=re.MULTILINE)
