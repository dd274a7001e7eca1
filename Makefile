# These commands need nothing but Python 3.11 or newer, make and git:
#   make reproduce    run the default experiment and show its table
#   make test         run every test
#   make benchmark    measure speed beside plain PyTorch: benchmarks/run.py
#   make snapshot EXPERIMENT=quickstart    save its results with DVC; make restore puts them back
# CONFIG=config/….yaml runs another experiment; CORES=4 limits the processor cores.

PYTHON ?= python3
VENV ?= .venv
CORES ?= all
CONFIG ?=
# More options for pip, such as the index of PyTorch's CPU builds: see docs/installation.md.
PIP_FLAGS ?=
# Options for snakemake, pytest and benchmarks/run.py.
ARGS ?=

BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS)

.PHONY: help install reproduce snapshot restore test benchmark lint clean-environment

help:
	@sed -n 's/^# \?//p' Makefile | head -6

install: $(BIN)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) --version 2>&1); try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(BIN)/.installed: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) (once; about a minute)"
	@if [ "$$(uname)" = Linux ] && [ -z "$(PIP_FLAGS)" ] && ! command -v nvidia-smi >/dev/null; then \
	  echo "no GPU seen: where pip offers no CPU build of PyTorch it fetches gigabytes of CUDA libraries;"; \
	  echo "Ctrl-C and docs/installation.md (one option) avoid that"; fi
	@$(INSTALL) -e .
	@touch $@

$(BIN)/.installed-test: $(BIN)/.installed
	@echo "installing the test tools"
	@$(INSTALL) -e '.[test,lint,embed,chinese,dvc-s3,dvc-ssh]'
	@touch $@

reproduce: $(BIN)/.installed
	@$(BIN)/snakemake --cores $(CORES) --quiet rules reason host $(if $(CONFIG),--configfile $(CONFIG)) $(ARGS)
	@$(BIN)/python src/results.py show $(if $(CONFIG),--configfile $(CONFIG))

snapshot restore: $(BIN)/.installed
	@$(BIN)/python src/results.py $@ $(or $(EXPERIMENT),$(error say which: make $@ EXPERIMENT=quickstart)) $(ARGS)

test: $(BIN)/.installed-test
	@$(BIN)/python -m pytest --dist loadfile --maxprocesses 8 \
	  --numprocesses $(if $(filter all,$(CORES)),logical,$(CORES)) $(ARGS)

benchmark: $(BIN)/.installed-test
	@$(BIN)/python benchmarks/run.py $(ARGS)

lint: $(BIN)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/python src/config_reference.py --check

clean-environment:
	rm -rf $(VENV)
