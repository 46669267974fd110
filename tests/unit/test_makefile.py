"""The Makefile: every target explained and runnable, every dependency pinned."""

import re
import subprocess
import tomllib

from otel_pipeline import cli
from otel_pipeline.settings import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text()


def test_every_target_is_phony_and_in_the_help() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())  # pyright: ignore[reportOptionalSubscript]
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout
    assert targets == phony == {line.split()[0] for line in shown.splitlines()}


def test_what_targets_run_exists() -> None:
    for module in re.findall(r"-m ((?:load|benchmarks)[\w.]+)", MAKEFILE):
        path = REPOSITORY / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    assert set(re.findall(r"/otel-pipeline (\w+)", MAKEFILE)) <= set(cli.COMMANDS)


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(d for group in project["optional-dependencies"].values() for d in group)]
    names = {re.match(r"[A-Za-z0-9_.-]+", line)[0].lower() for line in wanted}  # pyright: ignore[reportOptionalSubscript]
    pinned = {line.split("==")[0].lower() for line in (REPOSITORY / "constraints.txt").read_text().splitlines()}
    assert {name.replace("_", "-") for name in names} <= {name.replace("_", "-") for name in pinned}
