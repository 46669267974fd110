"""Configuration of the local server: ports, users with the passwords of the installation, limits, HyperDX defaults."""

import re
import secrets
from hashlib import sha256
from pathlib import Path

from otel_pipeline.errors import UserError
from otel_pipeline.localdb import browsers
from otel_pipeline.localdb.hyperdx import environment_script
from otel_pipeline.localdb.sandbox import FILES, LOGS
from otel_pipeline.settings import Settings

# Answers with the token of the server last started in this folder: /ping alone cannot tell whose server it is.
IDENTITY_PATH = "/otel-pipeline/identity"

# http_options_response: with it, empty, the engine ignores add_http_cors_header, which a page could set by its address.
# merge_tree: what is erased is gone from the disk within seconds; an idle engine would look for it every five minutes.
# log-level: the engine runs as its own "local" program, which reads the level from here and not from <logger>.
CONFIG = """<clickhouse>
  <log-level>error</log-level>
  <logger><log>{logs}/server.log</log><errorlog>{logs}/server.err.log</errorlog><size>20M</size><count>4</count>
    <levels>
      <logger><name>BackgroundSchedulePool/BgSchPool</name><level>error</level></logger>
      <logger><name>BackgroundSchedulePool/BgStrmSchPool</name><level>error</level></logger>
      <logger><name>BackgroundSchedulePool/BgMBSchPool</name><level>error</level></logger>
      <logger><name>BackgroundSchedulePool/BgDistSchPool</name><level>error</level></logger>
    </levels></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{http_port}</http_port>
  <tcp_port>{tcp_port}</tcp_port>
  <users_config>users.xml</users_config>
  <access_control_improvements><table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <mark_cache_size>134217728</mark_cache_size>
  <merge_tree>
    <cleanup_delay_period>5</cleanup_delay_period><max_cleanup_delay_period>15</max_cleanup_delay_period>
    <cleanup_delay_period_random_add>2</cleanup_delay_period_random_add>
  </merge_tree>
  <query_log>
    <database>system</database><table>query_log</table>
    <ttl>event_date + INTERVAL 3 DAY DELETE</ttl><flush_interval_milliseconds>2000</flush_interval_milliseconds>
  </query_log>
  <http_handlers>{rules}
    <defaults/>
  </http_handlers>
  <http_options_response/>{collections}
</clickhouse>
"""

# What aiEmbed may call with AIEMBED=true: the local embedder, which needs no key. It takes no grant on url().
COLLECTION = "otel_pipeline_embedder"
COLLECTIONS = f"""
  <named_collections><{COLLECTION}>
    <provider>openai</provider><endpoint>http://127.0.0.1:{{port}}/v1/embeddings</endpoint><api_key>local</api_key>
  </{COLLECTION}></named_collections>"""
COLLECTION_GRANT = f"""
        <query>GRANT NAMED COLLECTION ON {COLLECTION}</query>"""

# Profile default: a query with the table function Python() would end the process, whoever sends it.
# User default: the passwordless user as whom the engine boots. Its one permitted session is the one that keeps the
# server alive, so that nobody can log in as it and use its right to read files.
# The constraint keeps clients from raising the limit.
# writer: everything in the databases whose names begin with the project's (tests and evaluations make some); nothing
# outside the server.
# Passwords stand here as their hashes. Users can read files of the folder data, but not these (see sandbox.py).
# reader: sees its own queries alone; 0 would mean "no limit", hence the minimum of each constraint. What all queries
# of it may take together is fixed; one that spills beyond its share of the disk ends. It sorts in memory
# alone: this engine counts the files of a GROUP BY, but not those of a sort.
# A query of the reader gives way to the lineage (nice, where the engine may say so), and ends when whoever asked has
# gone.
# Of all rights on its databases the writer has those that lead nowhere else: ALL would bring users, named collections
# and sources whose names begin like them. Engines that read files or addresses need a right of their own.
RIGHTS = (
    "SELECT, INSERT, ALTER TABLE, ALTER VIEW, ALTER DATABASE, CREATE DATABASE, CREATE TABLE, CREATE VIEW,"
    " DROP DATABASE, DROP TABLE, DROP VIEW, UNDROP TABLE, TRUNCATE, OPTIMIZE, CHECK, SHOW, SYSTEM MERGES,"
    " SYSTEM TTL MERGES, SYSTEM FLUSH, SYSTEM VIEWS"
)
ENGINES = (
    "MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree",
    "CoalescingMergeTree", "VersionedCollapsingMergeTree", "Memory", "Null", "Log", "StripeLog", "TinyLog", "Join",
    "Set", "Buffer", "Merge", "View", "MaterializedView", "Alias",
)  # fmt: skip
ENGINE_GRANT = """
        <query>GRANT TABLE ENGINE ON {engine}</query>"""
