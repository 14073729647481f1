# Every target does its own set-up. Needs Python 3.11 or later, git and make; Node.js is installed where it's missing.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
OLDEST_VENV := .venv-oldest
BIN := $(VENV)/bin
JOBS ?= 6
JAVASCRIPT := tests/e2e/javascript

# The console is built into the package's sources, where editable installs and wheels take it from.
CONSOLE := src/rootkeeper/console/index.html
CONSOLE_SOURCES := $(shell find console/src console/public -type f ! -name generated.ts) \
	$(addprefix console/,index.html openapi.json package.json tsconfig.json vite.config.ts)

# The documentation site is built into the package's sources, too. Its generator and the tests' AWS CLI can't be installed
# together, so it has a virtual environment of its own.
DOCS_VENV := .venv-docs
HELP := src/rootkeeper/help/index.html
HELP_SOURCES := $(shell find docs -type f ! -path 'docs/dev/*' ! -name '*.pyc') README.md SECURITY.md CHANGELOG.md console/openapi.json \
	src/rootkeeper_sandbox/BEHAVIOUR.md

# The virtual environment has a Node.js only where the machine's own won't do.
NPM := env PATH="$(CURDIR)/$(BIN):$$PATH" npm
NPM_CI := ci --ignore-scripts --no-audit --no-fund --loglevel=error

# One line for each long step, with its duration; the output of an installer only if it fails.
STEP := scripts/step

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without its cache of compiled files Python reads all test files again in each worker.
unexport PYTHONDONTWRITEBYTECODE

# $(call install,VENV): makes it with the Python in $$1, and installs the locked packages, each checked against its hash,
# then the project itself.
install = "$$1" -m venv $(1) \
	&& $(1)/bin/python -m pip install --quiet --require-hashes --requirement requirements/tests.lock \
	&& $(1)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.installed $(VENV)/.chromium $(JAVASCRIPT)/node_modules/.installed $(CONSOLE) $(HELP) ## Install everything that tests need (PYTHON=… picks the Python)

.PHONY: demo
demo: $(VENV)/.installed $(CONSOLE) $(HELP) ## Start sandbox, server and console to try it all; Ctrl-C ends it
	@$(BIN)/rootkeeper demo

.PHONY: test
test: setup ## Static checks, and all tests but the long ones
	@$(MAKE) --no-print-directory --jobs=2 check test-quick

.PHONY: test-quick
test-quick: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not long" -p no:schemathesis

.PHONY: test-long
test-long: setup test-oldest $(VENV)/.podman ## The long tests: kill -9 at every step, takeovers, random lives and examples, the whole console, attacks, mutations, the oldest Python
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "long or hypothesis" --ignore tests/attack
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m long tests/attack

.PHONY: check
check: setup ## Lint, format, types, import contracts, and the same of the console
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python console/scripts/write_openapi.py --check
	$(NPM) run --prefix console --silent types
	$(NPM) run --prefix console --silent lint

.PHONY: test-oldest
test-oldest: setup ## The unit and contract tests on the oldest Python of this machine that the package runs on
	@oldest=$$(scripts/find-python oldest); \
	if [ "$$($$oldest -c 'import sys; print(sys.version_info[:2])')" = "$$($(BIN)/python -c 'import sys; print(sys.version_info[:2])')" ]; then \
		echo "SKIPPED: tests on an older Python, since this machine has none."; \
	else \
		$(MAKE) --no-print-directory $(OLDEST_VENV)/.installed OLDEST="$$oldest" && \
		echo "Tests on $$($(OLDEST_VENV)/bin/python --version)" && \
		$(OLDEST_VENV)/bin/python -m pytest -n $(JOBS) --dist loadgroup -q -p no:cacheprovider -m "not long" tests/unit tests/contracts; \
	fi

.PHONY: bench
bench: setup ## Run every benchmark; each prints a table
	@for program in bench/*.py; do echo "== $$program"; $(BIN)/python "$$program" || exit 1; done

.PHONY: docs
docs: $(VENV)/.installed $(DOCS_VENV)/.installed ## Write references, manual page, schemas and pictures again, and build the documentation site
	$(BIN)/python docs/reference/make_reference.py
	$(BIN)/python docs/reference/make_schemas.py
	$(BIN)/python docs/pictures/make_pictures.py
	$(DOCS_VENV)/bin/python -m docs.site.build

$(VENV)/.installed: requirements/tests.lock pyproject.toml
	@python=$${PYTHON:-$$(scripts/find-python newest)}; \
	if [ -z "$$python" ]; then \
		echo "Rootkeeper needs Python 3.11 or later, and none was found. Install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "Rootkeeper needs Python 3.11 or later; $$python is $$("$$python" --version 2>&1). Name another: make setup PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	$(STEP) "Installing Rootkeeper into $(VENV) with $$("$$python" --version)" sh -c '$(call install,$(VENV))' sh "$$python"
	@touch $@

$(VENV)/.chromium: $(VENV)/.installed scripts/ensure-chromium
	@scripts/ensure-chromium $(VENV)
	@touch $@

$(VENV)/.podman: $(VENV)/.installed scripts/ensure-podman
	@scripts/ensure-podman
	@touch $@

$(OLDEST_VENV)/.installed: requirements/tests.lock pyproject.toml
	@$(STEP) "Installing Rootkeeper into $(OLDEST_VENV)" sh -c '$(call install,$(OLDEST_VENV))' sh "$(OLDEST)"
	@touch $@

$(JAVASCRIPT)/node_modules/.installed: $(JAVASCRIPT)/package.json $(JAVASCRIPT)/package-lock.json | $(VENV)/.installed
	@scripts/ensure-node $(VENV)
	@$(STEP) "Installing the AWS SDK for JavaScript for the tests" $(NPM) $(NPM_CI) --prefix $(JAVASCRIPT)
	@touch $@

.PHONY: console
console: $(CONSOLE) ## Build the web console

$(CONSOLE): $(CONSOLE_SOURCES) console/node_modules/.installed
	@$(STEP) "Building the console" $(NPM) run --prefix console --silent build
	@touch $@

console/node_modules/.installed: console/package.json console/package-lock.json | $(VENV)/.installed
	@scripts/ensure-node $(VENV)
	@$(STEP) "Installing the packages of the console" $(NPM) $(NPM_CI) --prefix console
	@touch $@

.PHONY: dist
dist: setup $(DOCS_VENV)/.installed ## Build wheel, source distribution and SBOMs of the last commit into dist/
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/build-release

$(HELP): $(HELP_SOURCES) $(DOCS_VENV)/.installed
	@$(STEP) "Building the documentation" $(DOCS_VENV)/bin/python -m docs.site.build
	@touch $@

$(DOCS_VENV)/.installed: requirements/docs.lock | $(VENV)/.installed
	@$(STEP) "Installing the generator of the documentation into $(DOCS_VENV)" sh -c '$(BIN)/python -m venv $(DOCS_VENV) \
		&& $(DOCS_VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements/docs.lock'
	@touch $@

.PHONY: lock
lock: ## Pin every dependency again (needs uv)
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 \
		--extra postgresql --extra server --group dev pyproject.toml -o requirements/tests.lock
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --group node -o requirements/node.lock
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --group release -o requirements/release.lock
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --group docs -o requirements/docs.lock
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --group image \
		--constraint requirements/docs.lock --constraint requirements/node.lock -o requirements/image.lock
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --constraint requirements/tests.lock \
		--extra postgresql --extra server pyproject.toml -o requirements/server.lock
