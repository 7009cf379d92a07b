# Every command that a person needs; `make help` lists them. What works here works the same in .ci/run.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench chaos attack detection screens screenshots secrets lock clean

help: ## show this list
	@echo 'xpulse: live experience levels for IT. From a fresh clone: `make demo`, then `make test`.'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="…" is handed on:  make demo ARGS="--for 90s --report demo.json"   make test ARGS="-k tiles"'
	@echo '  PYTHON=python3.12 picks the interpreter (3.11 or newer); VENV=DIR another environment.'

setup: $(STAMP) ## create .venv from the lock file (quick the second time)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'xpulse needs Python 3.11 or newer; $(PYTHON) is' "$$($(PYTHON) --version 2>&1)." \
	       'Name another one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) || { echo 'No venv module: on Debian and Ubuntu, apt-get install python3-venv.' >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## run the whole on this machine with live input until Ctrl-C (or ARGS="--for 90s")
	$(BIN)/xpulse demo $(ARGS)

# Most of a test's time is waiting for other processes, so more run at once than there are cores. The order of files is kept:
# those that take long come first.
TEST_PROCESSES ?= 3

test: setup ## run all tests
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## formatting, lint, types and import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## rewrite the sources as `make check` wants them
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: setup ## measure (what is measured: benchmarks/README.md)
	$(BIN)/python -m benchmarks $(ARGS)

EVENTS ?= 50000
FAULTS ?= 10
BROKER ?= embedded

chaos: setup ## kill, stall and starve the parts of a real installation, then compare every window (docs/chaos.md)
	$(BIN)/python -m tests.chaos --events $(EVENTS) --faults $(FAULTS) --broker $(BROKER) $(if $(SEED),--seed $(SEED)) $(ARGS)

attack: setup ## try to recover single answers from all that a simulated month publishes (docs/privacy.md)
	$(BIN)/python -m tests.attack $(ARGS)

detection: setup ## how soon detectors find a drop, and how often they are wrong (docs/detection.md)
	$(BIN)/python -m benchmarks.detection $(ARGS)

screens: setup ## write the generated dashboards into grafana/dashboards/
	$(BIN)/python -m agents.screens

screenshots: setup ## play the demo and take pictures of every screen (needs Chromium; docs/preview.md)
	$(BIN)/python -m tests.agents.screens.screenshots $(ARGS)

SECRETS := $(addprefix secrets/,clickhouse_password grafana_password reader_password)

secrets: $(SECRETS) ## make random passwords for docker-compose.yml, once

# Containers read the files under users of their own, so the folder is closed and the files are not.
$(SECRETS):
	@mkdir -p -m 700 $(@D)
	@$(PYTHON) -c 'import secrets; print(secrets.token_hex(32))' >$@
	@chmod 444 $@

lock: ## resolve pyproject.toml into requirements.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --extra dev --no-emit-index-url --no-header \
	  --output-file requirements.lock pyproject.toml

clean: ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find streams agents tests -name __pycache__ -type d -prune -exec rm -rf {} +
