# Thin wrappers, nothing hidden. Everything runs in an environment of its own, .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench accuracy budget chaos soak clean

.venv/.runtime: pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "needs Python 3.11 or later with its venv module (Debian: python3-venv), found $$($(PYTHON) -V 2>&1): make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.check: .venv/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[check]'
	@touch $@

demo: .venv/.runtime        ## set up, then the simulated machine, the gateway and the alarm
	$(BIN)/inversion demo

test: .venv/.check          ## set up, then all tests
	$(BIN)/python -m pytest

check: .venv/.check         ## lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.check         ## ratios against the floor, in one run
	$(BIN)/python -m benchmarks.observe
	$(BIN)/python -m benchmarks.invert
	$(BIN)/python -m benchmarks.network
	$(BIN)/python -m benchmarks.balancing
	$(BIN)/python -m benchmarks.processes
	$(BIN)/python -m benchmarks.modbus_speed
	$(BIN)/python -m benchmarks.fairness

accuracy: .venv/.check      ## false claims, coverage of widths and impacts, over many simulated windows
	$(BIN)/python -m benchmarks.false_claims
	$(BIN)/python -m benchmarks.width_coverage
	$(BIN)/python -m benchmarks.width_other_physics
	$(BIN)/python -m benchmarks.width_efficiency
	$(BIN)/python -m benchmarks.wrong_values
	$(BIN)/python -m benchmarks.impact_coverage
	$(BIN)/python -m benchmarks.pooling
	$(BIN)/python -m benchmarks.shaft_speed

budget: .venv/.check        ## what the gateway costs and how late it answers, on this machine's control groups
	$(BIN)/python -m benchmarks.budget
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.journal

soak: .venv/.check          ## a million frames as fast as they go: does anything grow?
	$(BIN)/python -m benchmarks.soak

chaos: .venv/.check         ## blows at random moments, 100 of each, and whether everything adds up afterwards
	$(BIN)/python -m benchmarks.chaos

clean:
	rm -rf .venv build results