CONCURRENT = 40  # an investigation of many questions at once, beside a HyperDX page and its refreshes
NICE = 10
USERS = """<clickhouse>
  <profiles>
    <default>
      <allow_python_table_function>0</allow_python_table_function>
      <allow_introspection_functions>0</allow_introspection_functions>
      <constraints>
        <allow_python_table_function><readonly/></allow_python_table_function>
        <allow_introspection_functions><readonly/></allow_introspection_functions>
      </constraints>
    </default>
    <boot>
      <profile>default</profile>
      <max_sessions_for_user>1</max_sessions_for_user>
      <constraints><max_sessions_for_user><readonly/></max_sessions_for_user></constraints>
    </boot>
    <writer><profile>default</profile></writer>
    <reader>
      <profile>default</profile>
      <readonly>2</readonly>
      <max_execution_time>30</max_execution_time>
      <max_memory_usage>2000000000</max_memory_usage>
      <max_memory_usage_for_user>3000000000</max_memory_usage_for_user>
      <max_concurrent_queries_for_user>{concurrent}</max_concurrent_queries_for_user>
      <max_temporary_data_on_disk_size_for_query>500000000</max_temporary_data_on_disk_size_for_query>
      <max_temporary_data_on_disk_size_for_user>1000000000</max_temporary_data_on_disk_size_for_user>
      <max_bytes_before_external_sort>0</max_bytes_before_external_sort>
      <max_bytes_ratio_before_external_sort>0</max_bytes_ratio_before_external_sort>
      <max_result_rows>1000000</max_result_rows>
      <result_overflow_mode>throw</result_overflow_mode>
      <os_threads_nice_value_query>{nice}</os_threads_nice_value_query>
      <cancel_http_readonly_queries_on_client_close>1</cancel_http_readonly_queries_on_client_close>
      <constraints>
        <os_threads_nice_value_query><min>{nice}</min></os_threads_nice_value_query>
        <cancel_http_readonly_queries_on_client_close><readonly/></cancel_http_readonly_queries_on_client_close>
        <max_execution_time><min>1</min><max>60</max></max_execution_time>
        <max_memory_usage><min>1</min><max>2000000000</max></max_memory_usage>
        <max_memory_usage_for_user><readonly/></max_memory_usage_for_user>
        <max_concurrent_queries_for_user><readonly/></max_concurrent_queries_for_user>
        <max_temporary_data_on_disk_size_for_query><min>1</min><max>500000000</max></max_temporary_data_on_disk_size_for_query>
        <max_temporary_data_on_disk_size_for_user><readonly/></max_temporary_data_on_disk_size_for_user>
        <max_bytes_before_external_sort><readonly/></max_bytes_before_external_sort>
        <max_bytes_ratio_before_external_sort><readonly/></max_bytes_ratio_before_external_sort>
        <max_result_rows><min>1</min><max>1000000</max></max_result_rows>
      </constraints>
    </reader>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password><networks><ip>127.0.0.1</ip></networks><profile>boot</profile><quota>default</quota>
      <grants>
        <query>GRANT READ ON FILE, CREATE TEMPORARY TABLE ON *.*</query>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
      </grants>
    </default>
    <{writer}>
      <password_sha256_hex>{writer_password}</password_sha256_hex><networks><ip>127.0.0.1</ip></networks>
      <profile>writer</profile><quota>default</quota>
      <grants>
        <query>GRANT {rights} ON {database}*.*</query>
        <query>GRANT SELECT, SHOW ON system.*</query>
        <query>GRANT CREATE FUNCTION, DROP FUNCTION, CREATE TEMPORARY TABLE, KILL QUERY ON *.*</query>{engines}
        <query>GRANT SYSTEM FLUSH, SYSTEM DROP CACHE, SYSTEM RELOAD ON *.*</query>{collection}
      </grants>
    </{writer}>
    <{reader}>
      <password_sha256_hex>{reader_password}</password_sha256_hex><networks><ip>127.0.0.1</ip></networks>
      <profile>reader</profile><quota>default</quota>
      <databases><system>
        <query_log><filter>user = currentUser()</filter></query_log>
        <processes><filter>user = currentUser()</filter></processes>
      </system></databases>
      <grants>
        <query>GRANT SELECT, SHOW ON {database}*.*</query>
        <query>GRANT SELECT, SHOW ON system.*</query>
      </grants>
    </{reader}>
  </users>
</clickhouse>
"""


def new_password() -> str:
    """A password for this installation."""
    return secrets.token_urlsafe(18)


def write(folder: Path, settings: Settings) -> str:
    """Write ``config.xml`` and ``users.xml`` into the server's folder, readable by the owner alone; see :func:`forget`.

    :returns: the token that this server will answer at :data:`IDENTITY_PATH`.
    :raises UserError: a name that the configuration cannot carry.
    """
    names = {
        "CLICKHOUSE_USER": settings.clickhouse_user,
        "CLICKHOUSE_READER_USER": settings.clickhouse_reader_user,
        "CLICKHOUSE_DATABASE": settings.clickhouse_database,
    }
    for variable, name in names.items():
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name == "default":
            raise UserError(f"{variable}={name!r} is no name for the local ClickHouse; use letters, digits and _")
    if settings.clickhouse_user == settings.clickhouse_reader_user:
        raise UserError("CLICKHOUSE_USER and CLICKHOUSE_READER_USER must differ for the local ClickHouse")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    identity = new_password()
    texts = (
        CONFIG.format(
            logs=LOGS,
            http_port=settings.clickhouse_port,
            tcp_port=settings.clickhouse_native_port,
            rules=browsers.refusals(settings.clickhouse_port)
            + browsers.static("/__ENV.js", "text/javascript", environment_script(settings))
            + browsers.static(IDENTITY_PATH, "text/plain", identity)
            + browsers.pages(),
            collections=COLLECTIONS.format(port=settings.embedder_port) if settings.aiembed else "",
        ),
        USERS.format(
            concurrent=CONCURRENT,
            nice=NICE,
            rights=RIGHTS,
            engines="".join(ENGINE_GRANT.format(engine=engine) for engine in ENGINES),
            writer=settings.clickhouse_user,
            writer_password=sha256(settings.clickhouse_password.encode()).hexdigest(),
            reader=settings.clickhouse_reader_user,
            reader_password=sha256(settings.clickhouse_reader_password.encode()).hexdigest(),
            database=settings.clickhouse_database,
            collection=COLLECTION_GRANT if settings.aiembed else "",
        ),
    )
    for name, text in zip(FILES, texts, strict=True):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return identity


def forget(folder: Path) -> None:
    """Delete the configuration, once the engine has read it: nothing reads it again, and it holds hashes and keys."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
