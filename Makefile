# Every command a person needs; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

##@ Use

.PHONY: demo
demo: $(VENV)/.runtime ## Start the whole system on this machine and tell its story (ARGS=--exit ends after it)
	@$(BIN)/python -m controlplane.embedded.demo $(ARGS)

##@ Develop

.PHONY: test
test: $(VENV)/.test ## All checks and tests but the long forms
	@BIN=$(BIN) ./tests/run $(ARGS)

.PHONY: nightly
nightly: $(VENV)/.test ## The long forms, hours of them; their figures go to var/nightly
	@BIN=$(BIN) ./tests/nightly

.PHONY: lint
lint: $(VENV)/.test ## Style, types and the dependency rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(VENV)/.test ## Put the code into the agreed form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(VENV)/.test ## Resolve the dependencies anew and write the lock files
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile $(LOCK) --extra demo -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra test -c requirements.lock -o requirements-test.lock pyproject.toml
	$(BIN)/uv pip compile $(IMAGE_LOCK) --extra controlplane -o requirements/controlplane.lock pyproject.toml
	$(BIN)/uv pip compile $(IMAGE_LOCK) --extra enforcer -o requirements/enforcer.lock pyproject.toml
	$(BIN)/uv pip compile $(IMAGE_LOCK) -o requirements/sample-server.lock requirements/sample-server.in
	$(BIN)/uv pip compile $(IMAGE_LOCK) -o requirements/build.lock requirements/build.in
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-package drawbridge
IMAGE_LOCK := $(LOCK) --no-annotate -c requirements.lock

.PHONY: screenshots
screenshots: $(VENV)/.test ## Pictures of the main pages into var/screenshots (wants chromium: make system)
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

##@ Machine

.PHONY: system
system: ## Install what the tests want from Debian: chromium, bubblewrap, strace, docker-compose (root)
	@missing=(); for p in chromium bubblewrap strace docker-compose; do dpkg -s $$p >/dev/null 2>&1 || missing+=($$p); done; \
	if [ $${#missing[@]} -eq 0 ]; then echo "chromium, bubblewrap, strace and docker-compose are installed"; \
	else apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$${missing[@]}"; fi

.PHONY: clean
clean: ## Remove the environment, caches and var/
	rm -rf $(VENV) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Drawbridge needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python has no ensurepip: install the package python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what requirements.lock names into $(VENV)"
	@$(BIN)/python controlplane/embedded/demo/installing.py requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements-test.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what requirements-test.lock names into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
