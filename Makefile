# Every target does its own set-up. Needs Python 3.11 or later, git and make; Node.js is installed where it's missing.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
OLDEST_VENV := .venv-oldest
BIN := $(VENV)/bin
CORES := $(shell getconf _NPROCESSORS_ONLN)
# Tests wait for processes and for times, so three workers keep a core busy.
JOBS ?= $(shell echo $$(($(CORES) * 3)))
# What runs on the oldest Python: every store and every port, and the program from its start to a closed window.
SMOKE := tests/contracts tests/functional/test_program.py tests/functional/test_setup_commands.py \
	tests/functional/test_audit_command.py tests/functional/test_delete_commands.py tests/functional/test_recovery_commands.py
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

# pip takes half a package for a whole one, so an environment in which an installation was cut off is removed before make
# looks for what is there.
ifneq ($(wildcard .venv*/.unfinished),)
REMOVED := $(shell scripts/remove-unfinished $(patsubst %/.unfinished,%,$(wildcard .venv*/.unfinished)))
endif

# The virtual environment has a Node.js only where the machine's own won't do.
NPM := env PATH="$(CURDIR)/$(BIN):$$PATH" npm
NPM_CI := ci --ignore-scripts --no-audit --no-fund --loglevel=error

# A line when a long step begins and one when it ends; the output of an installer only if it fails.
STEP := scripts/step
ifndef SET_UP_BEGAN_AT
export SET_UP_BEGAN_AT := $(shell date +%s)
endif

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without its cache of compiled files Python reads all test files again in each worker.
unexport PYTHONDONTWRITEBYTECODE

# Installs locked packages into an environment, and what follows them: the project itself, editable.
INSTALL := scripts/install-locked
EDITABLE := -- --no-build-isolation --editable .

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.installed $(VENV)/.chromium $(JAVASCRIPT)/node_modules/.installed $(CONSOLE) $(HELP) ## Install everything that tests need (PYTHON=… picks the Python)

.PHONY: demo
demo: ## Start sandbox, server and console to try it all; Ctrl-C ends it
	@$(MAKE) --no-print-directory --jobs=3 $(VENV)/.server $(CONSOLE) $(HELP)
	@$(BIN)/rootkeeper demo

# One run of pytest for nearly all tests, because each of its workers reads all of them first. Apart are attacks and the
# tests by Schemathesis, whose plugin would slow all the others. The server of an attack must get a processor at once, so
# the large run beside them is niced.
PYTEST := $(BIN)/python -m pytest --dist loadgroup
APART := tests/attack tests/functional/api/test_schemathesis.py
TOGETHER := -p no:schemathesis $(addprefix --ignore ,$(APART))
# In a new clone all workers would compile all test files at the same time.
COMPILE_TESTS := [ -d tests/unit/__pycache__ ] || $(PYTEST) --collect-only -qq $(TOGETHER) >/dev/null
ifdef LONG
SUITES := test-oldest test-whole test-apart
else
SUITES := test-quick
endif

.PHONY: test
test: ## Static checks, and all tests but the long ones; LONG=yes for all
	@$(MAKE) --no-print-directory --jobs=3 setup
	@$(MAKE) --no-print-directory --jobs=3 check $(SUITES)

.PHONY: test-quick
test-quick: setup
	@$(COMPILE_TESTS)
	$(PYTEST) -n $(JOBS) $(TOGETHER) -m "not long"

.PHONY: test-long
test-long: setup $(VENV)/.podman ## The long tests alone: kill -9 at every step, takeovers, random lives, the whole console, attacks, mutations
	@$(MAKE) --no-print-directory --jobs=2 test-whole test-apart CHOICE='-m "long or hypothesis"'

.PHONY: test-whole
test-whole: setup $(VENV)/.podman
	@$(COMPILE_TESTS)
	nice -n 10 $(PYTEST) -n $(JOBS) $(TOGETHER) $(CHOICE)

.PHONY: test-apart
test-apart: setup
	$(PYTEST) -n $(CORES) $(APART)

.PHONY: test-all
test-all: ## All tests, also those of installation, image and other tools whose files haven't changed
	@TEST_INPUTS=record $(MAKE) --no-print-directory test LONG=yes

.PHONY: test-times
test-times: ## The same, and write the table of minutes by suite in CONTRIBUTING.md
	@rm -f build/times-*.jsonl && mkdir -p build
	@TEST_TIMES=build $(MAKE) --no-print-directory test-all
	@$(BIN)/python bench/suites.py --markdown CONTRIBUTING.md

.PHONY: test-random
test-random: setup ## Explore with fresh seeds for MINUTES=… (10) or SECONDS=…; a failure prints the example to pin
	@$(BIN)/python scripts/explore_examples.py --seconds $(or $(SECONDS),$(shell expr $(or $(MINUTES),10) \* 60)) --jobs $(JOBS)

.PHONY: test-for
test-for: setup ## All tests that cover FILES="…", or else what differs from origin/HEAD or the last commit; QUICK=yes for no long ones
	@tests=$$($(BIN)/python -m tests.selection $(FILES)) && \
		$(PYTEST) -n $(CORES) $(if $(QUICK),-p no:schemathesis -m "not long") $$tests

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
test-oldest: setup ## Contract and smoke tests on the oldest Python of this machine that the package runs on
	@oldest=$$(scripts/find-python oldest); \
	if [ "$$($$oldest -c 'import sys; print(sys.version_info[:2])')" = "$$($(BIN)/python -c 'import sys; print(sys.version_info[:2])')" ]; then \
		echo "SKIPPED: tests on an older Python, since this machine has none."; \
	else \
		$(MAKE) --no-print-directory $(OLDEST_VENV)/.installed OLDEST="$$oldest" && \
		echo "Tests on $$($(OLDEST_VENV)/bin/python --version)" && \
		$(OLDEST_VENV)/bin/python -m pytest -n $(JOBS) --dist loadgroup -q -p no:cacheprovider -m "not long" $(SMOKE); \
	fi

