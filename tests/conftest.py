"""Markers by folder, and the fixtures that several folders share."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings
from tests.support.databases import Databases

TESTS = Path(__file__).parent

RUN_AGAIN = ("pipeline", "live", "browser")
"""Folders whose tests talk to other processes on a machine that may be busy: one that fails is run once more, and the
run says so."""

NEVER_AGAIN = (
    "intake_exactly_once",
    "intake_equality",
    "deduplication_log",
    "ground_truth",
    "guard",
    "boundary",
    "reader_rights",
    "dagster_web",
    "tools_hostile",
    "forget",
    "databases",
)
"""Files among them whose tests must never fail, not even once: nothing lost, nothing doubled, nobody fooled."""

NEW_DATABASE = ("intake_exactly_once", "intake_equality", "migrate")
"""Files whose tests get a database built for them alone: processes that they kill may still have an insert under way,
or what a new database is like is their question."""


def pytest_configure(config: pytest.Config) -> None:
    """Whatever the shell is set up for, tests neither read nor touch it: no setting, no home folder of a stack."""
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    home = tempfile.mkdtemp(prefix="otel-pipeline-tests-")
    os.environ["OTEL_PIPELINE_HOME"] = home
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder: what it needs is how it is chosen."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(getattr(pytest.mark, folder))
        if folder in RUN_AGAIN and item.path.stem.removeprefix("test_") not in NEVER_AGAIN:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A real ClickHouse server for the whole session; use :func:`database` for an empty database on it."""
    with temporary_server(tmp_path_factory.mktemp("home")) as settings:
        yield settings


@pytest.fixture(scope="session")
def databases(server: Settings) -> Iterator[Databases]:
    """Migrated databases on it, for fixtures of a module or a session."""
    databases = Databases(server)
    yield databases
    databases.close()


@pytest.fixture
def settings(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings that point at an empty, migrated database of the test's own."""
    with databases.one(new=request.path.stem.removeprefix("test_") in NEW_DATABASE) as own:
        yield own


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The writer's connection to an empty, migrated database of the test's own."""
    with Database(settings) as db:
        yield db
