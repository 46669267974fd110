# Every target makes its own virtual environment first; nothing else needs to be installed but Python 3.11 and make.
# Arguments go in ARGS: make demo ARGS=--oneshot

.DEFAULT_GOAL := help
PYTHON ?=
JOBS ?= 2
BIN := .venv/bin
READY := .venv/.ready

help: ## This list.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

setup: $(READY) ## The virtual environment with the pinned packages.

$(READY): pyproject.toml constraints.txt .ci/setup
	@.ci/setup $(PYTHON)
	@touch $@

demo: $(READY) ## Stack, load, real faults, and the report that finds them. ARGS=--oneshot ends afterwards.
	@$(BIN)/otel-pipeline demo $(ARGS)

dev: $(READY) ## The whole stack until Ctrl-C.
	@$(BIN)/otel-pipeline up $(ARGS)

test: $(READY) ## All tests, two files at a time (JOBS=4: four). ARGS="tests/unit -k name" for some.
	@.ci/browser
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY) ## Format, lint, types, and that the definitions load.
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright
	@PYTHONWARNINGS=ignore $(BIN)/dagster definitions validate -w workspace.yaml --log-level warning
	@echo "check: format, lint, types and definitions are good"

bench: bench-templates bench-intake ## The figures: templates a second, intake a second.

bench-templates: $(READY) ## Log lines a second that get their template, beside Drain3.
	@$(BIN)/python -m benchmarks.templates $(ARGS)

bench-detection: $(READY) ## How the lineage's work grows from 100 thousand to 10 million spans, and a live run's. ARGS="--spans 100000".
	@$(BIN)/python -m benchmarks.detection $(ARGS)

bench-backfill: $(READY) ## Seven days of history are backfilled: the live delay before and during.
	@$(BIN)/python -m benchmarks.backfill $(ARGS)

bench-intake: $(READY) ## Spans and logs a second that the intake takes in, beside a row loop in Python.
	@$(BIN)/python -m benchmarks.intake $(ARGS)

bench-search: $(READY) ## Search over 10 million lines, vectors beside other libraries. ARGS="--vectors 1000000" for the million.
	@$(BIN)/python -W ignore -m benchmarks.search $(ARGS)

torture-intake: $(READY) ## Kills, full disks and bad clients against the intake: what was acknowledged must arrive, once.
	@$(BIN)/python -m benchmarks.torture_intake $(ARGS)

torture-stack: $(READY) ## What somebody may send or do, by listener: what must happen, and what did. ARGS="--only spool" for some.
	@$(BIN)/python -m benchmarks.torture_stack $(ARGS)

evaluate: $(READY) ## All figures with baselines beside them. ARGS="rca DIR" for some, ARGS="all --soak DIR" for the shop, too, ARGS=worlds for made-up systems.
	@$(BIN)/otel-pipeline evaluate $(ARGS)

scenarios: $(READY) ## Three questions of an agent, through the official MCP client: right cause, evidence that holds? Seven minutes.
	@$(BIN)/python -m benchmarks.scenarios $(ARGS)

shop-matrix: $(READY) ## Is the load mixed as told, and each fault seen where it is? Seven minutes.
	@$(BIN)/python -m load.shop_matrix $(ARGS)

soak: $(READY) ## The whole stack under load and every fault for half an hour: does it keep up, lose nothing, stay flat?
	@$(BIN)/python -m load.soak $(ARGS)

constraints: $(READY) ## Write constraints.txt anew from what is installed.
	@{ sed -n '/^#/p; /^torch==/p' constraints.txt; $(BIN)/pip freeze --exclude-editable | grep -v '^torch=='; } > .constraints.new
	@mv .constraints.new constraints.txt

.PHONY: help setup demo dev test check constraints bench bench-templates bench-intake bench-search bench-detection bench-backfill torture-intake torture-stack evaluate scenarios shop-matrix soak
