# Every target sets up what it needs; a second call starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ONCE ?=

.PHONY: help env dev demo test check envtest cluster-test fault-test format generate lock clean fleet

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## env           a virtual environment with the program in it (.venv/bin/fairlead)
env: $(VENV)/.runtime

## dev           the same with the tools for development
dev: $(VENV)/.dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Fairlead needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# --no-deps: the lock is complete, so a package that it does not name is a mistake and not something to fetch.
$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "preparing the environment in $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "adding the development tools ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

## demo          the main job on a cluster of its own; ONCE=1 runs the tour without a person
demo: env
	@$(BIN)/fairlead demo $(if $(ONCE),--once) $(if $(KUBECONFIG),--kubeconfig $(KUBECONFIG))

## test          every test that needs no other service
test: dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile

## check         format, lint, types, import contracts, generated files
check: dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell
	@$(BIN)/python -m fairlead.api.generate --check
	@$(BIN)/python -m fairlead.cli.reference --check

## envtest       a real etcd and kube-apiserver in a cache folder; prints the folder
envtest:
	@tests/envtest/install.sh

## cluster-test  the cluster suite on the local cluster and on the real API server
cluster-test: dev
	@tests/envtest/run-suite.sh $(BIN)/python

## fault-test    200 kills while the API server fails; FAULT_KILLS, FAULT_SEED and KUBECONFIG_UNDER_TEST change it
fault-test: dev
	@FAULT_KILLS=$${FAULT_KILLS:-200} $(BIN)/python -m pytest -s tests/cluster/test_kills.py

## fleet         cost against size on fresh API servers, up to 3,000 apps: about 40 minutes; figures and plot go to docs
fleet: dev
	@$(BIN)/python -m bench.fleet --apps 100,300,1000,3000 --chain 5 --long-idle 600 \
	  --assets "$${ASSETS:-$$(tests/envtest/install.sh)}" --out bench/results; \
	  status=$$?; $(BIN)/python -m bench.fleet.render bench/results && exit $$status

## format        rewrite the sources in the house style
format: dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

## generate      rebuild generated files (CRDs, command reference)
generate: dev
	@$(BIN)/python -m fairlead.api.generate
	@$(BIN)/python -m fairlead.cli.reference

## lock          resolve the dependencies anew (needs uv)
lock:
	uv pip compile pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
