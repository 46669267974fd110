"""What several pipeline tests look at, made once."""

from collections.abc import Iterator

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import Window
from otel_pipeline.settings import Settings
from tests.support.databases import Databases
from tests.support.outage import END, FAULT, START
from tests.support.traffic import shop


@pytest.fixture(scope="session")
def outage(databases: Databases) -> Iterator[Settings]:
    """A database in which ``stock`` fails for a while, processed without vectors."""
    with databases.one() as settings:
        with Database(settings) as db:
            shop(START, (END - START).total_seconds(), faults=(FAULT,)).write(db)
            chain.run(db, None, Window(START, END))
        yield settings
