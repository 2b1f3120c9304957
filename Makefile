# plait: `make demo` shows it, `make test` proves it. Both need Python 3.11+, git 2.39+ and make, and work offline after the first time.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# A minute of silence looks like a hang: each package is named as its turn comes. The status goes by a file, as that of a pipe is its last part's.
NAMED = { $(BIN)/python -m pip --disable-pip-version-check install --progress-bar off $(1); echo $$? > .venv/status; } \
	| awk '/^Collecting/ { print "  " $$2; fflush() }'; exit $$(cat .venv/status)

.PHONY: help demo test test-fast test-floor agents agents-installed soak chaos lint format bench bench-schedule mutate lock clean pictures

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

# The stamps hold what was installed: a second time there is nothing to do, and nothing is asked of the network.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("plait needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 …")'
	@echo "installing plait and what it needs into .venv (once)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(call NAMED,-r requirements.lock)
	@$(PIP) install --no-deps -e .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	@echo "installing the tools of development (once)"
	@$(call NAMED,-r requirements-dev.lock)
	@touch $@

demo: .venv/installed ## a shopping cart, built by scripted agents on an embedded Prefect
	@$(BIN)/plait demo

# Tests run beside each other, on as many cores as there are; `make test N=0` runs them one after the other. Whoever is idle
# takes quick tests from another; slow ones stay with their file, whose tests share a server and end it with the last.
# Browser tests go alone: they look at pictures of a page that a loaded machine draws late.
N ?= auto
QUICK = -m "not slow and not browser" $(if $(filter-out 0,$(N)),-n $(N) --dist worksteal)
SLOW = -m "slow and not browser and not rare" $(if $(filter-out 0,$(N)),-n $(N) --dist loadfile)

test: test-fast ## all tests, the quick ones first
	@$(BIN)/python -m pytest $(SLOW)
	@$(BIN)/python -m pytest -m "browser"

test-fast: .venv/installed-dev ## the quick tests
	@$(BIN)/python -m pytest $(QUICK)

# The oldest Prefect that pyproject.toml allows, in a second environment. Only the quick tests that come near Prefect: the
# core knows none (an import contract holds it), so that its tests would only say the same again.
.venv-floor/installed: requirements-floor.lock pyproject.toml
	@echo "installing plait and the oldest Prefect that it allows into .venv-floor (once)"
	@[ -x .venv-floor/bin/python ] || $(PYTHON) -m venv .venv-floor
	@.venv-floor/bin/python -m pip --disable-pip-version-check --quiet install -r requirements-floor.lock
	@.venv-floor/bin/python -m pip --disable-pip-version-check --quiet install --no-deps -e .
	@touch $@

test-floor: .venv-floor/installed ## the quick tests that come near Prefect, on the oldest Prefect that is allowed
	@.venv-floor/bin/python -m pytest $(QUICK) tests/flows tests/blocks tests/agent_tasks tests/contracts tests/acceptance

agents-installed: .venv/installed-dev ## real agent programs for the tests, in pinned versions, into .programs (from npm and PyPI)
	@.ci/agent-programs

# Two at once by default: opencode alone takes 1 GB. Without any key: all of them talk to a fake model on loopback.
agents: agents-installed ## every test on real agent programs, against a fake model; the table goes to .programs/table.md
	@AGENTS_TABLE=.programs/table.md $(BIN)/python -m pytest -m agents -n $(if $(filter auto,$(N)),2,$(N)) --dist loadfile tests/agents

lint: .venv/installed-dev ## ruff, mypy --strict, the import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory .lint/plait
	@MYPYPATH=.lint $(BIN)/mypy
	@cd .lint && ../$(BIN)/lint-imports --no-cache --config ../pyproject.toml

# The packages under the names that they are imported by: neither mypy nor import-linter follows an editable install whose
# folders have other names than its packages.
.PHONY: .lint/plait
.lint/plait:
	@rm -rf .lint && mkdir -p $@
	@ln -s $(foreach part,$(filter-out %/__pycache__,$(wildcard plait/*)) flows agent_tasks blocks,../../$(part)) $@

format: .venv/installed-dev ## mends what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

soak: .venv/installed-dev ## any interleaving of what can happen to a run: make soak N=1000000
	@$(BIN)/python -m benchmarks.soak $(if $(filter auto,$(N)),1000000,$(N))

# CHAOS=--gc collects garbage meanwhile, --calm leaves people out, --whole kills whole runs in place of the integrator; SEED=… draws the same again.
chaos: .venv/installed-dev ## kills at random moments while people push, rewind and delete: make chaos N=1000; SEED=1 CHAOS=--whole
	@$(BIN)/python -m benchmarks.chaos $(if $(filter auto,$(N)),200,$(N)) $(if $(SEED),--seed $(SEED)) $(CHAOS)

bench: .venv/installed-dev ## every benchmark: tables here, JSON in benchmarks/results
	@$(BIN)/python -m benchmarks

bench-schedule: .venv/installed-dev ## schedules of published projects against the best known, and the speed of simulation
	@$(BIN)/python -m benchmarks.schedule

pictures: .venv/installed-dev ## the pictures of the README, from a real run
	@KEEP_PICTURES=1 $(BIN)/python -m pytest -m "browser"
	@KEEP_PICTURES=1 $(BIN)/python -m pytest tests/acceptance/test_pictures_commands.py -k documentation

mutate: .venv/installed-dev ## whether the quick tests notice small faults: a sample of each target; TARGETS="landing tasks" COUNT=60 SEED=1
	@$(BIN)/python -m benchmarks.mutate $(TARGETS) --count $(or $(COUNT),60) --seed $(or $(SEED),1)

lock: ## the pins again, from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" --group dev --extra postgres -c requirements.lock pyproject.toml -o requirements-dev.lock
	@cp requirements-dev.lock requirements-floor.lock # uv keeps the pins of its output where it can: only what an older Prefect needs differs
	sed -n 's/.*"prefect>=\([0-9.]*\),.*/prefect==\1/p' pyproject.toml | uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" --group dev --extra postgres pyproject.toml - -o requirements-floor.lock

clean: ## removes what was made here
	rm -rf .venv .venv-floor .lint build *.egg-info .plait-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis benchmarks/results