.PHONY: bench
bench: setup ## Run every benchmark; each prints a table
	@for program in bench/*.py; do echo "== $$program"; $(BIN)/python "$$program" || exit 1; done

.PHONY: docs
docs: $(VENV)/.installed $(DOCS_VENV)/.installed ## Write references, manual page, schemas and pictures again, and build the documentation site
	$(BIN)/python -m docs.reference.make_reference
	$(BIN)/python docs/reference/make_schemas.py
	$(BIN)/python docs/pictures/make_pictures.py
	$(DOCS_VENV)/bin/python -m docs.site.build

# What was set up before there were these marks is kept, too.
$(VENV)/.made:
	@if [ ! -e $(VENV)/.installed ]; then \
		python=$$(scripts/find-python newest $(PYTHON)) && rm -rf $(VENV) && \
		PYTHON="$$python" $(STEP) "Making $(VENV) with $$("$$python" --version)" $(INSTALL) $(VENV); \
	fi
	@touch $@

$(VENV)/.node: | $(VENV)/.made
	@scripts/ensure-node $(VENV)
	@touch $@

$(VENV)/.server: requirements/server.lock requirements/editable.lock pyproject.toml | $(VENV)/.node
	@$(STEP) "Installing Rootkeeper into $(VENV)" $(INSTALL) $(VENV) requirements/server.lock requirements/editable.lock $(EDITABLE)
	@touch $@

$(VENV)/.installed: requirements/tests.lock $(VENV)/.server
	@$(STEP) "Installing what the tests need into $(VENV)" $(INSTALL) $(VENV) requirements/tests.lock
	@touch $@

$(VENV)/.chromium: $(VENV)/.installed scripts/ensure-chromium
	@scripts/ensure-chromium $(VENV)
	@touch $@

$(VENV)/.podman: $(VENV)/.installed scripts/ensure-podman
	@scripts/ensure-podman
	@touch $@

$(OLDEST_VENV)/.installed: requirements/server.lock requirements/editable.lock requirements/smoke.lock pyproject.toml
	@PYTHON="$(OLDEST)" $(STEP) "Installing Rootkeeper into $(OLDEST_VENV)" $(INSTALL) $(OLDEST_VENV) requirements/server.lock \
		requirements/editable.lock requirements/smoke.lock $(EDITABLE)
	@touch $@

$(JAVASCRIPT)/node_modules/.installed: $(JAVASCRIPT)/package.json $(JAVASCRIPT)/package-lock.json | $(VENV)/.node
	@$(STEP) "Installing the AWS SDK for JavaScript for the tests" $(NPM) $(NPM_CI) --prefix $(JAVASCRIPT)
	@touch $@

.PHONY: console
console: $(CONSOLE) ## Build the web console

# Built elsewhere and then moved, so that a build that was cut off leaves no half console. `make check` checks the types.
$(CONSOLE): $(CONSOLE_SOURCES) console/node_modules/.installed
	@$(STEP) "Building the console" $(NPM) exec --prefix console -- vite build console --logLevel warn --outDir ../build/console
	@rm -rf $(@D) && mv build/console $(@D) && touch $@

console/node_modules/.installed: console/package.json console/package-lock.json | $(VENV)/.node
	@$(STEP) "Installing the packages of the console" $(NPM) $(NPM_CI) --prefix console
	@touch $@

.PHONY: dist
dist: setup $(DOCS_VENV)/.installed ## Build wheel, source distribution and SBOMs of the last commit into dist/
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/build-release

$(HELP): $(HELP_SOURCES) $(DOCS_VENV)/.installed
	@$(STEP) "Building the documentation" $(DOCS_VENV)/bin/python -m docs.site.build
	@touch $@

$(DOCS_VENV)/.installed: requirements/docs.lock | $(VENV)/.made
	@$(STEP) "Installing the generator of the documentation into $(DOCS_VENV)" $(INSTALL) $(DOCS_VENV) requirements/docs.lock
	@touch $@

COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11

.PHONY: lock
lock: $(VENV)/.made ## Pin every dependency again
	$(COMPILE) --extra postgresql --extra server --group dev pyproject.toml -o requirements/tests.lock
	$(COMPILE) --group installer --constraint requirements/tests.lock -o requirements/installer.lock
	$(COMPILE) --group node -o requirements/node.lock
	$(COMPILE) --group release -o requirements/release.lock
	$(COMPILE) --group docs -o requirements/docs.lock
	$(COMPILE) --group image \
		--constraint requirements/docs.lock --constraint requirements/node.lock -o requirements/image.lock
	$(COMPILE) --constraint requirements/tests.lock --extra postgresql --extra server pyproject.toml \
		-o requirements/server.lock
	$(COMPILE) --constraint requirements/tests.lock --group editable -o requirements/editable.lock
	$(COMPILE) --constraint requirements/tests.lock --group smoke -o requirements/smoke.lock
