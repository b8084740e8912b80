# Every target does its own set-up; a second call installs nothing.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
NAME ?= flow
BIN := .venv/bin
UV := $(BIN)/uv
LOCKED := requirements/cpu.txt requirements/cpu.overrides.txt
# Named by content: a changed lock file installs again, a touched one does not.
REQUIREMENTS := .venv/.requirements-$(shell cat $(LOCKED) | cksum | tr ' ' '-')
PROJECT := .venv/.project-$(shell cksum < pyproject.toml | tr ' ' '-')

# uv does not read pip's settings. A local CPU build of torch may lie where PIP_FIND_LINKS points;
# elsewhere the CPU builds come from the place that --torch-backend knows.
ifdef PIP_FIND_LINKS
WHERE := --find-links "$(PIP_FIND_LINKS)"
else
WHERE := --torch-backend=cpu
endif
LOCK := $(UV) pip compile pyproject.toml --quiet --no-emit-index-url --no-emit-find-links --no-header \
	--python-version 3.11

.PHONY: help setup run test check chaos bench lock install lint types contracts unit clean

help: ## show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: install ## install what is missing and prepare the models
	@$(BIN)/switchback prepare

run: setup ## start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/switchback up

test: setup lint types contracts ## lint, types, import contracts and the whole test suite
	$(BIN)/pytest tests/unit --numprocesses=2
	$(BIN)/pytest tests/contract tests/integration -m "not cluster" --numprocesses=3 --dist=loadfile
	$(BIN)/pytest tests/contract tests/integration tests/acceptance -m cluster --durations=10

check: install ## lint, types, import contracts and unit tests, in seconds
	@$(MAKE) --jobs=2 --output-sync=target lint types contracts unit

chaos: setup ## attack the delivery guarantees: kills, shuffles, bursts, races
	@$(BIN)/switchback bench chaos

bench: setup ## measure; NAME=flow by default
	@$(BIN)/switchback bench $(NAME)

lock: install ## resolve the requirement sets again
	$(LOCK) --extra cpu --extra dev --override requirements/cpu.overrides.txt $(WHERE) \
		-o requirements/cpu.txt
	$(LOCK) --extra gpu --python-platform x86_64-manylinux_2_28 -o requirements/gpu.txt

clean: ## remove the environment and caches; conversations and models stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info

install: $(PROJECT)

$(REQUIREMENTS):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
		|| { echo "Python 3.11 or 3.12 is needed; set PYTHON=python3.11" >&2; exit 2; }
	@test -x $(UV) || { echo "making .venv (usually 10 s)"; $(PYTHON) -m venv .venv; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }
	@echo "installing requirements (usually 3 minutes: downloads, then bytecode, which halves every later start)"
	@$(UV) pip install --python $(BIN)/python --compile-bytecode $(WHERE) --overrides requirements/cpu.overrides.txt \
		-r requirements/cpu.txt
	@rm -f .venv/.requirements-*
	@touch $@

$(PROJECT): $(REQUIREMENTS)
	@$(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e .
	@rm -f .venv/.project-*
	@touch $@

lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types:
	@$(BIN)/mypy

contracts:
	@$(BIN)/lint-imports

unit:
	@$(BIN)/pytest tests/unit --numprocesses=2 -m "not slow and not models and not cluster"
