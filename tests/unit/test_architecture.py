"""Which part may import which: the arrows of the design, held by the import statements themselves."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from otel_pipeline.settings import REPOSITORY

PACKAGES = ("otel_pipeline", "sample_app", "load")
WITHOUT_DAGSTER = ("detection", "investigate", "intake", "localdb", "stack", "tools", "agent", "mcp", "commands")
ABOVE = ("assets", "automation", "resources", "commands", "mcp", "agent", "tools", "stack")
HEAVY = ("torch", "sentence_transformers", "openai")


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path, at_load_only: bool = False) -> set[str]:
    """Names that a module imports, ours as modules; those within functions too, unless ``at_load_only``."""
    names: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if at_load_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                names.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                for alias in child.names:
                    full = f"{child.module}.{alias.name}"
                    names.add(full if full in MODULES else child.module)
            visit(child)

    visit(ast.parse(path.read_text()))
    return names


@pytest.mark.parametrize("part", WITHOUT_DAGSTER)
def test_part_never_imports_dagster(part: str) -> None:
    guilty = {
        name
        for name, path in MODULES.items()
        if name.startswith(f"otel_pipeline.{part}") and any(i.split(".")[0] == "dagster" for i in imports(path))
    }
    assert not guilty


def test_arrows_point_one_way() -> None:
    forbidden = {
        # from: what it must not know
        "otel_pipeline.detection": (*ABOVE, "investigate"),
        "otel_pipeline.investigate": ABOVE,
        # mcp, agent, commands → tools → investigate
        "otel_pipeline.tools": ("assets", "automation", "resources", "commands", "mcp", "agent", "stack"),
        "otel_pipeline.agent": ("assets", "automation", "resources", "commands", "mcp", "stack"),
        "otel_pipeline.mcp": ("assets", "automation", "resources", "commands", "agent", "stack"),
        "otel_pipeline.intake": (
            *ABOVE,
            "detection",
            "investigate",
        ),
        "otel_pipeline.localdb": (*ABOVE, "detection"),
        "otel_pipeline.assets": ("commands", "mcp", "agent", "tools", "stack", "intake", "localdb"),
    }
    wrong = [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        for source, targets in forbidden.items()
        if name == source or name.startswith(f"{source}.")
        for imported in imports(path)
        if any(imported == f"otel_pipeline.{t}" or imported.startswith(f"otel_pipeline.{t}.") for t in targets)
    ]
    assert not wrong


def test_the_shop_knows_nothing_of_what_watches_it() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        if name.split(".")[0] == "sample_app"
        for imported in imports(path)
        if imported.split(".")[0] in ("otel_pipeline", "load", "benchmarks", "tests")
    ]
    assert not wrong


def test_the_shop_s_defaults_are_those_of_the_settings() -> None:
    from otel_pipeline.settings import Settings
    from sample_app.config import DEFAULTS

    assert {name: str(Settings.model_fields[name.lower()].default) for name in DEFAULTS} == DEFAULTS


def test_detection_and_investigation_never_read_the_ground_truth() -> None:
    readers = [p for part in ("detection", "investigate") for p in (REPOSITORY / "otel_pipeline" / part).rglob("*.py")]
    owners = {p.stem for p in readers} | {"detection", "investigate"}
    queries = [p for p in (REPOSITORY / "sql" / "query").glob("*.sql") if p.name.split("__")[0] in owners]
    assert not [p.name for p in [*readers, *queries] if "fault_ledger" in p.read_text()]


def test_failures_and_requests_have_one_definition_each() -> None:
    """Queries ask the functions of the schema; only what writes raw rows or judges the shop looks at the columns."""
    others = ("intake__", "shop_matrix__", "evaluation__")
    queries = [p for p in (REPOSITORY / "sql" / "query").glob("*.sql") if not p.name.startswith(others)]
    texts = {p.name: p.read_text().replace("otel_pipeline_failed_v1(StatusCode, ", "") for p in queries}
    assert not [name for name, text in texts.items() if "StatusCode" in text]
    entry = re.compile(r"SpanKind\)? IN \(.*OR ParentSpanId = ''")
    assert not [name for name, text in texts.items() if entry.search(text)]


def test_no_import_cycles() -> None:
    graph = {name: {i for i in imports(path, at_load_only=True) if i in MODULES} for name, path in MODULES.items()}
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> None:
        assert name not in trail, " → ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for imported in graph[name]:
                if imported != name:
                    walk(imported, [*trail, name])
            done.add(name)

    for name in graph:
        walk(name, [])


def loaded_by(module: str) -> set[str]:
    """Names in ``sys.modules`` after importing a module in a fresh interpreter."""
    code = f"import {module}, sys; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_definitions_load_no_model() -> None:
    assert not loaded_by("otel_pipeline.definitions") & set(HEAVY)


def test_command_line_loads_fast() -> None:
    assert not loaded_by("otel_pipeline.cli") & {*HEAVY, "dagster", "pandas", "numpy", "clickhouse_connect", "fastapi"}
