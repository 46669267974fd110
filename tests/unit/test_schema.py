"""The schema files: every column explained, every statement safe to run again, each ready for a cluster."""

import re

import pytest

from otel_pipeline.settings import Settings, load
from otel_pipeline.sqlfiles import SchemaFile, schema_files

FILES = schema_files()
TABLES = [file for file in FILES if re.search(r"^CREATE TABLE", file.path.read_text(), re.MULTILINE)]


def cluster_settings() -> Settings:
    return load(clickhouse_cluster="events")


def columns(statement: str) -> list[str]:
    """The lines of a CREATE TABLE that declare a column."""
    body = statement[statement.index("\n(") : statement.rindex("\n)")]
    return [line.strip() for line in body.splitlines() if re.match(r"\s+[`A-Za-z]", line) and "INDEX " not in line[:12]]


def test_numbers_are_unique() -> None:
    numbers = [file.number for file in FILES]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("file", TABLES, ids=lambda f: f.name)
def test_every_column_has_a_comment(file: SchemaFile) -> None:
    declared = columns(file.path.read_text())
    assert declared
    assert not [line for line in declared if not re.search(r"COMMENT '.+'", line) and not line.startswith("PROJECTION")]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_statement_is_one_explained_and_safe_to_run_again(file: SchemaFile) -> None:
    text = file.path.read_text()
    assert text.startswith("-- ")
    assert re.search(r"CREATE (OR REPLACE|[A-Z ]+ IF NOT EXISTS)|ADD (COLUMN|INDEX) IF NOT EXISTS", text)
    code = re.sub(r"--.*|'(?:[^'\\]|\\.)*'", "", text).rstrip()
    assert ";" not in code.removesuffix(";")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_statement_is_ready_for_a_cluster(file: SchemaFile) -> None:
    statement = file.statement(cluster_settings())
    assert statement.count("ON CLUSTER 'events'") == 1
    head = re.sub(r"--.*\n", "", statement).split("ON CLUSTER")[0]
    assert re.fullmatch(r"(CREATE [A-Z ]*|ALTER TABLE )\S+\s+", head), "ON CLUSTER stands right after the name"
    engines = re.findall(r"ENGINE = (\w+)", statement)
    assert all(engine.startswith("Replicated") for engine in engines if "MergeTree" in engine)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_statement_for_one_server_names_no_cluster(file: SchemaFile) -> None:
    statement = file.statement(load())
    assert "ON CLUSTER" not in statement
    assert "Replicated" not in statement
    assert "${" not in statement


def test_what_changes_a_table_belongs_to_the_versions_that_have_it() -> None:
    made = {re.search(r"EXISTS (\w+)", file.path.read_text())[1]: file for file in TABLES}  # pyright: ignore[reportOptionalSubscript]
    for file in FILES:
        changed = re.search(r"^ALTER TABLE (\w+)", file.path.read_text(), re.MULTILINE)
        assert not changed or file.raw == made[changed[1]].raw, file.name
        assert not (file.raw and "FUNCTION" in file.path.read_text()), f"{file.name}: functions are shared already"
