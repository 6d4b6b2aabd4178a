# Each target does all the set-up it needs: a virtual environment in .venv with the pinned dependencies, once,
# and again when requirements.txt or pyproject.toml change. `make` alone prints this help.

BIN := .venv/bin
READY := .venv/.ready
ARGS ?=

.PHONY: help demo test lint bench bench-long bench-fusion soak soak-histories pins
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## play the whole bus on real partner files and show what each agency sees
	@$(BIN)/tocsin demo $(ARGS)

test: $(READY) ## every test that needs nothing else (ARGS="-k labels" picks some)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(READY) ## ruff, mypy --strict, and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(READY) ## speed and memory of the path and of fusion
	@$(BIN)/python -m tests.bench.path $(ARGS)
	@$(BIN)/python -m tests.bench.latency
	@$(BIN)/python -m tests.bench.shares
	@$(BIN)/python -m tests.bench.fusion_speed $(ARGS)

bench-long: $(READY) ## memory over years and 200,000 events, and how fast the bus starts again (a quarter of an hour)
	@$(BIN)/python -m tests.bench.long $(ARGS)

bench-fusion: $(READY) ## quality of matching on real pairs (needs ../shared beside the project)
	@$(BIN)/python -m tests.bench.matching $(ARGS)

soak: $(READY) ## 1,000 kills and 1,000,000 events on real homes (ARGS="--kills 20 --events 20000 --seed 7": fewer)
	@$(BIN)/python -m tests.chaos.soak $(ARGS)

soak-histories: $(READY) ## thousands of random histories against the naive oracle (ARGS="--histories 200": fewer)
	@$(BIN)/python -m tests.bench.histories $(ARGS)
	@$(BIN)/python -m tests.bench.histories --roster --histories 2000 $(ARGS)

# The same pins hold for every Python >= 3.11 and every platform. An index's address never enters the file.
pins: $(READY) ## renew requirements.txt from pyproject.toml (needs a network)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --group dev --extra contract --universal --python-version 3.11 \
		--generate-hashes --no-header --annotation-style line --upgrade --quiet --output-file requirements.txt

$(READY): requirements.txt pyproject.toml
	@set -eu; \
	fresh='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if ! $(BIN)/python -c "$$fresh" 2>/dev/null || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		found=; \
		for name in "$${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14 python; do \
			if "$$name" -c "$$fresh" 2>/dev/null; then found="$$name"; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "make: Tocsin needs Python 3.11 or newer and found none on PATH." >&2; \
			echo "make: install one, or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
			exit 1; \
		fi; \
		echo "Setting up .venv with $$("$$found" --version) (once; under a minute)"; \
		"$$found" -m venv --clear .venv || { \
			echo "make: this Python can't make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; \
		}; \
	else \
		echo "Bringing .venv up to date"; \
	fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	touch $(READY)
