# The front door. Needs Python 3.11+, pip, make and git, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Also where Python is told to write no bytecode: without it every start of the command compiles its sources again.
COMPILE := $(BIN)/python -m compileall -q src
# The journals of the tests lie in memory where there is a gigabyte of it: each of their thousands of commits waits for the disk.
SCRATCH := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 1000000 {print "PYTEST_DEBUG_TEMPROOT=/dev/shm"}')
# Bytecode is kept for the tests too: each of the workers would otherwise compile all tests and their tools anew, each time.
TESTING := env -u PYTHONDONTWRITEBYTECODE $(SCRATCH) $(BIN)/python -m

.PHONY: help install demo test test-further fast coverage census chaos chaos-tables lint types layers check bench bench-quick bench-more bench-million bench-page outages soak clients docs clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/.installed: pyproject.toml
	@echo "Installing into $(VENV): once, some twenty seconds"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@$(COMPILE)
	@touch $@

$(BIN)/.installed-dev: $(BIN)/.installed
	@echo "Installing the test tools into $(VENV): once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(BIN)/.installed-bench: $(BIN)/.installed
	@echo "Installing the other programs of the benchmark into $(VENV): once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

install: $(BIN)/.installed ## install into .venv

demo: $(BIN)/.installed ## the main job on the built-in sandbox, from start to finish
	@$(BIN)/intercom-bulk demo

# Files go out in their own order: by the number of tests, as xdist has it, the long files with few tests would come last, and alone.
TESTS := pytest -q -n 6 --dist loadfile --no-loadscope-reorder

test: $(BIN)/.installed-dev ## the tests, but for the long ones
	@$(COMPILE)
	@$(TESTING) $(TESTS) -m 'not slow and not further'

test-further: $(BIN)/.installed-dev ## the further cases of long tables, of which `make test` takes a few each (three to four minutes)
	@$(COMPILE)
	@$(TESTING) $(TESTS) -m 'further and not slow'

FAST := pytest -q -m 'not slow' -n 2 --dist loadfile tests/unit tests/properties tests/contracts tests/whole

fast: $(BIN)/.installed-dev ## the tests that start no server
	@$(COMPILE)
	@$(TESTING) $(FAST)

# Two threads that start at once may meet in sys.settrace, and one of them ends: of CPython 3.11 under coverage, so no test's fault.
coverage: $(BIN)/.installed-dev ## the same, measured: how many branches of engine, runs and service they walk through (takes half as long again)
	@$(COMPILE)
	@$(BIN)/coverage erase
	@$(TESTING) coverage run -m $(FAST) -W ignore::pytest.PytestUnraisableExceptionWarning
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report --sort=cover
	@$(BIN)/coverage json -q -o - | $(BIN)/python -c "import json, sys; \
	  t = json.load(sys.stdin)['totals']; print('branches: {covered_branches} of {num_branches}'.format(**t))"

soak: $(BIN)/.installed-dev ## the long tests: 200 kills, large runs
	@KILLS=200 $(BIN)/python -m pytest -q -m slow

census: $(BIN)/.installed-dev ## every verb whole: example, plan, verification, way back, each documented error, kill -9 and resume (three minutes)
	@$(BIN)/python -m pytest -q tests/acceptance/test_census.py

chaos: $(BIN)/.installed-dev ## faults in every stage of every verb, and answers mutated at random, against the server's books (half an hour)
	@$(BIN)/python tests/chaos/run.py --cases $(or $(CASES),1500) --mutations $(or $(MUTATIONS),3000) $(CHAOS)

chaos-tables: $(BIN)/.installed-dev ## the tables of docs/reference/chaos.md from what `make chaos` has found
	@$(BIN)/python tests/chaos/tables.py $(or $(RESULTS),chaos-results.jsonl) --write docs/reference/chaos.md

lint: $(BIN)/.installed-dev ## ruff
	@$(BIN)/ruff check .

types: $(BIN)/.installed-dev ## mypy, strict
	@$(BIN)/mypy

layers: $(BIN)/.installed-dev ## the import layers
	@$(BIN)/lint-imports

check: lint types layers ## everything but the tests

bench: $(BIN)/.installed-bench ## every scenario by every program (a quarter of an hour); BENCH=--continue goes on, BENCH='--only clock-45' takes one
	@$(COMPILE)
	@$(BIN)/python benchmarks/help_time.py
	@$(BIN)/python benchmarks/bench.py $(BENCH)

bench-quick: $(BIN)/.installed-bench ## two small scenarios, about a minute
	@$(COMPILE)
	@$(BIN)/python benchmarks/bench.py --quick $(BENCH)

bench-more: $(BIN)/.installed ## several processes on one token, and a search in parts beside one cursor (six minutes)
	@$(COMPILE)
	@$(BIN)/python benchmarks/many_processes.py
	@$(BIN)/python benchmarks/wide_search.py

bench-million: $(BIN)/.installed ## peak memory with a million items: plan, run, resume, verify, report (half an hour); ITEMS=N
	@$(COMPILE)
	@$(BIN)/python benchmarks/million.py --items $(or $(ITEMS),1000000)

bench-page: $(BIN)/.installed ## docs/reference/benchmarks.md and its pictures, from what was measured
	@$(BIN)/python benchmarks/bench_page.py

outages: $(BIN)/.installed-dev ## scattered failures, and outages of 20 s, 3 min and 9 min in the middle of runs, against the sandbox
	@$(BIN)/python benchmarks/scattered_failures.py
	@$(BIN)/python benchmarks/outages.py

clients: $(BIN)/.installed-dev ## other people's Intercom clients against the sandbox: a table of what works
	@$(BIN)/python tests/clients/run.py

docs: $(BIN)/.installed ## the generated pages and the picture of the screen, written anew
	@PYTHONPATH=docs $(BIN)/python -m pages
	@$(BIN)/python docs/draw_screen.py

clean: ## remove what was built
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
