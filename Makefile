# Two commands do it all on a fresh machine: `make demo` and `make test`.
# Needs Python >= 3.11 with venv, a C++20 compiler, and a package index for pip.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= runs/demo

.PHONY: demo test quick lint clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed  ## the main job on an embedded phantom cohort
	$(BIN)/spinefx demo --out $(DEMO)

test: $(VENV)/.tools cpp  ## C++ and Python tests
	$(BIN)/python -P -m pytest -n 2 --dist loadfile

quick: $(VENV)/.tools  ## the tests that take seconds
	$(BIN)/python -P -m pytest -q -m "not slow" tests

.PHONY: cpp
cpp: $(VENV)/.tools
	PATH="$(abspath $(BIN)):$$PATH" cmake --preset dev -DPython_EXECUTABLE="$(abspath $(BIN))/python"
	PATH="$(abspath $(BIN)):$$PATH" cmake --build --preset dev

.PHONY: sanitize
sanitize: $(VENV)/.tools  ## the C++ tests under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer
	set -e; export PATH="$(abspath $(BIN)):$$PATH"; for preset in asan-ubsan tsan; do \
		cmake --preset $$preset; cmake --build --preset $$preset; SPINEFX_NUM_THREADS=4 ctest --preset $$preset; done

.PHONY: docs sbom
docs: $(VENV)/.installed  ## the documents as HTML in build/site, offline, warnings are errors
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -P -m mkdocs build -f .mkdocs.yml --strict --quiet

sbom: $(VENV)/.installed  ## what the pinned set consists of, as CycloneDX, in build/sbom.json
	$(BIN)/python -m pip install --quiet -c constraints.txt cyclonedx-bom
	$(BIN)/cyclonedx-py requirements constraints.txt --pyproject pyproject.toml --of JSON -o build/sbom.json

lint: $(VENV)/.tools  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	git ls-files 'csrc/*.hpp' 'csrc/*.cpp' 'csrc/*.cu' | xargs $(BIN)/clang-format --dry-run --Werror

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt CMakeLists.txt $(shell git ls-files csrc 2>/dev/null)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.tools: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt --group test --group lint
	@touch $@

clean:
	rm -rf build dist $(VENV)
