"""Dagster's web server as it is started: the rows of the issue, over HTTP."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from otel_pipeline.localdb.launcher import temporary_server
from tests.support.dagster import Dagster, dagster

SHUT = 'mutation { shutdownRepositoryLocation(repositoryLocationName: "otel_pipeline") { __typename } }'
LIMIT = 'mutation { setConcurrencyLimit(concurrencyKey: "pwned", limit: 1) { __typename } }'
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    with temporary_server(tmp_path_factory.mktemp("dagster")) as settings, dagster(settings) as found:
        yield found


def ask(ui: Dagster, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(ui.url.removeprefix("http://"), timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body or None, named)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def limits(ui: Dagster) -> list[str]:
    found = ui.ask("{ instance { concurrencyLimits { concurrencyKey } } }")["instance"]["concurrencyLimits"]
    return [limit["concurrencyKey"] for limit in found]


def test_mutations_come_by_post_of_our_own_page_alone(ui: Dagster) -> None:
    before = limits(ui)
    for mutation in (SHUT, LIMIT):
        body = json.dumps({"query": mutation})
        for number in range(5):
            for accept in ("*/*", "text/html", "image/avif"):
                assert ask(ui, "GET", f"/graphql?query={quote(mutation)}&n={number}", Accept=accept)[0] == 405
        assert ask(ui, "POST", "/graphql", body, Content_Type="text/plain")[0] == 415
        assert ask(ui, "POST", f"/graphql?query={quote(mutation)}", Content_Type="application/graphql")[0] == 415
        assert ask(ui, "POST", "/graphql", body, **JSON, Origin="http://evil.example")[0] == 403
        assert ask(ui, "POST", "/graphql", body, **JSON, Host="evil.example")[0] == 421
        assert ask(ui, "POST", "/graphql", body, **JSON, Sec_Fetch_Site="same-site")[0] == 403
    assert limits(ui) == before
    names = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
    assert ui.ask(names)["repositoriesOrError"]["nodes"]
    own = {"Origin": ui.url, "Sec-Fetch-Site": "same-origin"}
    status, text = ask(ui, "POST", "/graphql", json.dumps({"query": "{ version }"}), **JSON, **own)
    assert status == 200 and "version" in text
