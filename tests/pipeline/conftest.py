"""What several pipeline tests look at, made once."""

from collections.abc import Iterator

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import Window
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings
from tests.support.outage import END, FAULT, START
from tests.support.traffic import shop


@pytest.fixture(scope="session")
def outage(server: Settings) -> Iterator[Settings]:
    """A database in which ``stock`` fails for a while, processed without vectors."""
    settings = server.model_copy(update={"clickhouse_database": f"{server.clickhouse_database}_test_outage"})
    migrate(settings)
    with Database(settings) as db:
        shop(START, (END - START).total_seconds(), faults=(FAULT,)).write(db)
        chain.run(db, None, Window(START, END))
    yield settings
    with Database(settings, database="") as db:
        db.client.command(f"DROP DATABASE {settings.clickhouse_database} SYNC")
