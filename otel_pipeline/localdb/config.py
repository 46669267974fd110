"""Configuration of the local server: ports, users with the passwords of the installation, limits, HyperDX defaults."""

import re
import secrets
from hashlib import sha256
from pathlib import Path
from xml.sax.saxutils import escape

from otel_pipeline.errors import UserError
from otel_pipeline.localdb.hyperdx import environment_script
from otel_pipeline.settings import Settings

# Answers with the token of the server last started in this folder: /ping alone cannot tell whose server it is.
IDENTITY_PATH = "/otel-pipeline/identity"

# log-level: the engine runs as its own "local" program, which reads the level from here and not from <logger>.
CONFIG = """<clickhouse>
  <log-level>error</log-level>
  <logger><log>server.log</log><errorlog>server.err.log</errorlog><size>20M</size><count>4</count>
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
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <mark_cache_size>134217728</mark_cache_size>
  <query_log>
    <database>system</database><table>query_log</table>
    <ttl>event_date + INTERVAL 3 DAY DELETE</ttl><flush_interval_milliseconds>2000</flush_interval_milliseconds>
  </query_log>
  <http_handlers>
    <rule><url>/__ENV.js</url><methods>GET</methods>
      <handler><type>static</type><status>200</status><content_type>text/javascript</content_type>
        <response_content>{environment}</response_content></handler></rule>
    <rule><url>{identity_path}</url><methods>GET</methods>
      <handler><type>static</type><status>200</status><content_type>text/plain</content_type>
        <response_content>{identity}</response_content></handler></rule>
    <defaults/>
  </http_handlers>{collections}
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
# Passwords stand here as their hashes, because users can read files of this folder (see sandbox.py).
# reader: sees its own queries alone; 0 would mean "no limit", hence the minimum of each constraint.
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
      <max_result_rows>1000000</max_result_rows>
      <result_overflow_mode>throw</result_overflow_mode>
      <constraints>
        <max_execution_time><min>1</min><max>60</max></max_execution_time>
        <max_memory_usage><min>1</min><max>2000000000</max></max_memory_usage>
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
        <query>GRANT ALL ON {database}*.*</query>
        <query>GRANT SELECT, SHOW ON system.*</query>
        <query>GRANT CREATE FUNCTION, DROP FUNCTION, CREATE TEMPORARY TABLE, TABLE ENGINE, KILL QUERY ON *.*</query>
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
    """Write ``config.xml`` and ``users.xml`` into the server's folder, readable by the owner alone.

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
    files = {
        "config.xml": CONFIG.format(
            http_port=settings.clickhouse_port,
            tcp_port=settings.clickhouse_native_port,
            environment=escape(environment_script(settings)),
            identity_path=IDENTITY_PATH,
            identity=identity,
            collections=COLLECTIONS.format(port=settings.embedder_port) if settings.aiembed else "",
        ),
        "users.xml": USERS.format(
            writer=settings.clickhouse_user,
            writer_password=sha256(settings.clickhouse_password.encode()).hexdigest(),
            reader=settings.clickhouse_reader_user,
            reader_password=sha256(settings.clickhouse_reader_password.encode()).hexdigest(),
            database=settings.clickhouse_database,
            collection=COLLECTION_GRANT if settings.aiembed else "",
        ),
    }
    for name, text in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return identity
