# The commands of this project. Each sets up what it needs; `make demo` is the place to start.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo lab test lint bench clean
.DEFAULT_GOAL := demo

$(VENV)/bin/python:
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "installing python3-venv"; apt-get update -qq; apt-get install -y -qq --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: setup.py $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lab]'
	@mkdir -p $(VENV)/share/jupyter/labextensions  # an editable installation places no data files
	@ln -sfn "$(CURDIR)/labextension" $(VENV)/share/jupyter/labextensions/modelarts-nb
	@touch $@

$(VENV)/.dev: setup.py $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# What the tests use besides Python packages; the Engine and the registry install theirs themselves
SYSTEM := apache2-utils busybox-static chromium fonts-dejavu-core fonts-noto-cjk openssh-client podman runc
$(VENV)/.system: Makefile $(VENV)/bin/python
	@dpkg --status $(SYSTEM) >/dev/null 2>&1 || { echo "installing $(SYSTEM)"; apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM) >/dev/null; }
	@touch $@

# An Engine if there is none, and the sandbox: both stay up until `modelarts-nb sandbox down` and `modelarts-nb engine down`.
.PHONY: up
up: $(VENV)/.lab
	$(BIN)/modelarts-nb engine up --unless-found
	$(BIN)/modelarts-nb sandbox up

demo: up
	$(BIN)/python notebooks/execute.py notebooks/01-first-image.ipynb build/01-first-image.ipynb

lab: up
	$(BIN)/jupyter lab notebooks/01-first-image.ipynb --ServerApp.ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint $(VENV)/.system
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# The documentation: build/site/index.html, and zh-CN below it; a warning is an error
.PHONY: docs
docs: $(VENV)/.dev
	$(BIN)/python -m tools.docs

# The unit tests under every Python that is here, with the oldest and the newest dependencies (docs/packaging.md)
.PHONY: matrix
matrix: $(VENV)/.dev
	$(BIN)/python tests/matrix.py

# The suite under stress, in its full size; writes docs/reliability.md
.PHONY: stress
stress: $(VENV)/.dev $(VENV)/.system
	MODELARTS_NB_STRESS=full $(BIN)/python -m pytest tests/stress -s; status=$$?; $(BIN)/python tests/stress/report.py; exit $$status

bench: up $(VENV)/.dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
