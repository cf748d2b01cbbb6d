PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.run $(VENV)/.test
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: bugs clean example-logs help prove run test
.DEFAULT_GOAL := help

# Stamps count only while the environment has what they stand for: its Python may have gone, or be another.
ifneq ($(wildcard $(STAMPS)),)
ifneq ($(shell $(BIN)/python -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("Pyro5"))' 2>/dev/null && echo works),works)
$(shell rm -f $(STAMPS))
endif
endif

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | awk -F ':.*## ' '{printf "%-12s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## set up, then five replicas with the failure and recovery demo
	@$(BIN)/python run_cluster.py --ephemeral --demo --keep

test: $(VENV)/.test  ## set up, then every check: format, lint, types, imports, tests
	$(BIN)/python -m ruff format --check --quiet .
	$(BIN)/python -m ruff check --quiet .
	$(BIN)/python -m mypy
	$(BIN)/python $(BIN)/lint-imports
	$(BIN)/python -m tests

prove: $(VENV)/.run  ## set up, then the proof: 10,000 histories, scenarios, nemesis
	@mkdir -p proof
	@$(BIN)/python -m kvrmi.sim --seeds 0..9999 --report proof/histories.json
	@$(BIN)/python -m client lab run --all --live
	@$(BIN)/python -m client nemesis --minutes 10 --seed 1 --report proof/nemesis.json
	@echo "both reports are in proof/"

bugs: $(VENV)/.run  ## set up, then the planted bugs: how many seeds find each
	@$(BIN)/python -m kvrmi.sim --bugs

example-logs: $(VENV)/.run  ## set up, then deploy/example_*.log anew, from a real run
	@deploy/example_logs.sh

clean:  ## end what runs from this folder; remove .venv, caches, build, proof
	@if [ -x $(BIN)/python ] && [ -f .kvrmi/cluster.toml ]; then $(BIN)/python run_cluster.py stop; fi
	@rm -rf $(VENV) build dist proof *.egg-info .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@if [ -d .kvrmi ]; then echo "the data in .kvrmi are kept: remove that folder yourself"; fi

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"kvrmi needs Python 3.11 or newer, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=...")'
	@echo "setting up $(VENV) (once, about 20 s)"
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.run: $(BIN)/python setup.cfg pyproject.toml
	@echo "installing kvrmi and what it needs into $(VENV)"
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip --default-pip
	@$(PIP) install --editable ".[lab]"
	@touch $@

$(VENV)/.test: $(BIN)/python setup.cfg pyproject.toml
	@echo "installing kvrmi, its tests' and its checks' tools into $(VENV) (about 30 s)"
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip --default-pip
	@$(PIP) install --editable ".[lab,test,lint]"
	@touch $(STAMPS)
