# `make demo` and `make test` set everything up by themselves: they need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The suite and the demo start hundreds of processes: each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test soak lint types check bench clean

help:
	@echo "make demo    set up, then watch the whole of SplitCart work on a replica market (no internet sites)"
	@echo "make test    set up, then run the whole test suite"
	@echo "make soak    transfers cut, stalled, damaged and killed (ROUNDS=300 SEED=1), and many drawn requests (REQUESTS=500)"
	@echo "make lint    ruff, the format and the rule of rooms"
	@echo "make types   mypy --strict"
	@echo "make check   test, lint and types"
	@echo "make bench   crawling, ingestion, storage, identity, leases, transfer, grouping and maps measured on this machine (one to two hours)"
	@echo "make setup   only the environment in $(VENV)"
	@echo "make clean   remove the environment, caches and demo-data"

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "SplitCart needs Python 3.11 or newer; set PYTHON=python3.x"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $(READY)

demo: setup
	$(BIN)/splitcart demo

test: setup
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

ROUNDS ?= 300
SEED ?= 1
REQUESTS ?= 500

soak: setup
	$(BIN)/python -m tests.faults --rounds $(ROUNDS) --seed $(SEED)
	$(BIN)/python -m pytest tests/server/test_any_request.py --requests $(REQUESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

check: test lint types

bench: setup
	$(BIN)/python -m benchmarks.crawling --long 72 --profile
	$(BIN)/python -m benchmarks.ingestion rounds
	$(BIN)/python -m benchmarks.ingestion rounds --sqlite
	$(BIN)/python -m benchmarks.ingestion workers --stores 150
	$(BIN)/python -m benchmarks.ingestion keys
	$(BIN)/python -m benchmarks.orm
	$(BIN)/python -m benchmarks.ingestion series --files 1000
	$(BIN)/python -m benchmarks.storage
	$(BIN)/python -m benchmarks.identity
	$(BIN)/python -m benchmarks.leases
	$(BIN)/python -m benchmarks.geography
	$(BIN)/python -m benchmarks.exports
	$(BIN)/python -m benchmarks.transfer
	$(BIN)/python -m benchmarks.overlap compare
	$(BIN)/python -m benchmarks.overlap growth
	$(BIN)/python -m benchmarks.effective
	$(BIN)/python -m benchmarks.policy
	$(BIN)/python -m benchmarks.policy --stores 80 --skus 360
	$(BIN)/python -m benchmarks.policy --stores 800 --skus 360 --seeds 2
	$(BIN)/python -m benchmarks.policy --stores 80 --skus 360 --seeds 4 --clearance 0.01
	$(BIN)/python -m benchmarks.policy --stores 100 --seeds 4 --days 16 --standing
	$(BIN)/python -m benchmarks.nightly
	$(BIN)/python -m benchmarks.category_groups
	$(BIN)/python -m benchmarks.sweeps
	for chain in aldi coles iga woolworths; do \
		$(BIN)/python -m benchmarks.whole_markets $$chain && $(BIN)/python -m benchmarks.whole_markets --foul $$chain \
			|| exit 1; done
ifdef SPLITCART_REAL_DATA
	$(BIN)/python -m benchmarks.real_files "$(SPLITCART_REAL_DATA)/prices_aldi_qld"
else
	@echo "benchmarks.real_files is left out: SPLITCART_REAL_DATA names no folder of real files"
endif

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache demo-data *.egg-info
