"""What a newcomer sees of the lineage in Dagster's UI."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from otel_pipeline.detection.chain import NODES
from otel_pipeline.localdb.launcher import temporary_server
from tests.support.dagster import Dagster, dagster

RAW = ["otel_logs", "otel_traces", "otel_metrics", "hyperdx_sessions"]


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    with temporary_server(tmp_path_factory.mktemp("dagster")) as settings, dagster(settings) as found:
        yield found


def test_the_graph_shows_every_node(ui: Dagster, page: Page) -> None:
    page.goto(f"{ui.url}/asset-groups")
    for name in [*NODES, *RAW]:
        expect(page.get_by_text(name, exact=True).first).to_be_visible()


def test_an_asset_page_describes_its_table_and_checks(ui: Dagster, page: Page) -> None:
    page.goto(f"{ui.url}/assets/anomaly_scores")
    expect(page.get_by_text("Score, verdict and reasons of each trace").first).to_be_visible()
    expect(page.get_by_text("Suspect", exact=True)).to_be_visible()
    page.goto(f"{ui.url}/assets/anomaly_scores?view=checks")
    expect(page.get_by_text("This is a blocking asset check.")).to_be_visible()
    expect(page.get_by_text("One score a trace, by a baseline that had ended when it began")).to_be_visible()


def test_automation_is_on(ui: Dagster, page: Page) -> None:
    page.goto(f"{ui.url}/automation")
    for name in ("dirty_hours", "raw_telemetry", "superseded_runs", "close_hour", "daily_baseline", "end_of_life"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    instigators = ui.ask(
        """{ repositoriesOrError { ... on RepositoryConnection { nodes {
            sensors { name sensorState { status } } schedules { name scheduleState { status } } } } } }"""
    )["repositoriesOrError"]["nodes"][0]
    states = [
        *(s["sensorState"] for s in instigators["sensors"]),
        *(s["scheduleState"] for s in instigators["schedules"]),
    ]
    assert [state["status"] for state in states] == ["RUNNING"] * 6
