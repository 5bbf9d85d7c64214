# Everything that is needed is installed into .venv on the first call of any target.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header

.PHONY: help install run tour test lint format typecheck migrate lock clean matrix chaos mutants conformance fuzz
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

install: $(VENV)/dev.stamp ## install everything, for work on the code too

run: $(VENV)/run.stamp ## run the portal on this machine, with a store to try it on
	@$(BIN)/python manage.py sandbox

tour: $(VENV)/run.stamp ## press all the buttons of a running portal and count the money
	@$(BIN)/python manage.py tour

test: $(VENV)/dev.stamp ## run the tests on SQLite, and on PostgreSQL where there is one
	@$(BIN)/python -m tests.run

matrix: $(VENV)/dev.stamp ## spoil every step of a payout in every way, and count the money
	@$(BIN)/python -m tests.matrix

chaos: $(VENV)/dev.stamp ## kill real processes while N=1000 refunds go out, and count the money
	@$(BIN)/python -m tests.chaos --refunds $(or $(N),1000) --database $(or $(DATABASE),sqlite)

mutants: $(VENV)/dev.stamp ## take the safeguards out one by one: each time the proofs must fail
	@$(BIN)/python -m tests.mutants

fuzz: $(VENV)/dev.stamp ## send N=20000 pieces of junk to every page, and look what becomes of them
	@$(BIN)/python -m tests.fuzz --count $(or $(N),20000)

bench: $(VENV)/dev.stamp ## measure everything beside its peers, at a million cases, and write docs/benchmarks.md
	@$(BIN)/python -m tests.benchmarks

bench-quick: $(VENV)/dev.stamp ## the same in two minutes, with less of everything
	@$(BIN)/python -m tests.benchmarks --quick

conformance: $(VENV)/dev.stamp ## compare a test shop of yours with what the portal believes of WooCommerce
	@CONFORMANCE_MAY_MOVE_MONEY=$(CONFORMANCE_MAY_MOVE_MONEY) $(BIN)/python -m pytest -q tests/conformance

lint: $(VENV)/dev.stamp ## look for mistakes and untidy code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.translations

format: $(VENV)/dev.stamp ## tidy the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(VENV)/dev.stamp ## check the types
	$(BIN)/mypy

migrate: $(VENV)/run.stamp ## bring the tables of the database up to date
	$(BIN)/python manage.py migrate

lock: $(VENV)/dev.stamp ## write the newest fitting versions into the lock files
	$(BIN)/$(LOCK) --upgrade pyproject.toml --output-file requirements.txt
	$(BIN)/$(LOCK) --upgrade --extra dev pyproject.toml --output-file requirements-dev.txt

clean: ## remove what can be made again: .venv, caches, and the data of the sandbox in .state
	rm -rf $(VENV) .state staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	@echo "Installing what the portal needs into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what the portal and its tests need into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: there is no $(PYTHON)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The portal needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's module venv is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
