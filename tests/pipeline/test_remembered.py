"""What the memory knows of an incident, as the investigation and the tools say it."""

from datetime import timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, memory, reviews
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.recall import UNKNOWN
from otel_pipeline.investigate.anomalies import anomalies
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.text import text
from otel_pipeline.settings import Settings
from otel_pipeline.tools import registry
from otel_pipeline.tools.model import Context
from tests.support.traffic import YESTERDAY, Fault, shop

START = YESTERDAY.replace(minute=2)
ALL = Window(START, START + timedelta(seconds=520))
FIRST = Window(START + timedelta(seconds=200), START + timedelta(seconds=330))
AGAIN = Window(START + timedelta(seconds=380), START + timedelta(seconds=520))


@pytest.fixture(name="twice")
def twice_fixture(database: Database) -> Database:
    """A database in which stock fails twice in the same way."""
    shop(START, 520, faults=(Fault(240, 290, fails="stock"), Fault(420, 470, fails="stock"))).write(database)
    chain.run(database, None, ALL)
    return database


def test_what_a_person_decided_on_is_recalled_when_it_comes_again(twice: Database, settings: Settings):
    found = investigate(twice, AGAIN)
    assert (found.verdict, found.causes[0].service) == ("trouble", "stock")
    assert found.recall == f"{UNKNOWN}; nobody has decided on any of stock yet"
    assert not any(known.remedy for known in found.known)

    noted = next(p for p in memory.read(twice) if investigate(twice, FIRST).incidents[0].incident_id in p.Incidents)
    reviews.confirm(twice, str(noted.pattern_id), "the pool is too small", "make it larger", who="kim")
    found = investigate(twice, AGAIN)
    assert [(known.status, known.remedy) for known in found.known] == [("confirmed", "make it larger")]
    assert "signs agree" in found.recall
    assert "stand in the window" in found.recall
    assert "by structure alone" in found.recall
    assert f"memory    {found.recall}" in text(found)

    reviews.reject(twice, str(noted.pattern_id), who="ann", note="a drill", harmless=True)
    _is_quiet(twice, settings)


def _is_quiet(db: Database, settings: Settings) -> None:
    """What a person knows to be harmless is no trouble, to nobody."""
    for window in (FIRST, AGAIN):
        found = investigate(db, window)
        assert found.verdict == "nothing abnormal"
        assert "no news: stock, known harmless, says ann since" in found.headline
        assert "a drill" in found.headline
        assert [out.service for out in found.ruled_out] == ["stock"]
    incidents = anomalies(db, ALL)["incidents"]
    assert len(incidents) == 2
    assert all("says ann" in incident["harmless"] for incident in incidents)
    with Context(settings, now=ALL.end) as context:
        listed = registry.call(context, "list_incidents")["incidents"]
        assert all("says ann" in incident["harmless"] for incident in listed)


def test_too_little_quiet_traffic_is_not_enough_evidence(database: Database):
    shop(START, 80, faults=(Fault(60, 80, slow="stock"),)).write(database)
    chain.run(database, None, ALL)
    found = investigate(database, Window(START + timedelta(seconds=60), START + timedelta(seconds=80)))
    assert found.verdict == "not enough evidence"
    assert "of quiet traffic before them to compare with" in found.headline
