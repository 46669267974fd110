"""The processes of the local stack: their commands, in which order they start, and how to see that they are ready."""

import json
import shutil
import socket
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.request import Request, urlopen

from otel_pipeline.localdb.launcher import LocalServer, free_port, writing_to
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import REPOSITORY, Settings
from otel_pipeline.stack.process import Service, http_ready

GROUPS = ("clickhouse", "intake", "embedder", "shop", "dagster")
"""Parts that can be left out, or run alone."""

SHOP = ("storefront", "cart", "checkout", "payment", "inventory")
LOCATION = "otel_pipeline"
HEALTH = '{"query": "{ instance { daemonHealth { allDaemonStatuses { required healthy } } } }"}'


def needed_groups(settings: Settings, only: Collection[str] | None, without: Collection[str]) -> list[str]:
    """The parts to start here: not a ClickHouse or an embedding server that the settings point elsewhere for."""
    groups = [g for g in GROUPS if (only is None or g in only) and g not in without]
    if not settings.clickhouse_is_local and "clickhouse" in groups:
        groups.remove("clickhouse")
    if settings.embedding_base_url and "embedder" in groups:
        groups.remove("embedder")
    return groups


# Whose processes are started again when another part listens elsewhere.
USERS = {
    "clickhouse": ("clickhouse", "intake", "shop", "dagster"),
    "intake": ("intake", "shop"),
    "embedder": ("embedder", "dagster"),
    "shop": ("shop",),
    "dagster": ("dagster",),
}
# A part that is busy may be slow to say that it lives.
ALIVE_SECONDS = 8


def group_of(name: str) -> str:
    """The part that a process belongs to."""
    return "shop" if name in SHOP else name if name in GROUPS else "dagster"


def build(settings: Settings, groups: Collection[str], code_port: int = 0) -> list[Service]:
    """The services of these parts, each after those that it needs.

    :param code_port: where Dagster's code server listens; 0: on any free port.
    """
    services: list[Service] = []
    if "clickhouse" in groups:
        services.append(clickhouse(settings))
    if "intake" in groups:
        services.append(intake(settings))
    if "embedder" in groups:
        services.append(embedder(settings))
    if "shop" in groups:
        services.extend(shop(settings, number, name) for number, name in enumerate(SHOP))
    if "dagster" in groups:
        services.extend(dagster(settings, code_port))
    return services


def clickhouse(settings: Settings, migrated: bool = True) -> Service:
    """The local server. Its settings must have passwords already.

    :param migrated: bring the database to the newest schema before anything else starts.
    """
    server = LocalServer(settings)
    return Service(
        "clickhouse",
        ready=server.answers,
        alive=lambda: server.answers(ALIVE_SECONDS),
        port=settings.clickhouse_port,
        ports=(settings.clickhouse_port, settings.clickhouse_native_port),
        url=f"{server.url}/clickstack",
        prepare=server.prepare,
        spawn=server.spawn,
        on_ready=(lambda: migrate(settings)) if migrated else None,
        release=server.stop,
    )


def intake(settings: Settings) -> Service:
    """The OTLP endpoints. It ends after its clients, and has time to write what it accepted."""
    url = f"http://127.0.0.1:{settings.intake_http_port}"
    return Service(
        "intake",
        _cli("intake"),
        settings.environment(),
        ready=http_ready(f"{url}/readyz"),
        alive=http_ready(f"{url}/healthz", ALIVE_SECONDS),
        after=("clickhouse",),
        port=settings.intake_http_port,
        ports=(settings.intake_http_port, settings.intake_grpc_port),
        url=url,
        stop_seconds=15,
    )


def embedder(settings: Settings) -> Service:
    """The embedding server; loading torch and the model takes seconds."""
    url = f"http://127.0.0.1:{settings.embedder_port}"
    return Service(
        "embedder",
        _cli("embedder"),
        settings.environment(),
        ready=http_ready(f"{url}/healthz"),
        alive=http_ready(f"{url}/healthz", ALIVE_SECONDS),
        port=settings.embedder_port,
        ports=(settings.embedder_port,),
        url=f"{url}/v1",
        ready_seconds=120,
    )


def shop(settings: Settings, number: int, name: str) -> Service:
    """A service of the sample shop."""
    port = settings.shop_port + number
    url = f"http://127.0.0.1:{port}"
    return Service(
        name,
        [sys.executable, "-m", "sample_app", name],
        settings.environment(),
        ready=http_ready(f"{url}/health"),
        alive=http_ready(f"{url}/health", ALIVE_SECONDS),
        after=("intake",),
        port=port,
        ports=(port,),
        url=url,
    )


def dagster(settings: Settings, code_port: int = 0) -> list[Service]:
    """Code server, webserver and daemon, on an instance in the home folder.

    Left to themselves webserver and daemon would each load the definitions in a server of their own, and the daemon
    would load them anew every minute. After a change of the definitions, end the process ``code``: it is started again.
    """
    home = settings.dagster_home
    url = f"http://127.0.0.1:{settings.dagster_port}"
    code_port = code_port or free_port()  # between these three only
    workspace = home / "workspace.yaml"
    environment = {**settings.environment(), "DAGSTER_HOME": str(home)}
    return [
        Service(
            "code",
            [
                *(sys.executable, "-m", "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(code_port)),
                *(
                    "-m",
                    "otel_pipeline.definitions",
                    "--location-name",
                    LOCATION,
                    "--use-python-environment-entry-point",
                ),
            ],
            environment,
            ready=_listens(code_port),
            after=("clickhouse",),
            ready_seconds=120,
            prepare=lambda: prepare_dagster(home, code_port),
        ),
        Service(
            "webserver",
            [
                *(sys.executable, "-m", "otel_pipeline.dagster_web"),
                *("-p", str(settings.dagster_port), "-w", str(workspace)),
            ],
            environment,
            ready=http_ready(f"{url}/server_info"),
            alive=http_ready(f"{url}/server_info", ALIVE_SECONDS),
            after=("clickhouse", "code"),
            port=settings.dagster_port,
            ports=(settings.dagster_port,),
            url=url,
            ready_seconds=120,
        ),
        Service(
            "daemon",
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)],
            environment,
            ready=_daemon_ready(url, settings.web_token),
            # Both would make the instance's SQLite files; one after the other they do not collide.
            after=("clickhouse", "code", "webserver"),
            ready_seconds=120,
        ),
    ]


def prepare_dagster(home: Path, code_port: int) -> None:
    """Make Dagster's instance folder: ``dagster.yaml`` of the repository, and a workspace of our code server."""
    with writing_to(home):
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / "dagster.yaml", home / "dagster.yaml")
        server = {"host": "127.0.0.1", "port": code_port, "location_name": LOCATION}
        (home / "workspace.yaml").write_text(json.dumps({"load_from": [{"grpc_server": server}]}))


def _cli(command: str) -> list[str]:
    return [sys.executable, "-m", "otel_pipeline", command]


def _listens(port: int) -> Callable[[], bool]:
    """A probe: does somebody listen on the port?"""

    def probe() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    return probe


def _daemon_ready(url: str, token: str) -> Callable[[], bool]:
    """A probe: does the webserver see a healthy heartbeat of every daemon that must run?"""

    def probe() -> bool:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        request = Request(f"{url}/graphql", data=HEALTH.encode(), headers=headers)
        try:
            with urlopen(request, timeout=5) as answer:
                statuses = json.load(answer)["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return all(status["healthy"] for status in statuses if status["required"])

    return probe
