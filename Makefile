# Two commands on a fresh machine: `make demo` and `make test`.
# pip reads its own variables (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS ...) from the
# environment, so a CPU build of torch is chosen there.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The peers that products and faces are compared with; the modules used need no torchvision.
PEERS := $(BIN)/python -m pip install --quiet --no-deps \
  "medmnist==3.0.2" "nnunetv2>=2.8" "batchgenerators>=0.25" "acvl-utils>=0.2.6"
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

.PHONY: demo test test-browser check lint bench clean

demo: $(VENV)/.has-train-serve
	$(BIN)/medshelf demo

test: $(VENV)/.has-train-fast-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

# The explorer in a real Chromium; part of `make test`, which skips it where there is none.
test-browser: $(VENV)/.has-train-fast-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile tests/browser

check: lint test

lint: $(VENV)/.has-train-fast-test-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

bench: $(VENV)/.has-train-fast-test-bench
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# .has-train-fast-test is an environment with the extras [train,test], and so on.
$(VENV)/.has-%: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) ".[$(subst -,$(comma),$*)]"
	$(if $(findstring test,$*),$(PEERS))
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

comma := ,
