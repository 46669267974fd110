"""Every environment variable that otel-pipeline reads: its name, its default and its meaning.

A value comes from, in this order: the process environment, ``$OTEL_PIPELINE_HOME/local.env`` (written by the local
stack: the ports it chose and the passwords of this installation), the default below.
"""

import os
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from otel_pipeline.errors import UserError

REPOSITORY = Path(__file__).resolve().parent.parent
LOCAL_ENV = "local.env"


class Settings(BaseSettings):
    """All settings. Field ``clickhouse_port`` is the variable ``CLICKHOUSE_PORT``, and so on."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    otel_pipeline_home: Path = Field(
        REPOSITORY / ".home", description="Folder of this installation: database files, spool, Dagster, logs, passwords"
    )

    clickhouse_host: str = Field("", description="ClickHouse server of your own; empty: the local one on 127.0.0.1")
    clickhouse_port: int = Field(8123, description="HTTP port of ClickHouse")
    clickhouse_native_port: int = Field(9000, description="Native TCP port of the local ClickHouse")
    clickhouse_user: str = Field("pipeline", description="ClickHouse user that writes")
    clickhouse_password: str = Field("", description="Its password (the local server makes one up)")
    clickhouse_reader_user: str = Field(
        "reader", description="ClickHouse user that only reads: people, agents, HyperDX"
    )
    clickhouse_reader_password: str = Field("", description="Its password (the local server makes one up)")
    clickhouse_database: str = Field("agentic_otel", description="Database of all tables")
    clickhouse_secure: bool = Field(False, description="HTTPS to ClickHouse")
    clickhouse_cluster: str = Field("", description="Cluster name: tables become Replicated*, made ON CLUSTER")

    web_token: str = Field(
        "", description="Token that opens the pages (Dagster UI); empty: no login, which only loopback may have"
    )
    web_allowed_hosts: str = Field(
        "", description="Further names by which browsers may call the pages, with commas; loopback always"
    )
    hyperdx_url: str = Field(
        "", description="Base URL of HyperDX for links (default: /clickstack of the ClickHouse server)"
    )

    raw_ttl_days: int = Field(30, ge=1, description="Days to keep raw telemetry")
    sessions_ttl_days: int = Field(7, ge=1, description="Days to keep browser session recordings")
    derived_ttl_days: int = Field(90, ge=1, description="Days to keep summaries, scores and template counts")
    template_ttl_days: int = Field(
        180,
        ge=1,
        description="Days after which a log template, a vector or an error pattern that was not seen is deleted",
    )

    intake_host: str = Field("127.0.0.1", description="Address that intake listens on")
    intake_http_port: int = Field(4318, description="OTLP/HTTP port")
    intake_grpc_port: int = Field(4317, description="OTLP/gRPC port")
    intake_token: str = Field(
        "", description="When set, OTLP clients must send it (Authorization, with or without Bearer)"
    )
    intake_allowed_origins: str = Field(
        "", description="Origins whose pages may send telemetry, with commas; empty: the sample shop's on loopback"
    )
    intake_spool_mb: int = Field(2048, ge=16, description="Spool size in MiB after which intake answers 503")
    intake_max_body_mb: int = Field(16, ge=1, description="Largest OTLP body in MiB, after decompression")

    intake_ahead_minutes: int = Field(
        60, ge=1, description="Minutes that records may be ahead of the clock; what is further ahead is a dead letter"
    )

    lineage_version: int = Field(
        1, ge=1, description="Version of the lineage that is written and read; others stand beside, each in a database"
    )

    embedder_port: int = Field(8089, description="Port of the local embedder")
    embedding_base_url: str = Field("", description="OpenAI-compatible base URL (default: the local embedder)")
    embedding_model: str = Field("all-MiniLM-L6-v2", description="Embedding model")
    embedding_run_texts: int = Field(
        2000,
        ge=1,
        description="Distinct texts that one run of the lineage embeds at most; the rest waits for later runs",
    )
    embedding_run_seconds: float = Field(
        20.0, gt=0, description="Seconds after which a run of the lineage begins no further batch of texts to embed"
    )
    aiembed: bool = Field(
        False, description="Whether SQL on the local ClickHouse may call the local embedder (aiEmbed), as the writer"
    )
    openai_api_key: str = Field(
        "", description="API key for EMBEDDING_BASE_URL and for ask; the local embedder needs none"
    )

    redact: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether personal data is struck out of what goes to EMBEDDING_BASE_URL and to models; auto: where"
        " they are not on loopback",
    )
    redact_patterns: str = Field(
        "", description="File of further patterns to strike out, one NAME=REGULAR EXPRESSION a line"
    )
    redact_presidio: bool = Field(
        False, description="Whether presidio, where it is installed, looks for names of people as well"
    )

    mcp_host: str = Field("127.0.0.1", description="Address that the MCP server listens on over HTTP")
    mcp_port: int = Field(8091, description="Port of the MCP server over HTTP")
    mcp_token: str = Field("", description="Bearer token of the MCP server over HTTP; empty: one is made up and shown")
    mcp_allowed_hosts: str = Field(
        "", description="Further names by which clients may call the MCP server over HTTP, with commas; loopback always"
    )
    mcp_review: bool = Field(
        False, description="Whether agents may store a person's decision on a pattern (tool review_pattern)"
    )
    vector_index_from: int = Field(
        20000,
        ge=1,
        description="Distinct log templates from which on an HNSW index finds the nearest; fewer are scanned",
    )
    pattern_stale_days: int = Field(
        90, ge=1, description="Days after which a confirmed error pattern that was not seen is stale"
    )
    pattern_version_days: int = Field(
        14, ge=1, description="Days after which it is stale when the versions in which it was seen are gone"
    )

    ask_model: str = Field("", description="Language model of `otel-pipeline ask`; empty: none is used")
    ask_provider: Literal["", "openai", "anthropic"] = Field(
        "", description="Protocol of the model: openai (any compatible endpoint) or anthropic; empty: by what is set"
    )
    ask_base_url: str = Field("", description="Base URL of the model (default: OpenAI or ANTHROPIC_BASE_URL)")
    anthropic_api_key: str = Field("", description="API key for the Anthropic model of ask")
    anthropic_base_url: str = Field("", description="Base URL of Anthropic's API (default: Anthropic)")
    ask_max_tokens: int = Field(100_000, ge=1000, description="Tokens, in and out, that one question may cost")
    ask_max_seconds: float = Field(120.0, gt=0, description="Seconds that one question may take")
    ask_max_tool_calls: int = Field(20, ge=1, description="Tool calls that one question may make")
    ask_max_usd: float = Field(0.0, ge=0, description="US dollars that one question may cost; 0: no such bound")
    ask_usd_per_million_input: float = Field(0.0, ge=0, description="Price of a million input tokens")
    ask_usd_per_million_output: float = Field(0.0, ge=0, description="Price of a million output tokens")
    ask_trace: bool = Field(True, description="Whether ask sends spans of its own work to the intake")
    ask_capture_content: bool = Field(False, description="Whether those spans hold what was asked and answered")

    shop_port: int = Field(
        8000, description="Port of the sample shop's storefront; cart, checkout, payment, inventory follow"
    )
    shop_database_url: str = Field(
        "",
        description="SQLAlchemy URL of the shop's databases, {service} in it; default: SQLite files in the home folder",
    )
    shop_pool_size: int = Field(5, ge=1, description="Connections that each shop service keeps in its database pool")
    shop_pool_overflow: int = Field(2, ge=0, description="Connections above SHOP_POOL_SIZE that a pool may open")
    shop_pool_timeout_s: float = Field(2.0, gt=0, description="Seconds a shop request waits for a pooled connection")
    shop_statement_timeout_s: float = Field(
        2.5, gt=0, description="Seconds that one query of the shop may take before its database gives it up"
    )
    shop_version: str = Field("1.4.0", description="service.version that the shop services start with")
    shop_environment: str = Field("demo", description="deployment.environment.name of the shop")
    load_seed: int = Field(7, description="Seed of the load: the same seed makes the same customers")
    load_shape: Literal["steady", "day", "spike", "waves"] = Field(
        "steady",
        description="Shape of the load; steady obeys Locust's -u, the others set the number of customers themselves",
    )
    load_users: int = Field(20, ge=1, description="Customers at the middle of the shapes day, spike and waves")
    load_browser_users: int = Field(
        1,
        ge=0,
        le=8,
        description="Customers with a real, headless browser beside the others, where a Chromium is there",
    )
    load_pace_s: float = Field(2.0, gt=0, description="Mean seconds between two requests of one customer")
    load_faults: bool = Field(
        False, description="Whether the load itself switches faults on and off (shape waves: always)"
    )
    load_fault_cycle: int = Field(5000, ge=100, description="Requests in which each scenario of the load comes once")
    load_payment_timeout_pct: float = Field(
        5.0, ge=0, le=30, description="Percent of requests sent during payment_timeout"
    )
    load_cascade_failure_pct: float = Field(
        2.0, ge=0, le=30, description="Percent of requests sent during cascade_failure"
    )
    load_intermittent_error_pct: float = Field(
        3.0, ge=0, le=30, description="Percent of requests sent during intermittent_error"
    )
    shop_admin_token: str = Field(
        "", description="Token of the shop's admin API, which switches its faults (the local stack makes one up)"
    )
    dagster_host: str = Field("127.0.0.1", description="Address that the Dagster UI listens on")
    dagster_port: int = Field(3000, description="Port of the Dagster UI")
    lineage_start: str = Field(
        "",
        pattern=r"^(\d{4}-\d\d-\d\d)?$",
        description="First day with partitions in Dagster; empty: the month in which derived tables begin",
    )

    @property
    def clickhouse_is_local(self) -> bool:
        """Whether the server is the one that ``otel-pipeline clickhouse`` runs."""
        return not self.clickhouse_host

    @property
    def database(self) -> str:
        """Database of this version of the lineage. Raw tables stand in that of version 1; the others point at them."""
        return self.clickhouse_database + (f"_v{self.lineage_version}" if self.lineage_version > 1 else "")

    @property
    def raw(self) -> "Settings":
        """Of the version in whose database the raw tables really stand."""
        return self.version(1)

    def version(self, number: int) -> "Settings":
        """The same settings with another version of the lineage."""
        return self.model_copy(update={"lineage_version": number})

    @property
    def embedding_url(self) -> str:
        """Base URL of the embedding endpoint."""
        return self.embedding_base_url or f"http://127.0.0.1:{self.embedder_port}/v1"

    @property
    def local_env(self) -> Path:
        """File in which the local stack leaves its ports and passwords."""
        return self.otel_pipeline_home / LOCAL_ENV

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder."""
        return self.otel_pipeline_home / "dagster"

    def environment(self) -> dict[str, str]:
        """These settings as variables, for child processes."""
        return {name.upper(): str(value) for name, value in self.model_dump().items()}


def load(**overrides: Any) -> Settings:
    """Read the settings.

    :param overrides: fields that win over the environment (command-line options, tests).
    :raises UserError: naming every variable that has a wrong value, together.
    """
    home = overrides.get("otel_pipeline_home") or os.environ.get("OTEL_PIPELINE_HOME") or REPOSITORY / ".home"
    home = Path(home).expanduser().absolute()
    try:
        return Settings(**{**_remembered(home, overrides), **overrides, "otel_pipeline_home": home})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise UserError(f"settings: {wrong}") from None


def _remembered(home: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """What the local stack left in ``local.env``, less what the environment says itself.

    Ports and passwords of the local ClickHouse are not for a server that ``CLICKHOUSE_HOST`` names.
    """
    environment = {name.upper() for name, value in os.environ.items() if value}
    elsewhere = overrides.get("clickhouse_host", os.environ.get("CLICKHOUSE_HOST"))
    return {
        name.lower(): value
        for name, value in dotenv_values(home / LOCAL_ENV).items()
        if value
        and name not in environment
        and name.lower() in Settings.model_fields
        and not (elsewhere and name.startswith("CLICKHOUSE_"))
    }
