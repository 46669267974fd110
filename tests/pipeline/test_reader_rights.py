"""What the reader may take of the machine, and which files it may see: none but its tables."""

import re
import socket
import threading
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from otel_pipeline.localdb import config, sandbox
from otel_pipeline.settings import Settings
from tests.pipeline.test_local_clickhouse import ask
from tests.support.intake import until

FILES = [
    "users.xml", "config.xml", "log/server.log", "log/server.err.log", "stdout.log", "lock", "../users.xml",
    "../log/server.log", "../../local.env", "/etc/passwd", "/proc/1/environ", "/root/.ssh/id_rsa",
]  # fmt: skip


@pytest.mark.skipif(not sandbox.available(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("path", FILES)
def test_no_file_is_read(server: Settings, path: str) -> None:
    folder = server.otel_pipeline_home / "clickhouse"
    for place in (path, f"{folder}/{path}"):
        for user in (server.clickhouse_reader_user, server.clickhouse_user):
            assert "DB::" in ask(server, f"SELECT file('{place}')", user), place
    assert (folder / "log" / "server.err.log").exists()


REFUSED = [
    "SELECT * FROM file('../users.xml', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/x', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "CREATE TEMPORARY TABLE t (x Int8)",
    "SELECT 1 SETTINGS max_concurrent_queries_for_user = 0",
    "SELECT 1 SETTINGS max_memory_usage_for_user = 0",
    "SELECT 1 SETTINGS max_temporary_data_on_disk_size_for_user = 0",
    "SELECT 1 SETTINGS max_temporary_data_on_disk_size_for_query = 0",
    "SELECT 1 SETTINGS max_bytes_before_external_sort = 1",
    "SELECT 1 SETTINGS max_bytes_ratio_before_external_sort = 0.9",
    "SELECT 1 SETTINGS os_threads_nice_value_query = 0",
    "SELECT 1 SETTINGS cancel_http_readonly_queries_on_client_close = 0",
    "SYSTEM RELOAD CONFIG",
    "SELECT aiEmbed('x', 'y')",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_reader_cannot(server: Settings, sql: str) -> None:
    assert "DB::Exception" in ask(server, sql, server.clickhouse_reader_user)


@pytest.mark.parametrize("user", ["reader", "pipeline"])
def test_no_grant_reaches_beyond(server: Settings, user: str) -> None:
    """Nothing on named collections, sources, users; none of it a wildcard but our databases."""
    grants = ask(server, "SHOW GRANTS", user)
    for word in ("NAMED COLLECTION", "READ", "WRITE", "SOURCES", "USER", "ROLE", "IMPERSONATE", "DEFINER", "ALL", "S3"):
        assert not re.search(rf"[ ,]{word}\b", grants), (word, grants)
    wide = {line.rpartition(" ON ")[2].split(" TO ")[0] for line in grants.splitlines() if "*" in line}
    assert wide <= {f"{server.clickhouse_database}*.*", "system.*", "*.*"}, wide


@pytest.mark.parametrize("engine", ["File('CSV')", "URL('http://127.0.0.1:1/', 'CSV')", "S3('http://127.0.0.1:1/b/k')"])
def test_writer_makes_no_table_elsewhere(server: Settings, engine: str) -> None:
    assert "ACCESS_DENIED" in ask(server, f"CREATE TABLE elsewhere (x Int8) ENGINE = {engine}", "pipeline")


SPILLING = [
    "SELECT randomPrintableASCII(1000) AS s FROM numbers(900000) GROUP BY s FORMAT Null"
    " SETTINGS max_bytes_before_external_group_by = 100000000, max_bytes_ratio_before_external_group_by = 0",
    "SELECT randomPrintableASCII(1000) AS s FROM numbers(900000) ORDER BY s FORMAT Null"
    " SETTINGS max_bytes_before_external_sort = 100000000",
]


@pytest.mark.parametrize("sql", SPILLING)
def test_spilling_to_disk_has_an_end(server: Settings, sql: str) -> None:
    found = ask(server, sql, server.clickhouse_reader_user)
    assert "Limit for temporary files size exceeded" in found or "SETTING_CONSTRAINT_VIOLATION" in found, found


def test_one_user_has_so_many_queries_at_once(server: Settings) -> None:
    """More than its share at the same time: the rest is told, and another user is served."""
    many = config.CONCURRENT + 8
    barrier = threading.Barrier(many + 1, timeout=30)

    def sleep(_: int) -> str:
        barrier.wait()
        return ask(server, "SELECT sleepEachRow(1) FROM numbers(3)", server.clickhouse_reader_user)

    with ThreadPoolExecutor(many) as pool:
        waiting = [pool.submit(sleep, number) for number in range(many)]
        barrier.wait()
        assert ask(server, "SELECT 1", server.clickhouse_user) == "1\n"
        answers = [future.result() for future in waiting]
    refused = [text for text in answers if "TOO_MANY_SIMULTANEOUS_QUERIES" in text]
    assert 1 <= len(refused) <= 8 + 1 and sum(text == "0\n0\n0\n" for text in answers) == many - len(refused)


def test_a_query_ends_when_whoever_asked_has_gone(server: Settings) -> None:
    asked = {"X-ClickHouse-User": server.clickhouse_reader_user, "X-ClickHouse-Key": server.clickhouse_reader_password}
    url, sql = f"http://127.0.0.1:{server.clickhouse_port}/", "SELECT max(sipHash64(number, 4711)) FROM numbers(1e12)"
    running = "SELECT count() FROM system.processes WHERE query LIKE '%4711%' AND user = 'reader'"
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(url, content=sql, headers=asked, timeout=2, trust_env=False)
    assert until(lambda: ask(server, running, server.clickhouse_user) == "0\n", seconds=10)


# What a browser may ask.

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "script", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "empty", "Origin": "http://127.0.0.1:8000"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9", "Connection": "Upgrade", "Upgrade": "websocket"},
    {"Host": "evil.test"},
    {"Host": "localhost:1.evil.example"},
    {"Host": "0.0.0.0"},
]


def page(server: Settings, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, dict[str, str], str]:
    """An answer of the engine, as a browser would ask."""
    lines = {"Host": f"127.0.0.1:{server.clickhouse_port}", **headers, "Connection": "close"}
    text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", server.clickhouse_port), timeout=20) as connection:
        connection.sendall(text.encode())
        found = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
    head, _, body = found.partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in rest)}, body


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_gets_nothing(server: Settings, headers: dict[str, str]) -> None:
    secret = server.clickhouse_reader_password
    asked = urllib.parse.urlencode(
        {"query": "SELECT 4711", "user": "reader", "password": secret, "add_http_cors_header": 1}
    )
    for path in ("/__ENV.js", f"/?{asked}", "/clickstack", "/play", "/otel-pipeline/identity"):
        for method in ("GET", "POST", "OPTIONS"):
            status, answered, body = page(server, path, headers, method)
            assert status in (403, 411) and secret not in body and "4711" not in body, (path, method, body)
            assert "access-control-allow-origin" not in answered


def test_cors_cannot_be_asked_for(server: Settings) -> None:
    asked = urllib.parse.urlencode({"query": "SELECT 1", "user": "reader", "add_http_cors_header": 1})
    headers = {"X-ClickHouse-Key": server.clickhouse_reader_password, "Origin": "http://localhost:1"}
    status, answered, _ = page(server, f"/?{asked}&password={server.clickhouse_reader_password}", headers)
    assert status in (200, 403, 500) and "access-control-allow-origin" not in answered


def test_our_own_page_and_a_link_to_it_work(server: Settings) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "script"}
    status, answered, body = page(server, "/__ENV.js", own)
    assert status == 200 and server.clickhouse_reader_password in body
    assert answered["cross-origin-resource-policy"] == "same-origin"
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    assert page(server, "/clickstack/search?source=logs", link)[0] == 200
    assert page(server, "/?query=SELECT+1", link)[0] == 403
    for name in ("localhost", "[::1]", "127.0.0.1:9"):
        assert page(server, "/ping", {"Host": name})[0] == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{server.clickhouse_port}/ping") as answer:
        assert answer.status == 200
