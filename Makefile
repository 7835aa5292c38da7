# On a fresh machine with Python 3.11 or newer and make: `make demo` or `make test`, nothing else first.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
PACKAGES := vdsr_data vdsr_eval vdsr_train
unexport PYTHONDONTWRITEBYTECODE
PARALLEL := -n auto --dist loadgroup --no-loadscope-reorder

.PHONY: help install demo check format quick test test-nojit coverage torture conformance bench bench-metrics docs \
	dist lock clean

help:  ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

install: .venv/installed  ## Create the environment .venv with everything that the other targets need

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train,dev]'
	touch $@

demo: install  ## Data, two minutes of training, evaluation: the whole pipeline on photographs that come with scikit-image
	PATH="$(CURDIR)/$(BIN):$$PATH" sh demo.sh

check: install  ## Lint, formatting and types, those of a user's program too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_packaging.py -k "type_checked and pyright"

format: install  ## Mend formatting, and what else ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

quick: install  ## The tests that take at most half a second each, while you work
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not conformance and not torture" tests vdsr_data vdsr_eval

test: install  ## All tests but the long ones
	$(BIN)/python -m pytest $(PARALLEL) -m "not conformance and not torture"

test-nojit: install  ## The tests of the kernels as plain Python
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -m "not conformance and not jit" tests/test_data_*.py tests/test_eval_*.py \
		tests/test_train_winograd.py

coverage: install  ## Which lines and branches no test runs; the kernels' as plain Python
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report= -m "not conformance and not torture"
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest --cov --cov-append --cov-report= -m "not conformance and not jit" \
		tests/test_data_resize.py tests/test_data_color.py tests/test_data_filters.py tests/test_eval_metrics.py \
		tests/test_train_winograd.py
	$(BIN)/python -m coverage report --fail-under=95

torture: install  ## Many faults and damaged inputs, for about an hour; VDSR_SEED=1 makes other ones
	VDSR_TORTURE=$${VDSR_TORTURE:-1} $(BIN)/python -m pytest tests/faults

conformance: install  ## Long checks against the reference data (VDSR_DATA, or ../shared/data)
	$(BIN)/python -m pytest -m conformance

bench: install  ## Speed beside that of other libraries; writes docs/benchmarks.md, docs/growth.png and a table in README.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/growth.py

bench-metrics: install  ## SSIM beside that of whatever library is installed; writes the table of docs/metrics.md
	$(BIN)/python benchmarks/metrics.py --write

docs: install  ## The documentation, into site/; warnings are errors
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

dist: install  ## The archives of a release, checked
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

lock: install  ## Renew requirements.lock: versions that work together, for every system
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra train --extra dev --universal --python-version 3.11 --upgrade \
		--no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock

clean:  ## Remove the environment and everything made
	rm -rf .venv demo build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
