# Everything a newcomer needs: Python >= 3.11 with venv and pip, make, git. Nothing else.
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run test fuzz soak options check bench format docs dashboard captures snapshots lock sbom clean

help:
	@echo 'make run    start GridBot on the embedded paper exchange (no key, no config)'
	@echo 'make test   run all tests'
	@echo 'make fuzz   throw 100,000 bad requests at the paper exchange'
	@echo 'make soak   kill the bot 200 times in ten minutes of bad weather, then audit its books'
	@echo 'make options  run each option of the grid for a minute and audit its books'
	@echo 'make check  format, lint, types, imports'
	@echo 'make sbom   the bill of materials, build/sbom.json: what is installed, with its hashes'
	@echo 'make bench  measure, each figure beside a baseline; ARGS=matching for some'

# Two stamps, so that `make run` never waits for the test tools.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "GridBot needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Fix: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo 'Setting up .venv (once) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.runtime
	@$(BIN)/gridbot run $(ARGS)

# What is compiled is kept: to rewrite thousands of assertions takes longer than many of the tests, and each of the workers would
# do it for itself. More workers than two cores have: a third of the tests wait.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.dev
	@$(BIN)/python -m tests.compiled
	@$(BIN)/python -m pytest -n 6 --dist worksteal $(ARGS)

fuzz: $(VENV)/.dev
	@$(BIN)/python -m tests.fuzz $(ARGS)

soak: $(VENV)/.dev
	@$(BIN)/python -m tests.soak $(ARGS)

options: $(VENV)/.dev
	@$(BIN)/python -m tests.options $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev
	@$(BIN)/python -m tests.bench $(ARGS)

format: $(VENV)/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(VENV)/.runtime
	@$(BIN)/python -m core.runtime.settings.reference
	@$(BIN)/python -m gridbot_tui.key_table
	@$(BIN)/python -m core.telemetry.catalogue.reference
	@$(BIN)/python -m core.telemetry.metrics.reference

# deploy/grafana/gridbot.json, made of the metrics' definitions.
dashboard: $(VENV)/.dev
	@$(BIN)/python -m tests.dashboard

# The pictures of README and docs/operator.md: of a real run on the paper exchange, in virtual time, so that a test can make them again.
captures: $(VENV)/.dev
	@$(BIN)/python -m tests.captures

snapshots: $(VENV)/.dev
	@$(BIN)/python -m pytest tests/tui --snapshot-update

# Needs uv on the PATH; the result installs with plain pip.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package gridbot-tui --extra build pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package gridbot-tui --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# CycloneDX 1.6, of the lock that users install: the same bytes each time.
sbom: $(VENV)/.dev
	@mkdir -p build
	@$(BIN)/python -W ignore -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o build/sbom.json
	@echo 'wrote build/sbom.json'

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
